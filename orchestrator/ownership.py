"""What is made by `sudo` in a directory of whoever called it is theirs: after one `sudo orchestrator …` they go on.

Root without `sudo` (`su`, a container) keeps what it makes: it would be refused the new plan that it gave away. Whose a
directory is, is asked once in a process, and by nobody else. The guard makes files as well, so only the standard
library is imported here.
"""

from __future__ import annotations

import os

#: The number of whoever called `sudo`, where we are root by it.
_PERSON = os.environ.get("SUDO_UID", "") if os.geteuid() == 0 else ""
#: Owner and group by directory; None: not theirs.
_OWNERS: dict[str, tuple[int, int] | None] = {}


def open_made(path: str, flags: int, mode: int) -> int:
    """Open a file as ``os.open`` does, and make it where there is none."""
    flags |= os.O_CREAT
    if _owner_above(path) is None:
        return os.open(path, flags, mode)
    # Only what was made just now is given away: another name of any file may have been planted there.
    try:
        descriptor = os.open(path, flags | os.O_EXCL, mode)
    except FileExistsError:
        if flags & os.O_EXCL:
            raise
        return os.open(path, flags, mode)
    give(descriptor, path)
    return descriptor


def make_directory(path: str) -> None:
    """Make a directory; raises as ``os.mkdir``."""
    os.mkdir(path, 0o775)
    if _owner_above(path) is not None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        give(descriptor, path)
        os.close(descriptor)


def make_directories(path: str) -> None:
    """Make a directory, and those above it, where there are none; raises as ``os.makedirs``.

    Each of them like the last one, which ``os.makedirs`` does not: under umask 000 others could write in those above.
    """
    try:
        make_directory(path)
    except FileNotFoundError:
        above = os.path.dirname(path)
        if above in {"", path} or os.path.lexists(above):
            raise  # nothing can be made there, as in /proc
        make_directories(above)
        make_directories(path)
    except OSError:
        if not os.path.isdir(
            path
        ):  # a file system may say something else first than that it exists
            raise


def give(descriptor: int, path: str) -> None:
    """Give what was made at a path just now to whoever called `sudo`, where the directory is theirs that it is in."""
    owner = _owner_above(path)
    if owner is None:
        return
    try:
        os.fchown(descriptor, *owner)
    except OSError:
        return  # root of a container, or behind a network, may give nothing away


def name_of(uid: int) -> str:
    """Return what people call a user; the number where it has no name."""
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _owner_above(path: str) -> tuple[int, int] | None:
    """Return owner and group of the directory in which something is made, where both are to be kept."""
    if not _PERSON:
        return None
    directory = os.path.dirname(path) or "."
    if directory not in _OWNERS:
        try:
            found = os.stat(directory)
        except OSError:
            return None  # whoever makes something there says so best
        _OWNERS[directory] = (found.st_uid, found.st_gid) if str(found.st_uid) == _PERSON else None
    return _OWNERS[directory]
