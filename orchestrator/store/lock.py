"""One run per plan directory. The kernel holds the lock, so it dies with its holder (promise 13)."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from orchestrator.core.text import one_line
from orchestrator.errors import BusyError, PlanError, Problem, StoreError, UsageError
from orchestrator.ownership import open_made
from orchestrator.store.atomic import open_file, reported, require_file
from orchestrator.store.process import is_alive, is_suspended, this_process, whose

#: Seconds to wait for the guard of a dead runner: it holds the lock until the last agent is gone.
_GUARD_LEAVES_WITHIN = 15.0
#: Seconds between two tries, while nobody who holds the lock says that it is a run.
_AGAIN = 0.01
#: The name of a run that the lock file was to name and does not.
UNKNOWN = "?"
#: Bytes of the lock file that are looked at; what we write there has some hundred.
_LONGEST = 1024 * 1024


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
        if not self.dead_runs:
            return
        self.dead_runs = ()
        if self.holder:
            self._write()
            return
        with reported("write", self.path):
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
            os.close(self.descriptor)

    def abandon(self) -> None:
        """Let go without saying so: the next run looks after what this one left."""
        os.close(self.descriptor)

    def _write(self) -> None:
        self._append()
        with reported("write", self.path):
            # After a power cut it still says which run died, and whose finished attempts are taken from their logs.
            os.fsync(self.descriptor)

    def _append(self) -> None:
        """Append a line; the last whole one counts. So a write that is cut short forgets nothing."""
        line = json.dumps({**self.holder, "unrecovered": self.dead_runs}).encode() + b"\n"
        with reported("write", self.path):
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
    descriptor = _open(path)
    try:
        with reported("lock", path):
            _wait_for(descriptor)
            dead = _dead(descriptor)
        holder = {
            **this_process(),
            "run": run,
            "since": now,
            **({"only": list(only)} if only else {}),
            **({"tags": list(tags)} if tags else {}),
            **({"grows": True} if grows else {}),
        }
        lock = RunLock(path, descriptor, holder, dead)
        lock._write()  # noqa: SLF001 - the lock's own module
    except BaseException:
        os.close(descriptor)
        raise
    return lock


@contextmanager
def in_line(path: str) -> Iterator[None]:
    """Wait for one's turn to change the plan, or to take the lock of a run; first come, first served.

    The kernel lets go of it when we die.

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


@contextmanager
def locked(queue: str, path: str) -> Iterator[RunLock]:
    """Wait in line and hold the lock for a moment, without becoming a run. What it says of dead runs stays.

    Raises:
        BusyError: a run is at work; says which.
        StoreError: a lock file cannot be opened, locked or read.
    """
    with in_line(queue):
        lock = take_briefly(path)
        if lock is None:
            raise busy(holder_of(path) or {})
        try:
            yield lock
        finally:
            lock.abandon()


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
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = open_made(path, flags, 0o664)
        try:
            require_file(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _dead(descriptor: int) -> tuple[str, ...]:
    """Return the runs that ended without letting go; ``UNKNOWN`` where the file does not say which."""
    before, is_damaged = _read(descriptor)
    return (*before["unrecovered"], before["run"]) if before else (UNKNOWN,) * is_damaged


def _wait_for(descriptor: int) -> None:
    if _try(descriptor):
        return  # as a rule
    from orchestrator.store.pause import looks

    holder: dict[str, Any] = {}
    for _ in looks(_AGAIN, _GUARD_LEAVES_WITHIN):
        if _try(descriptor):
            return
        holder, _ = _read(descriptor)
        if holder and _is_held(descriptor, holder):
            raise busy(holder)
        # A command that needs it for a moment, or looks; or the runner is dead, and its guard still ends its agents.
    raise _guarded(holder) if holder else busy(holder)


def busy(holder: Mapping[str, Any]) -> BusyError:
    """Return the error that says who holds the plan."""
    person = whose(holder)
    end = "end it with `orchestrator stop`"
    if person and os.geteuid() != 0:
        end = f"take a task from it with `orchestrator cancel ID`; {person} can end it"
    return BusyError(
        f"run {holder.get('run', '?')} holds this plan: pid {holder.get('pid', '?')}{f' of {person}' * bool(person)} "
        f"on {holder.get('host', '?')} since {holder.get('since', '?')}",
        hint=f"wait for it, or {end}; `orchestrator status` shows where it stands",
    )


def require_elsewhere(holder: Mapping[str, Any]) -> None:
    """Make sure that a run can go on while we wait for it: not so where it is the one that has called us.

    A run is in the main thread of its process, which does something else only where it calls a listener.

    Raises:
        UsageError: it would wait for us, and we for it.
    """
    if holder.get("pid") != os.getpid():
        return
    import threading

    in_its_thread = threading.current_thread() is threading.main_thread()
    if in_its_thread and this_process().items() <= holder.items():
        raise UsageError(
            f"run {holder['run']} cannot answer a listener that it waits for",
            hint="let the listener call it in another thread, and return; or call it once the run is over",
        )


def broken_under(holder: Mapping[str, Any], error: PlanError) -> PlanError:
    """Return the error of a plan that was broken under a run: whoever asks for the run is to hear of it."""
    hint = "mend the plan; `orchestrator watch` shows meanwhile what happens"
    return PlanError([*error.problems, Problem(goes_on(holder), "", hint, "run_at_work")])


def goes_on(holder: Mapping[str, Any]) -> str:
    """Return what a run does whose plan cannot be read any more."""
    return f"run {holder['run']} (pid {holder['pid']}) goes on with the last valid plan"


def suspended(holder: Mapping[str, Any] | None) -> str:
    """Return how a run that is suspended goes on; empty: it is not."""
    if holder is None or not is_suspended(holder):
        return ""
    return f"suspended: `fg`, or kill -CONT {holder['pid']}"


def _guarded(holder: Mapping[str, Any]) -> BusyError:
    return BusyError(
        f"run {holder['run']}, which held this plan, is gone, but not all that it started",
        hint="try again in a minute; if it lasts, `pgrep -af orchestrator.executors.guard` shows what is left",
    )


def _is_held(descriptor: int, holder: Mapping[str, Any]) -> bool:
    """Say whether who is named in the lock file is still there, and holds it.

    A process may live on after its run, and of one of another machine, or of another container on this one, only the
    lock itself knows: a container that was made anew, or a machine with a new name, would else be believed for ever.
    Who starts a run while we hold it shared tries again (``_wait_for``).
    """
    if not is_alive(holder):
        return False
    try:
        if not _try(descriptor, fcntl.LOCK_SH):
            return True
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        return True  # the system does not say
    return False


def _try(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(descriptor: int) -> tuple[dict[str, Any], bool]:
    """Return what the lock file says, nothing when no line of it makes sense, and whether it should say something."""
    # An agent may have written anything there, so no more is taken than fits.
    data = os.pread(descriptor, _LONGEST, max(0, os.fstat(descriptor).st_size - _LONGEST))
    holders = map(_holder, reversed(data.split(b"\n")))
    return next((holder for holder in holders if holder), {}), bool(data)


def _holder(line: bytes) -> dict[str, Any]:
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(raw, dict) or not isinstance(raw.get("run"), str):
        return {}
    pid, left = raw.get("pid"), raw.get("unrecovered")
    return {
        **{key: one_line(each) for key, each in raw.items() if isinstance(each, str)},
        "pid": pid if isinstance(pid, int) else 0,
        "started": raw.get("started"),
        **{key: True for key in ("closing", "grows") if raw.get(key) is True},
        **{
            key: [one_line(str(each)) for each in listed]
            for key in ("only", "tags")
            if isinstance(listed := raw.get(key), list)
        },
        "unrecovered": [one_line(str(each)) for each in left] if isinstance(left, list) else [],
    }


def holder_of(path: str) -> dict[str, Any] | None:
    """Return who runs the plan right now, or None; for ``status``. Keeps nobody from the lock."""
    holder, is_held, _ = _look(path)
    return holder if is_held else None


def broken_off(path: str) -> str:
    """Return the last run when it is gone without letting go in order; empty otherwise. Keeps nobody from the lock."""
    holder, is_held, _ = _look(path)
    return str(holder["run"]) if holder and not is_held else ""


def dead_runs_of(path: str) -> tuple[str, ...]:
    """Return every run that ended without letting go; ``UNKNOWN`` where the file does not say which.

    Keeps nobody from the lock.

    Raises:
        StoreError: the lock file cannot be read.
    """
    holder, is_held, is_damaged = _look(path)
    if not holder:
        return (UNKNOWN,) * is_damaged
    return () if is_held else (*holder["unrecovered"], holder["run"])


def _look(path: str) -> tuple[dict[str, Any], bool, bool]:
    """Return what the lock file says, whether who is named there holds it, and whether it should say something."""
    with reported("read", path):
        try:
            descriptor, _ = open_file(path)
        except FileNotFoundError:
            return {}, False, False
        try:
            holder, is_damaged = _read(descriptor)
            return holder, bool(holder) and _is_held(descriptor, holder), is_damaged
        finally:
            os.close(descriptor)
