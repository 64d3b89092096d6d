"""Changes a file that a person may be editing at the same time.

Commands that change the plan, and the runner that draws into it, hold ``plan.lock`` meanwhile. An editor knows no lock.
So the file is compared once more right before the rename. If a user saved it in between, that version wins, and the
change is made again to it. A file that a user has open for writing is not replaced either, where the kernel reports
that: what they write afterwards would be lost. There remains the short time between these two checks and the
``rename``. Swapping the two files in one step would not help: a wrong swap would have to be undone, and a reader could
see it meanwhile.
"""

from __future__ import annotations

import fcntl
import os
import stat
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from orchestrator.errors import BeingWrittenError, UsageError
from orchestrator.lazy import LazyModule
from orchestrator.store.atomic import Replacement, io_errors, open_file, read_file
from orchestrator.store.fingerprint import signature
from orchestrator.store.layout import display_path

if TYPE_CHECKING:
    import signal

    from orchestrator.store import disk, watcher
else:
    disk = LazyModule("orchestrator.store.disk")
    watcher = LazyModule("orchestrator.store.watcher")
    signal = LazyModule("signal")

#: Seconds between two looks at a file that a user has open for writing, and how long it is waited for.
LOOK, CLOSED_WITHIN = 0.05, 2.0
#: Seconds within which a file is read again because another user saved it meanwhile: others wait for ``plan.lock``.
_SAVED_WITHIN = 5.0
_Done = TypeVar("_Done")


class Taken(NamedTuple):
    """A file as it was read."""

    data: bytes
    signed: int


def take(path: str) -> Taken:
    """Read a file that is to be changed.

    Raises:
        UsageError: it is a link: a user made it on purpose, and it is neither replaced nor written through.
        StoreError: there is none, or it could not be read.
    """
    with io_errors("read", path):
        found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        is_plain = os.path.basename(os.path.realpath(path)) == os.path.basename(path)
        there, here = "name the directory that the file lies in", "put the file itself in its place"
        raise UsageError("it is a link", where=path, hint=there if is_plain else here)
    return Taken(read_file(path) or b"", signature(found))


def is_being_written(path: str) -> bool:
    """Say whether a process has a file open for writing; false as well where the system does not report that.

    Linux reports it for files of the calling user, and for every file to root: such a file gets no lease. A lease that
    is granted is given back at once, so a process that opens the file meanwhile waits for some microseconds.
    """
    if sys.platform != "linux":
        return False

    try:
        descriptor, _ = open_file(path)
    except OSError:
        return False  # reading the file reports the error
    try:
        # Who opens it meanwhile has the kernel send us a signal; SIGIO, the usual one, would end us.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        # Not only closed: a process that is being started may have a copy of the descriptor.
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        # There it may as well mean that the server has not promised us anything.
        return not disk.is_remote(disk.file_system(path))
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def until_closed(path: str) -> bool:
    """Wait a short while until no one has a file open for writing any more; say whether that is so."""
    return any(not is_being_written(path) for _ in watcher.poll(LOOK, CLOSED_WITHIN))


def require_closed(path: str) -> None:
    """Do nothing unless a user has a file open for writing, and goes on to.

    Raises:
        BeingWrittenError: a user has.
    """
    if not until_closed(path):
        raise BeingWrittenError(
            "somebody has it open for writing, and what they write into it would be lost",
            where=display_path(path),
            hint="try again once it is saved and closed; `lsof` with its name shows who has it open",
        )


def exchanged(path: str, change: Callable[[Taken], _Done | None]) -> _Done:
    """Change the current version of a file, and again whenever another user saved it meanwhile; return what was done.

    *change* returns None when the file was replaced by another before the new version was in place.

    Raises:
        BeingWrittenError: a user does nothing but save it, or has it open for writing.
        UsageError: it is a link.
        StoreError: it could not be read or written.
    """
    for _ in watcher.poll(LOOK, _SAVED_WITHIN):
        require_closed(path)
        if (done := change(take(path))) is not None:
            return done
    hint = "try again in a moment"
    raise BeingWrittenError("it is saved again and again", where=path, hint=hint)


def put(path: str, taken: Taken, data: bytes, *, is_ours: bool = False) -> os.stat_result | None:
    """Put *data* in the place of what was taken; return what the system says of it.

    None, and nothing done: it is another file by now, or a user has it open for writing. After a power cut either is
    there, and whole; unless it *is_ours* and can be made again from what a person wrote: a start may make thousands.

    Raises:
        StoreError: it could not be written; the file is as before.
    """
    if is_being_written(path):
        return None  # that may last, and meanwhile nothing is to be written and synced in vain
    with Replacement(path, data) as new, io_errors("write", path):
        if not is_ours:
            new.sync()  # before the last look: what comes after it has to be quick
        if is_being_written(path):
            return None
        try:
            is_same = signature(os.lstat(path)) == taken.signed
        except FileNotFoundError:
            is_same = False  # an editor that saves by renaming has it in its hands
        return new.publish() if is_same else None


# ── plan versions ────────
#
# Which version of a plan is there: one of a person's, or theirs with our drawing in it; or they are saving one.

#: Seconds after its last change in which an editor may still be writing a file; one that was emptied gets its text yet.
_STILL_WRITING, _STILL_EMPTY = 0.3, 1.5


class PlanVersions:
    """The versions of one plan, as far as they were read or drawn here."""

    __slots__ = ("_drawn", "_path", "_read")

    def __init__(self, path: str) -> None:
        """Take the path of the plan; nothing is looked at yet."""
        self._path = path
        self._drawn: dict[int, int] = {}
        self._read = 0

    def newest(self) -> int:
        """Return which version of the person's plan is there; our own drawing makes no new one.

        0 when there is none to be read yet: an editor may have emptied the file, or be writing it right now.
        """
        try:
            found = os.stat(self._path)
        except OSError:
            return 0
        if self._is_unknown(found):
            return 0
        signed = signature(found)
        return self._drawn.get(signed, signed)

    def is_being_saved(self) -> bool:
        """Say whether a user has the plan open for writing, or saved it so recently that it may not be whole."""
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        return self._is_unknown(found) or is_being_written(self._path)

    def was_read(self, signed: int) -> None:
        """Take in that this version was read: whatever it is, it is known."""
        self._read = signed

    def was_drawn(self, before: int, after: int) -> None:
        """Take in that our drawing made the one version of the other."""
        self._drawn = {after: self._drawn.get(before, before)}

    def _is_unknown(self, found: os.stat_result) -> bool:
        # A clock that was set back makes files of the future; they are not being written for ever.
        longest = _STILL_WRITING if found.st_size else _STILL_EMPTY
        is_fresh = 0 <= time.time() - found.st_mtime < longest
        return is_fresh and signature(found) not in {*self._drawn, self._read}
