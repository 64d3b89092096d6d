"""What root makes in a directory of another user is theirs: after one `sudo orchestrator …` the plan still is, too.
What another user made is not executed as us unasked.

Whose a directory is, is asked once in a process; no one but root asks, and what root makes among its own stays as it
is. The guard makes files as well, so only the standard library is imported here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

#: A system without users of that sort is refused by `cli/main.py`, which says what is missing.
_IS_ROOT = getattr(os, "geteuid", lambda: -1)() == 0
#: The number of the user who called `sudo`.
_PERSON = os.environ.get("SUDO_UID", "")
#: Owner and group by directory; None: root's own.
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


def make_directory(path: str, *, is_plan: bool = False) -> None:
    """Make a directory; raises as ``os.mkdir``.

    A new plan is theirs only where it was asked for by `sudo`: root itself would be refused what it gave away.
    """
    os.mkdir(path, 0o775)
    owner = _owner_above(path)
    if owner is not None and not (is_plan and str(owner[0]) != _PERSON):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        give(descriptor, path)
        os.close(descriptor)


def make_directories(path: str, *, is_plan: bool = False) -> None:
    """Make a directory, and those above it, where there are none, as ``make_directory``; raises as ``os.makedirs``.

    Each of them like the last one, which ``os.makedirs`` does not: under umask 000 others could write in those above.
    """
    try:
        make_directory(path, is_plan=is_plan)
    except FileNotFoundError:
        above = os.path.dirname(path)
        if above in {"", path} or os.path.lexists(above):
            raise  # nothing can be made there, as in /proc
        make_directories(above, is_plan=is_plan)
        make_directories(path, is_plan=is_plan)
    except OSError:
        # A file system may say something else first than that it exists.
        if not os.path.isdir(path):
            raise


def give(descriptor: int, path: str) -> None:
    """Give what was made at a path just now to whom the directory belongs that it is in."""
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


def is_trusted(owner: int, environment: Mapping[str, str]) -> bool:
    """Say whether what a user left may be executed as us: ours, root's, or that of the user who called `sudo`."""
    us = os.geteuid()
    return owner in {0, us} or (us == 0 and str(owner) == environment.get("SUDO_UID"))


def open_to_us(directories: Sequence[str], environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return those directories of a person that are ours to look into, or that are not there.

    With the HOME of another user no one needs what is there, nor asked for it, and agents that are described there
    would be started as us: what it is worth is a warning. Of a link it counts who made it.
    """
    found = []
    for directory in directories:
        why = ""
        try:
            os.close(os.open(directory, os.O_RDONLY))
            if not is_trusted(owner := os.lstat(directory).st_uid, environment):
                why = f"it belongs to {name_of(owner)}"
        except PermissionError as error:
            why = f"cannot list: {error.strerror}"
        except OSError:
            pass  # mostly there is none; all else is reported by anyone who reads it
        if why:
            import warnings

            text = f"{directory}: {why}, so nothing there counts"
            warnings.warn(f"{text}; set HOME or XDG_CONFIG_HOME to yours", stacklevel=2)
        else:
            found.append(directory)
    return tuple(found)


def _owner_above(path: str) -> tuple[int, int] | None:
    """Return owner and group of the directory in which something is made, where both are to be kept."""
    if not _IS_ROOT:
        return None
    directory = os.path.dirname(path) or "."
    if directory not in _OWNERS:
        try:
            found = os.stat(directory)
        except OSError:
            return None  # anyone who makes something there reports it best
        _OWNERS[directory] = (found.st_uid, found.st_gid) if found.st_uid else None
    return _OWNERS[directory]
