"""One run per plan directory. The kernel holds the lock, so it dies with its holder (promise 13)."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from orchestrator.errors import BusyError, StoreError
from orchestrator.ownership import open_made
from orchestrator.store.atomic import io_errors, require_file
from orchestrator.store.lock import (
    busy,
    dead_runs,
    lock_owner,
    is_held,
    read_holder,
    try_lock,
)
from orchestrator.store.process import this_process

#: Seconds to wait for the guard of a dead runner: it holds the lock until the last agent is gone.
_GUARD_LEAVES_WITHIN = 15.0
#: Seconds between two tries, while nobody who holds the lock says that it is a run.
_AGAIN = 0.01


class RunLock:
    """The lock, held. Written by hand: loading `dataclasses` takes longer than most commands that look at it."""

    __slots__ = ("_directory", "dead_runs", "descriptor", "holder", "path")

    def __init__(
        self, path: str, descriptor: int, holder: dict[str, Any], dead_runs: tuple[str, ...]
    ) -> None:
        """Take what is held.

        *descriptor* goes to the guard too, so that the plan is free only when both are gone. *dead_runs* are runs that
        ended without letting go and may have left something behind; empty after an orderly end.
        """
        self.path, self.descriptor = path, descriptor
        self.holder, self.dead_runs = holder, dead_runs
        # Held open, or another directory might get its number.
        self._directory = os.open(
            os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
        )

    def is_in_place(self) -> bool:
        """Say whether the plan directory is still the one that was locked."""
        try:
            found = os.stat(os.path.dirname(self.path))
        except OSError:
            return False
        return os.path.samestat(found, os.fstat(self._directory))

    def recovered(self) -> None:
        """Say that what the dead runs left was taken care of; until then a crash leaves it to the next run.

        Raises:
            StoreError: the lock file cannot be written.
        """
        if not self.dead_runs:
            return
        self.dead_runs = ()
        if self.holder:
            self._write()
            return
        with io_errors("write", self.path):
            os.ftruncate(self.descriptor, 0)  # who holds it for a moment has no name to write

    @property
    def is_closing(self) -> bool:
        """Whether it was said that the run takes nothing any more."""
        return bool(self.holder.get("closing"))

    def close(self, *, is_closed: bool) -> None:
        """Say whether the run is coming to its end: it takes no task any more that is added from now on.

        Said before the run looks at the plan for the last time, so whoever adds a task first and then finds this not
        said knows that the task is seen. A disk that does not take it is no reason to end a run in another way.
        """
        self.holder["closing"] = is_closed
        with suppress(StoreError):
            self._append()

    def grow(self, only: Sequence[str]) -> None:
        """Say what the run is asked for by name by now; for what the disk does not take, as ``close``."""
        self.holder["only"] = list(only)
        with suppress(StoreError):
            self._append()

    def release(self) -> None:
        """Say that the run ended in order, and let go. If that cannot be said, the next run finds nothing to do.

        Dead runs that were not ``recovered`` are left to the next run, as by ``abandon``.
        """
        if self.dead_runs:
            self.abandon()
            return
        try:
            os.ftruncate(self.descriptor, 0)
        except OSError:
            return  # the next run looks after this one, in vain
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go without saying so: the next run looks after what this one left."""
        os.close(self.descriptor)
        os.close(self._directory)

    def _write(self) -> None:
        self._append()
        with io_errors("write", self.path):
            # After a power cut it still says which run died, and whose finished attempts are taken from their logs.
            os.fsync(self.descriptor)

    def _append(self) -> None:
        """Append a line; the last whole one counts. So a write that is cut short forgets nothing."""
        line = json.dumps({**self.holder, "unrecovered": self.dead_runs}).encode() + b"\n"
        with io_errors("write", self.path):
            size = os.lseek(self.descriptor, 0, os.SEEK_END)
            if size and os.pread(self.descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line
            if os.write(self.descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def new_run() -> str:
    """Return a name for a run, or for whoever does its work for a moment."""
    return os.urandom(6).hex()


def take_lock(
    path: str,
    run: str,
    now: str,
    only: Sequence[str] = (),
    tags: Sequence[str] = (),
    *,
    grows: bool = False,
) -> RunLock:
    """Take the lock of a plan directory. *only*, *tags*: what the run was asked for by name; *grows*: as in an order.

    Raises:
        BusyError: another run holds it; says which.
        StoreError: the lock file cannot be opened, locked, read or written.
    """
    holder = {
        **this_process(),
        "run": run,
        "since": now,
        **({"only": list(only)} if only else {}),
        **({"tags": list(tags)} if tags else {}),
        **({"grows": True} if grows else {}),
    }
    lock = _taken(path, holder)
    try:
        lock._write()  # noqa: SLF001 - the lock's own module
    except BaseException:
        lock.abandon()
        raise
    return lock


@contextmanager
def exclusive(path: str) -> Iterator[None]:
    """Wait for one's turn to change the plan, or to take the lock of a run; first come, first served.

    The kernel lets go of it when we die.

    Raises:
        StoreError: the file at *path* cannot be opened or locked.
    """
    descriptor = _open(path)
    try:
        with io_errors("lock", path):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked(queue: str, path: str) -> Iterator[RunLock]:
    """Wait in line and hold the lock for a moment, without becoming a run. What it says of dead runs stays.

    Raises:
        BusyError: a run is at work; says which.
        StoreError: a lock file cannot be opened, locked or read.
    """
    with exclusive(queue):
        lock = take_briefly(path)
        if lock is None:
            raise busy(lock_owner(path) or {})
        try:
            yield lock
        finally:
            lock.abandon()


def take_briefly(path: str) -> RunLock | None:
    """Take the lock for a moment, without becoming a run; None: a run is at work. Only by whoever is first ``exclusive``.

    What it says of dead runs stays until they are ``recovered``.

    Raises:
        StoreError: the lock file cannot be opened, locked or read.
    """
    try:
        return _taken(path, {})
    except BusyError:
        return None


def _taken(path: str, holder: dict[str, Any]) -> RunLock:
    descriptor = _open(path)
    try:
        with io_errors("lock", path):
            _wait_for(descriptor)
            before, is_damaged = read_holder(descriptor)
            return RunLock(path, descriptor, holder, dead_runs(before, is_damaged=is_damaged))
    except BaseException:
        os.close(descriptor)
        raise


def _open(path: str) -> int:
    with io_errors("open", path):
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = open_made(path, flags, 0o664)
        try:
            require_file(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _wait_for(descriptor: int) -> None:
    if try_lock(descriptor):
        return  # as a rule
    from orchestrator.store.watcher import poll

    holder: dict[str, Any] = {}
    for _ in poll(_AGAIN, _GUARD_LEAVES_WITHIN):
        if try_lock(descriptor):
            return
        holder, _ = read_holder(descriptor)
        if holder and is_held(descriptor, holder):
            raise busy(holder)
        # A command that needs it for a moment, or looks; or the runner is dead, and its guard still ends its agents.
    raise _guarded(holder) if holder else busy(holder)


def _guarded(holder: Mapping[str, Any]) -> BusyError:
    return BusyError(
        f"run {holder['run']}, which held this plan, is gone, but not all that it started",
        hint="try again in a minute; if it lasts, `pgrep -af orchestrator.executors.guard` shows what is left",
    )
