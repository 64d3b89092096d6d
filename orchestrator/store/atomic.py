"""Files replaced whole: written beside, flushed, renamed. A reader never sees half a file (promise 7)."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self

from orchestrator.errors import StoreError

#: Bytes read in one go; most of our files are smaller.
_PIECE = 64 * 1024
#: What to do about a disk that says no.
ADVICE = "check space, permissions and that the directory still exists, then run again"
_TEMPORARY = re.compile(r"(\..+\.\d+|.+\.attempt-\d+\.json)\.tmp")


@contextmanager
def reported(doing: str, path: str) -> Iterator[None]:
    """Turn what the system refuses into one clear line (promise 8).

    Raises:
        StoreError: the system said no.
    """
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot {doing}: {error.strerror or error}",
            where=path,
            hint=ADVICE,
        ) from error


def replace_file(path: str, data: bytes) -> int:
    """Put *data* in the place of *path*; return the inode of the new file. It survives every crash of ours.

    Raises:
        StoreError: it could not be written; *path* is as before.
    """
    with Replacement(path, data) as new:
        return new.publish()


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
        with reported("write", path):
            # O_NOFOLLOW: a planted link is never written through (promise 23).
            self.descriptor = _open_new(self._temporary, getattr(os, "O_NOFOLLOW", 0))
            try:
                _keep_mode(path, self.descriptor)
                _write_all(self.descriptor, data)
                self.inode = os.fstat(self.descriptor).st_ino
            except BaseException:
                self.__exit__()
                raise

    def publish(self) -> int:
        """Take the place of the file; return the inode."""
        with reported("write", self.path):
            os.replace(self._temporary, self.path)
        self._temporary = ""
        return self.inode

    def __enter__(self) -> Self:
        """Go on to ``publish``; whatever was not published is removed again."""
        return self

    def __exit__(self, *error: object) -> None:
        """Forget what did not take its place."""
        os.close(self.descriptor)
        if self._temporary:
            _forget(self._temporary)


def _keep_mode(path: str, descriptor: int) -> None:
    try:
        before = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if stat.S_ISREG(before):
        os.fchmod(descriptor, stat.S_IMODE(before))


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
    with reported("write", path):
        descriptor = _open_new(path)
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)


def _open_new(path: str, flags: int = 0) -> int:
    flags |= os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(path, flags, 0o664)
    except FileExistsError:
        os.unlink(path)
        return os.open(path, flags, 0o664)


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
    with reported("sync", path):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read_file(path: str) -> bytes | None:
    """Return the bytes of *path*, or None when there is no such file.

    Raises:
        StoreError: it exists and cannot be read.
    """
    with reported("read", path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:  # a file object would ask the system twice as often
            pieces = []
            while piece := os.read(descriptor, _PIECE):
                pieces.append(piece)
            return b"".join(pieces)
        finally:
            os.close(descriptor)


def read_tail(path: str, size: int) -> bytes:
    """Return the last *size* bytes of a file; nothing when it cannot be read: for what only makes a view clearer."""
    try:
        return read_piece(path, max(0, os.stat(path).st_size - size), size)
    except OSError:
        return b""


def read_piece(path: str, offset: int, size: int) -> bytes:
    """Return up to *size* bytes of a log from *offset* on; raises ``OSError``, for agents may do anything to it."""
    if os.stat(path).st_size <= offset:
        return b""  # most looks end here; nor is a pipe that an agent put there ever opened
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.pread(descriptor, size, offset)
    finally:
        os.close(descriptor)


def sweep_temporaries(directory: str) -> None:
    """Remove what a killed writer left; only the run that holds the lock may call this."""
    with reported("clean", directory), os.scandir(directory) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name):
                _forget(entry.path)
