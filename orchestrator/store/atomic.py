"""Files replaced whole: written beside, flushed, renamed. A reader never sees half a file."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, BinaryIO, Self

from orchestrator.errors import NotAFileError, StoreError
from orchestrator.lazy import LazyModule
from orchestrator.ownership import open_made
from orchestrator.store.layout import PEOPLES, STATE

if TYPE_CHECKING:
    import ctypes

    from orchestrator.store import disk, process
else:
    ctypes = LazyModule("ctypes")
    disk = LazyModule("orchestrator.store.disk")
    process = LazyModule("orchestrator.store.process")

#: The directories in a plan directory: one that is a link was planted, and what is written there would land elsewhere.
DIRECTORIES = frozenset(name.rstrip("/") for name in (*STATE, *PEOPLES) if name.endswith("/"))
#: Bytes read in one go; most of our files are smaller.
_PIECE = 64 * 1024
#: Bytes of a file that is read as a whole: how much memory a run takes must not depend on what a user put there.
LARGEST = 64 * 1024 * 1024
#: The hint for an error of the disk.
ADVICE = "check space, permissions and that the directory still exists, then run again"
#: The hint where something lies in the place of a file that is not a plain file.
_MOVE_AWAY = "move away what is there; `orchestrator doctor --plan` says what should"
_UNFIT = frozenset({errno.EINVAL, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENXIO})
_DENIED = frozenset({errno.EACCES, errno.EPERM})
#: Errors of a kernel or a container that does not have, or does not allow, a system call.
_NOT_HERE = frozenset({errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EINVAL, errno.EOPNOTSUPP})
_TEMPORARY = re.compile(r"(?:\..+\.(\d+)|.+\.attempt-\d+\.json)\.tmp")
#: Seconds after which a temporary file counts as left behind, even if a process with its number lives: it is another.
_OLD = 60.0


class io_errors:  # noqa: N801 - it is used as ``suppress`` is; a generator would take three times as long
    """Turn what the system refuses into one clear line.

    Raises:
        NotAFileError: what is there is not what should be there.
        StoreError: the system said no.
    """

    __slots__ = ("doing", "path")

    def __init__(self, doing: str, path: str) -> None:
        """Say what is done to which file."""
        self.doing, self.path = doing, path

    def __enter__(self) -> None:
        """Go on."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Raise an ``OSError`` as a ``StoreError`` that names the file; let any other exception pass."""
        if isinstance(error, OSError):
            make, hint = (NotAFileError, _MOVE_AWAY) if error.errno in _UNFIT else (StoreError, ADVICE)
            if error.errno in _DENIED:
                hint = disk.advice(self.path) or hint
            text = f"cannot {self.doing}: {error.strerror or error}"
            raise make(text, where=self.path, hint=hint) from error


def reject_symlinks(*directories: str) -> None:
    """Do nothing unless one of our directories is a link: what is written there would land elsewhere.

    Raises:
        StoreError: it is one.
    """
    for path in directories:
        if os.path.islink(path):
            raise StoreError(
                "it is a link, and nothing is written through a link",
                where=path,
                hint="put a directory in its place, with what it should hold",
            )


def atomic_write(path: str, data: bytes, *, is_durable: bool = False) -> os.stat_result:
    """Put *data* in the place of *path*; return what the system says of the new file. It survives every own crash.

    *is_durable*: and a power cut, once this has returned.

    Raises:
        StoreError: it could not be written; *path* is as before.
    """
    with Replacement(path, data) as new:
        if is_durable:
            new.sync()
        found = new.publish()
    if is_durable:
        sync_directory(os.path.dirname(path))
    return found


class Replacement:
    """A file written beside the one it will replace, so that many can be synced together before any takes its place.

    Raises:
        StoreError: it could not be written; the file it was to replace is as before.
    """

    def __init__(self, path: str, data: bytes) -> None:
        """Write *data* beside *path*."""
        directory, _, name = path.rpartition("/")
        self.path = path
        # One writer for each file, so the pid keeps two processes apart and nothing else is needed.
        self._temporary = f"{directory}/.{name}.{os.getpid()}.tmp"
        with io_errors("write", path):
            # O_NOFOLLOW: a planted link is never written through.
            self.descriptor = _open_new(self._temporary, getattr(os, "O_NOFOLLOW", 0))
            try:
                _keep_owner_and_mode(path, self.descriptor)
                _write_all(self.descriptor, data)
            except BaseException:
                self.__exit__()
                raise

    def sync(self) -> None:
        """Put it on the disk first, or a power cut may leave an empty file in the place of what only a person has."""
        with io_errors("sync", self.path):
            os.fsync(self.descriptor)

    def publish(self) -> os.stat_result:
        """Take the place of the file; return what the system says of it, whatever is there by now."""
        with io_errors("write", self.path):
            os.replace(self._temporary, self.path)
            self._temporary = ""
            return os.fstat(self.descriptor)

    def __enter__(self) -> Self:
        """Go on to ``publish``; whatever was not published is removed again."""
        return self

    def __exit__(self, *error: object) -> None:
        """Forget what did not take its place."""
        os.close(self.descriptor)
        if self._temporary:
            _forget(self._temporary)


def _keep_owner_and_mode(path: str, descriptor: int) -> None:
    """Give a new file what its person gave the old one, as far as the system lets us: not only to root, by `sudo`."""
    try:
        before = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(before.st_mode):
        return
    made = os.fstat(descriptor)
    # The group first: of a file that was given away it can no longer be changed.
    if made.st_gid != before.st_gid:
        with suppress(OSError):
            os.fchown(descriptor, -1, before.st_gid)
    if made.st_uid != before.st_uid:
        with suppress(OSError):
            os.fchown(descriptor, before.st_uid, -1)
    # Last: another owner takes bits of the mode away.
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        return  # it was never made, or it is what could not be written: the first error is the one to report


def write_new(path: str, data: bytes) -> None:
    """Write a file whose name was never used before; what is there already is not ours and is replaced, not followed.

    Raises:
        StoreError: it could not be written.
    """
    with io_errors("write", path):
        make_room(path)
        descriptor = _open_new(path)
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)


def _open_new(path: str, flags: int = 0) -> int:
    """Make a file, also in the place of one that is there: whatever is written as a whole comes through here."""
    directory = os.path.dirname(path)
    if os.path.basename(directory) in DIRECTORIES:
        reject_symlinks(directory)
    flags |= os.O_WRONLY | os.O_EXCL | os.O_CLOEXEC
    try:
        return open_made(path, flags, 0o664)
    except FileExistsError:
        os.unlink(path)
        return open_made(path, flags, 0o664)


def make_room(path: str) -> None:
    """Set aside a directory that lies where an own file is to be: it may have something in it."""
    if os.path.isdir(path) and not os.path.islink(path):
        set_aside(path)


def set_aside(path: str) -> str:
    """Rename a file to ``….damaged-N``, a name that was never used; return the new path.

    Raises:
        StoreError: it could not be renamed, and lies where it was.
    """
    number = 1
    while os.path.lexists(aside := f"{path}.damaged-{number}"):
        number += 1
    with io_errors("move", path):
        os.rename(path, aside)
    sync_directory(os.path.dirname(path))
    return aside


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def start_writing(descriptors: Iterable[int]) -> None:
    """Have the system begin to write what was put into files, so that syncing the first does the work for all."""
    if hasattr(os, "posix_fadvise"):
        for descriptor in descriptors:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)


def sync_directory(path: str) -> None:
    """Make the entries of a directory survive a power cut."""
    with io_errors("sync", path):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_filesystem(descriptor: int) -> bool:
    """Make everything durable that was written to the file system of an open file.

    False, and nothing is done, where the system has no such call, allows none, or would not say what went wrong.

    Raises:
        OSError: the system could not write something.
    """
    call = _syncfs()
    if call is None:
        return False
    if not call(descriptor):
        return True

    if (number := ctypes.get_errno()) in _NOT_HERE:
        return False
    raise OSError(number, os.strerror(number))


@lru_cache(maxsize=1)
def _syncfs() -> Callable[[int], int] | None:
    if sys.platform != "linux":
        return None
    version = re.match(r"(\d+)\.(\d+)", os.uname().release)
    if not version or tuple(map(int, version.groups())) < (5, 8):
        return None  # it says nothing of errors

    return getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)


def open_file(path: str, more: int = 0) -> tuple[int, os.stat_result]:
    """Open a file for reading; return its descriptor and what the system says of it.

    What is no file is refused, never waited for. *more*: flags to open it with, ``O_NOFOLLOW`` for one.

    Raises:
        OSError: the system said no, or a pipe, a device or a directory is there.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    descriptor = os.open(path, flags | more)
    try:
        return descriptor, require_file(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def require_file(descriptor: int) -> os.stat_result:
    """Return what the system says of an open file; raises ``OSError`` for what is none."""
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        return found
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")


def open_stream(path: str) -> BinaryIO:
    """Open a file for reading as ``open`` does; raises ``OSError``, also for what is no file."""
    return os.fdopen(open_file(path)[0], "rb")


def read_file(path: str, largest: int = LARGEST) -> bytes | None:
    """Return the bytes of *path*, or None when there is no such file.

    Raises:
        NotAFileError: it is no file, or has more than *largest* bytes.
        StoreError: it exists and cannot be read.
    """
    with io_errors("read", path):
        try:
            descriptor, found = open_file(path)
        except FileNotFoundError:
            return None
        try:
            data = read_whole(descriptor, found.st_size, largest)
        finally:
            os.close(descriptor)
    if data is None:
        message = f"cannot read: it is larger than {largest // 1024:,} KiB"
        raise NotAFileError(message, where=path, hint=_MOVE_AWAY)
    return data


def read_whole(descriptor: int, size: int, largest: int = LARGEST) -> bytes | None:
    """Return the bytes of an open file that had *size* a moment ago, or None when there are more than *largest*."""
    pieces, taken = [], 0
    while max(size, taken) <= largest:
        # A file object would ask the system twice as often. The byte too many shows that the file has grown.
        length = _PIECE if taken >= size else min(size - taken + 1, _PIECE)
        pieces.append(os.read(descriptor, length))
        taken += len(pieces[-1])
        if taken == size or not pieces[-1]:
            return b"".join(pieces)
    return None


def read_tail(path: str, size: int) -> bytes:
    """Return the last *size* bytes of a log; nothing when it cannot be read: for what only makes a view clearer."""
    try:
        end = os.lstat(path).st_size
        return _read_at(path, max(0, end - size), size) if end else b""
    except OSError:
        return b""


def read_piece(path: str, offset: int, size: int) -> bytes | None:
    """Return up to *size* bytes of a log from *offset* on; None: it is shorter by now.

    Raises:
        OSError: it cannot be read; agents may do anything to it. A link is not followed.
    """
    end = os.lstat(path).st_size
    if end > offset:
        return _read_at(path, offset, size)
    return b"" if end == offset else None  # most looks end here


def _read_at(path: str, offset: int, size: int) -> bytes:
    descriptor, _ = open_file(path, os.O_NOFOLLOW)
    try:
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)


def names_in(directory: str, absent: tuple[type[OSError], ...] = (FileNotFoundError,)) -> list[str]:
    """Return what lies in a directory; nothing where there is none, which the system says by an error of *absent*.

    Raises:
        StoreError: it cannot be listed.
    """
    with io_errors("list", directory):
        try:
            return os.listdir(directory)
        except absent:
            return []


def sweep_temporaries(directory: str) -> None:
    """Remove what a killed writer left; only the run that holds the lock may call this.

    Anyone who changes the plan, or a file beside it, by command holds no lock of a run: theirs stays.
    """
    with io_errors("clean", directory), os.scandir(directory) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match and not (match[1] and _is_of_another(int(match[1]), entry)):
                _forget(entry.path)


def _is_of_another(pid: int, entry: os.DirEntry[str]) -> bool:
    """Say whether another process is writing a temporary file."""
    if pid == os.getpid() or process.start_time(pid) is None:
        return False
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime < _OLD
    except FileNotFoundError:
        return True  # it has taken its place meanwhile
