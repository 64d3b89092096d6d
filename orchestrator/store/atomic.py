"""Files replaced whole: written beside, flushed, renamed. A reader never sees half a file (promise 7)."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.errors import StoreError

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
            hint="check space, permissions and that the directory still exists, then run again",
        ) from error


def replace_file(path: str, data: bytes, *, sync: bool = False) -> int:
    """Put *data* in the place of *path*; return the inode of the new file.

    With *sync* it also survives a power cut once the directory is synced.

    Raises:
        StoreError: it could not be written; *path* is as before.
    """
    directory, _, name = path.rpartition("/")
    # One writer for each file, so the pid keeps two processes apart and nothing else is needed.
    temporary = f"{directory}/.{name}.{os.getpid()}.tmp"
    with reported("write", path):
        try:
            # O_EXCL and O_NOFOLLOW: a planted link is never written through (promise 23).
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
            try:
                descriptor = os.open(temporary, flags, 0o666)
            except FileExistsError:
                os.unlink(temporary)
                descriptor = os.open(temporary, flags, 0o666)
            try:
                _keep_mode(path, descriptor)
                _write_all(descriptor, data)
                if sync:
                    os.fsync(descriptor)
                inode = os.fstat(descriptor).st_ino
            finally:
                os.close(descriptor)
            os.replace(temporary, path)
            return inode
        except BaseException:
            _forget(temporary)
            raise


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
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        try:
            descriptor = os.open(path, flags, 0o666)
        except FileExistsError:
            os.unlink(path)
            descriptor = os.open(path, flags, 0o666)
        try:
            _write_all(descriptor, data)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def sync_file(path: str) -> None:
    """Make a file that somebody else wrote, or a directory's entries, survive a power cut."""
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
            with open(path, "rb", buffering=0) as file:
                return file.read()
        except FileNotFoundError:
            return None


def sweep_temporaries(directory: str) -> None:
    """Remove what a killed writer left; only the run that holds the lock may call this."""
    with reported("clean", directory), os.scandir(directory) as entries:
        for entry in entries:
            if _TEMPORARY.fullmatch(entry.name):
                _forget(entry.path)
