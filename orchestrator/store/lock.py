"""One run per plan directory. The kernel holds the lock, so it dies with its holder (promise 13)."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from orchestrator.errors import BusyError
from orchestrator.store.atomic import reported
from orchestrator.store.process import boot_id, start_time

#: Seconds to wait for the guard of a dead runner: it holds the lock until the last agent is gone.
_GUARD_LEAVES_WITHIN = 15.0
#: Seconds between two tries, while nobody who holds the lock says that it is a run.
_AGAIN = 0.01


class RunLock:
    """The lock, held. Written by hand: loading `dataclasses` takes longer than most commands that look at it."""

    __slots__ = ("dead_runs", "descriptor", "holder", "path")

    def __init__(
        self, path: str, descriptor: int, holder: dict[str, Any], dead_runs: tuple[str, ...]
    ) -> None:
        """Take what is held.

        *descriptor* goes to the guard too, so that the plan is free only when both are gone. *dead_runs* are runs that
        ended without letting go and may have left something behind; empty after an orderly end.
        """
        self.path, self.descriptor = path, descriptor
        self.holder, self.dead_runs = holder, dead_runs

    def recovered(self) -> None:
        """Say that what the dead runs left was taken care of; until then a crash leaves it to the next run.

        Raises:
            StoreError: the lock file cannot be written.
        """
        self.dead_runs = ()
        self._write()

    def release(self) -> None:
        """Say that the run ended in order, and let go. If that cannot be said, the next run finds nothing to do."""
        try:
            os.ftruncate(self.descriptor, 0)
        except OSError:
            return  # the next run looks after this one, in vain
        finally:
            os.close(self.descriptor)

    def abandon(self) -> None:
        """Let go without saying so: the next run looks after what this one left."""
        os.close(self.descriptor)

    def _write(self) -> None:
        line = json.dumps({**self.holder, "unrecovered": self.dead_runs}).encode() + b"\n"
        with reported("write", self.path):
            if os.pwrite(self.descriptor, line, 0) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.ftruncate(self.descriptor, len(line))


def take_lock(
    path: str, run: str, now: str, only: Sequence[str] = (), tags: Sequence[str] = ()
) -> RunLock:
    """Take the lock of a plan directory. *only*, *tags*: what the run was asked for by name.

    Raises:
        BusyError: another run holds it; says which.
        StoreError: the lock file cannot be opened, locked, read or written.
    """
    descriptor = _open(path)
    try:
        with reported("lock", path):
            _wait_for(descriptor)
            dead = _dead(descriptor)
        holder = {
            "pid": os.getpid(),
            "started": start_time(os.getpid()),
            "boot": boot_id(),
            "host": os.uname().nodename,
            "run": run,
            "since": now,
            **({"only": list(only)} if only else {}),
            **({"tags": list(tags)} if tags else {}),
        }
        lock = RunLock(path, descriptor, holder, dead)
        lock._write()  # noqa: SLF001 - the lock's own module
    except BaseException:
        os.close(descriptor)
        raise
    return lock


@contextmanager
def in_line(path: str) -> Iterator[None]:
    """Wait for one's turn among all who want the lock of a plan for a moment, or for a run; first come, first served.

    Raises:
        StoreError: the file at *path* cannot be opened or locked.
    """
    descriptor = _open(path)
    try:
        with reported("lock", path):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def take_briefly(path: str) -> RunLock | None:
    """Take the lock for a moment, without becoming a run; None: a run is at work. Only by whoever is first ``in_line``.

    What it says of dead runs stays until they are ``recovered``.

    Raises:
        StoreError: the lock file cannot be opened, locked or read.
    """
    descriptor = _open(path)
    try:
        with reported("lock", path):
            _wait_for(descriptor)
            return RunLock(path, descriptor, {}, _dead(descriptor))
    except BusyError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise


def _open(path: str) -> int:
    with reported("open", path):
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o664)


def _dead(descriptor: int) -> tuple[str, ...]:
    """Return the runs that ended without letting go."""
    before = _read(descriptor)
    return (
        tuple(map(str, [*before.get("unrecovered", ()), before["run"]]))
        if before.get("run")
        else ()
    )


def _wait_for(descriptor: int) -> None:
    import threading

    pause, waited = threading.Event(), 0.0
    while not _try(descriptor):
        holder = _read(descriptor)
        if (holder and _is_alive(holder)) or waited >= _GUARD_LEAVES_WITHIN:
            raise busy(holder)
        # A command that needs it for a moment; or the runner is dead, and its guard is still ending its agents.
        pause.wait(_AGAIN)
        waited += _AGAIN


def busy(holder: Mapping[str, Any]) -> BusyError:
    """Return the error that says who holds the plan."""
    return BusyError(
        f"run {holder.get('run', '?')} holds this plan: pid {holder.get('pid', '?')} on "
        f"{holder.get('host', '?')} since {holder.get('since', '?')}",
        hint="wait for it, or stop it with Ctrl-C or kill; `orchestrator status` shows where it stands",
    )


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> dict[str, Any]:
    try:
        # Its first line: a writer that was killed may have left the end of a longer one before it.
        line, _, _ = os.pread(descriptor, os.fstat(descriptor).st_size, 0).partition(b"\n")
        holder = json.loads(line)
    except ValueError:
        return {}
    return holder if isinstance(holder, dict) else {}


def _is_alive(holder: dict[str, Any]) -> bool:
    if holder.get("host") != os.uname().nodename:
        return True
    started = start_time(int(holder.get("pid") or 0))
    return (
        started is not None and started == holder.get("started") and holder.get("boot") == boot_id()
    )


def holder_of(path: str) -> dict[str, Any] | None:
    """Return who runs the plan right now, or None; for ``status``. Takes no lock."""
    holder = _look(path)
    return holder if holder and _is_alive(holder) else None


def broken_off(path: str) -> str:
    """Return the last run when it is gone without letting go in order; empty otherwise. Takes no lock."""
    holder = _look(path)
    return str(holder.get("run", "?")) if holder and not _is_alive(holder) else ""


def _look(path: str) -> dict[str, Any]:
    with reported("read", path):
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        try:
            return _read(descriptor)
        finally:
            os.close(descriptor)
