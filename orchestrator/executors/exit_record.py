"""The attempt record: the strongest evidence of how an attempt ended.

Written by the guard, and by the runner where no process was needed, so only the standard
library is imported here, and what needs no more.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from contextlib import suppress

from orchestrator.ownership import make_directory, open_made

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from orchestrator.core.result import ProcessExit
    from orchestrator.executors.protocol import Job

SCHEMA = 1
#: Larger logs get no hash, so that one attempt's flood never keeps the others waiting for the guard.
HASH_LIMIT = 64 * 1024 * 1024
#: What is wrong with an attempt whose log is another file in the end.
REPLACED = "its log was taken away or replaced while it ran, and what it said with it"
_EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
_CHUNK = 256 * 1024
_LOG_FLAGS = (
    os.O_WRONLY
    # A process that empties its own log (`> /dev/stdout`) goes on at the start and leaves no hole of NULs.
    | os.O_APPEND
    # Agents may write into the directory of logs: a link or a pipe planted there is neither followed nor waited for.
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
)

#: What no log and no record is.
_PLANTED = frozenset({stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR})


def open_log(path: str) -> int:
    """Open a new, empty log; the mode follows the umask.

    Raises:
        OSError: it cannot be opened, or what is there is not our file alone: nothing else is emptied.
    """
    _spare_directory(path)
    _set_aside(path)
    fd = open_made(path, _LOG_FLAGS, 0o664)
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise OSError(errno.EMLINK, "it is no file, or has another name too", path)
        if found.st_size:
            os.ftruncate(fd, 0)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _set_aside(path: str, *, everything: bool = False) -> None:
    """Rename a link, a pipe or a directory that lies where this package writes a file, so that writing can go on.

    *everything*: rename a plain file too, where a directory belongs.

    If that fails, no error is raised here: opening the path then reports the reason.
    """
    try:
        kind = stat.S_IFMT(os.stat(path, follow_symlinks=False).st_mode)
        if kind not in _PLANTED and not everything:
            return
        number = 1
        while os.path.lexists(aside := f"{path}.damaged-{number}"):
            number += 1
        os.rename(path, aside)
    except (OSError, ValueError):
        return


def _spare_directory(path: str) -> None:
    """Make the directory of a file again where it was taken away; what lies in its place, a link say, is set aside.

    Never the one above it: a plan that is gone is not begun anew.
    """
    directory = os.path.dirname(path)
    try:
        if stat.S_ISDIR(os.stat(directory, follow_symlinks=False).st_mode):
            return
        _set_aside(directory, everything=True)
    except FileNotFoundError:
        pass
    with suppress(FileExistsError):
        make_directory(directory)


def identity(found: os.stat_result) -> tuple[int, int]:
    """Return what tells one file from every other."""
    return found.st_dev, found.st_ino


def is_replaced(path: str, log: tuple[int, int] | None) -> bool:
    """Say whether another file has replaced an opened log. A missing log is no replacement: reading it reports that."""
    try:
        return log is not None and identity(os.stat(path, follow_symlinks=False)) != log
    except (OSError, ValueError):
        return False


def measure(path: str, *, sync: bool) -> tuple[int, str | None]:
    """Give the size of a log in bytes and its SHA-256, which is None above the limit or when it cannot be read."""
    try:
        size = os.stat(path, follow_symlinks=False).st_size
        if not size:
            return 0, _EMPTY
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except (OSError, ValueError):
        return 0, None
    try:
        if sync:
            os.fsync(fd)
        return size, None if size > HASH_LIMIT else _hash(fd)
    except OSError:
        return size, None
    finally:
        os.close(fd)


def _hash(fd: int) -> str:
    import hashlib  # 2 ms, so not at the top

    state = hashlib.sha256()
    while chunk := os.read(fd, _CHUNK):
        state.update(chunk)
    return state.hexdigest()


def write_record(path: str, record: Mapping[str, Any], *, sync: bool = False) -> str:
    """Write a record by temp + rename, and say what went wrong, or nothing.

    The temp file is the record's name with ``.tmp``. It is synced only when no other user will: while the runner lives,
    its commit of the result syncs log, record and result together.
    """
    if not path:
        return ""
    temp = path + ".tmp"
    flags = os.O_WRONLY | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    try:
        _spare_directory(path)
        for place in (temp, path):
            _set_aside(place)
        try:
            fd = open_made(temp, flags, 0o664)
        except FileExistsError:  # a process died while writing it
            os.unlink(temp)
            fd = open_made(temp, flags, 0o664)
        try:
            _write_all(fd, (json.dumps(record) + "\n").encode())
            if sync:
                os.fsync(fd)
        except OSError:
            os.unlink(temp)
            raise
        finally:
            os.close(fd)
        os.rename(temp, path)
        if sync:
            _sync_directory(path)
    except (OSError, ValueError) as error:
        return f"cannot write the record {path!r}: {getattr(error, 'strerror', error)}"
    return ""


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _sync_directory(path: str) -> None:
    fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_exit(job: Job, known: ProcessExit, *, output: str | None = None, sync: bool = False) -> ProcessExit:
    """Write the record of a job that no guard recorded and, when given, its output; what went wrong is its error."""
    if output is not None:
        try:
            for path, text in ((job.stdout, output), (job.stderr, "")):
                if path:
                    _write(path, text.encode(errors="replace"))
        except OSError as error:
            text = f"cannot write {error.filename or job.stdout!r}: {error.strerror}"
            known = known._replace(code=None, error=text, is_ours=True)
    size, digest = measure(job.stdout, sync=sync)
    known = known._replace(ended=known.ended or time.time(), log_bytes=size, log_sha256=digest or "")
    record = {"schema": SCHEMA, **job.facts, "key": job.key, **known.as_record()}
    failure = write_record(job.record, record, sync=sync)
    return known._replace(error=failure, is_ours=True) if failure and not known.error else known


def run_inline(job: Job) -> ProcessExit:
    """Write what a job without ``argv`` prints, and its record, as a process that ends at once would leave them."""
    from orchestrator.core.result import ProcessExit  # heavy, and not needed by the guard

    return write_exit(job, ProcessExit(code=0, started=time.time()), output=job.output)


def _write(path: str, data: bytes) -> None:
    with os.fdopen(open_log(path), "wb") as file:
        file.write(data)


def read_record(path: str) -> dict[str, Any] | None:
    """Read a record; None when there is none or what is there is not one."""
    try:
        with open(path, "rb") as file:
            record = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    is_record = isinstance(record, dict) and record.get("schema") == SCHEMA
    return record if is_record else None
