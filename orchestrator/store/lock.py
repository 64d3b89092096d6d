"""One run per plan directory. The kernel holds the lock, so it dies with its holder."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

from orchestrator.core.text import one_line
from orchestrator.errors import BusyError, PlanError, Problem, StoreError, UsageError
from orchestrator.ownership import make_directory, open_made
from orchestrator.store.atomic import io_errors, open_file, read_file, reject_symlinks, require_file, write_new
from orchestrator.store.layout import Layout
from orchestrator.store.process import is_alive, is_elsewhere, is_suspended, start_time, this_process, whose
from orchestrator.store.watcher import poll

# ── lock holder ────────
#
# The holder of the lock of a plan, read from its file and confirmed by the kernel; and the messages about it.

#: The name of a run that the lock file was to name and does not.
UNKNOWN = "?"
#: Bytes of the lock file that are looked at; what we write there has some hundred.
_LONGEST = 1024 * 1024


def lock_owner(path: str) -> dict[str, Any] | None:
    """Return the process that runs the plan right now, or None; for ``status``. Does not block the lock."""
    holder, is_there, _ = _look(path)
    return holder if is_there else None


def broken_off(path: str) -> str:
    """Return the last run if it ended without releasing the lock in order; else empty. Does not block the lock."""
    holder, is_there, _ = _look(path)
    return str(holder["run"]) if holder and not is_there else ""


def dead_runs_of(path: str) -> tuple[str, ...]:
    """Return every run that ended without releasing the lock; ``UNKNOWN`` where the file does not name it.

    Does not block the lock.

    Raises:
        StoreError: the lock file cannot be read.
    """
    holder, is_there, is_damaged = _look(path)
    return () if is_there else dead_runs(holder, is_damaged=is_damaged)


def _look(path: str) -> tuple[dict[str, Any], bool, bool]:
    """Return the holder named in the lock file, whether it holds the lock, and whether the file has any content."""
    with io_errors("read", path):
        try:
            descriptor, _ = open_file(path)
        except FileNotFoundError:
            return {}, False, False
        try:
            holder, is_damaged = read_holder(descriptor)
            return holder, bool(holder) and is_held(descriptor, holder), is_damaged
        finally:
            os.close(descriptor)


def read_holder(descriptor: int) -> tuple[dict[str, Any], bool]:
    """Return the holder named in the lock file (empty if no line is valid), and whether the file has any content."""
    # An agent may have written anything there, so no more is taken than fits.
    data = os.pread(descriptor, _LONGEST, max(0, os.fstat(descriptor).st_size - _LONGEST))
    holders = map(_read_line, reversed(data.split(b"\n")))
    return next((holder for holder in holders if holder), {}), bool(data)


def dead_runs(holder: Mapping[str, Any], *, is_damaged: bool) -> tuple[str, ...]:
    """Return the runs that ended without releasing the lock, from what ``read_holder`` found while it was free."""
    return (*holder["unrecovered"], holder["run"]) if holder else (UNKNOWN,) * is_damaged


def is_held(descriptor: int, holder: Mapping[str, Any]) -> bool:
    """Say whether who is named in the lock file is still there, and holds it.

    A process may live on after its run, and of one of another machine, or of another container on this one, only the
    lock itself knows: a container that was made anew, or a machine with a new name, would else be believed for ever.
    Who starts a run while we hold it shared tries again (``take_lock``).
    """
    if not is_alive(holder):
        return False
    try:
        if not try_lock(descriptor, fcntl.LOCK_SH):
            return True
        fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        return True  # the system does not say
    return False


def try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    """Take a lock if no one is in the way, and say whether that was so."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_line(line: bytes) -> dict[str, Any]:
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

    in_its_thread = threading.current_thread() is threading.main_thread()
    if in_its_thread and this_process().items() <= holder.items():
        raise UsageError(
            f"run {holder['run']} cannot answer a listener that it waits for",
            hint="let the listener call it in another thread, and return; or call it once the run is over",
        )


def broken_under(holder: Mapping[str, Any], error: PlanError) -> PlanError:
    """Return the error of a plan that was broken while a run is active, with a note about that run."""
    hint = "mend the plan; `orchestrator watch` shows meanwhile what happens"
    return PlanError([*error.problems, Problem(keeps_last_plan(holder), "", hint, "run_at_work")])


def keeps_last_plan(holder: Mapping[str, Any]) -> str:
    """Return what a run does whose plan cannot be read any more."""
    return f"run {holder['run']} (pid {holder['pid']}) goes on with the last valid plan"


def suspended(holder: Mapping[str, Any] | None) -> str:
    """Return how a run that is suspended goes on; empty: it is not."""
    if holder is None or not is_suspended(holder):
        return ""
    return f"suspended: `fg`, or kill -CONT {holder['pid']}"


#: Seconds to wait for the guard of a dead runner: it holds the lock until the last agent is gone.
_GUARD_LEAVES_WITHIN = 15.0
#: Seconds between two tries, while the holder of the lock is no run.
_AGAIN = 0.01


class RunLock:
    """The lock, held. Written by hand: loading `dataclasses` takes longer than most commands that look at it."""

    __slots__ = ("_directory", "dead_runs", "descriptor", "holder", "path")

    def __init__(self, path: str, descriptor: int, holder: dict[str, Any], dead_runs: tuple[str, ...]) -> None:
        """Take what is held.

        *descriptor* goes to the guard too, so that the plan is free only when both are gone. *dead_runs* are runs that
        ended without letting go and may have left something behind; empty after an orderly end.
        """
        self.path, self.descriptor = path, descriptor
        self.holder, self.dead_runs = holder, dead_runs
        # Held open, or another directory might get its number.
        self._directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

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
        """Whether the lock file states that the run takes no more tasks."""
        return bool(self.holder.get("closing"))

    def close(self, *, is_closed: bool) -> None:
        """Write whether the run is coming to its end: then it takes no task that is added from now on.

        It is written before the run reads the plan for the last time. So a command that adds a task and then does not
        find it in the lock file knows that the run will see the task. If it cannot be written, the run ends the same.
        """
        self.holder["closing"] = is_closed
        with suppress(StoreError):
            self._append()

    def grow(self, only: Sequence[str]) -> None:
        """Write which tasks the run is asked for by name by now; an error of the disk is ignored, as in ``close``."""
        self.holder["only"] = list(only)
        with suppress(StoreError):
            self._append()

    def release(self) -> None:
        """Write that the run ended in order, and release the lock. If that fails, the next run recovers it needlessly.

        Dead runs that were not ``recovered`` are left to the next run, as by ``abandon``.
        """
        if self.dead_runs:
            self.abandon()
            return
        try:
            os.ftruncate(self.descriptor, 0)
        except OSError:
            return  # the next run looks for what this one left, and finds nothing
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Release the lock without writing that: the next run recovers what this one left."""
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
    """Return a name for a run, or for a command that does the work of one for a moment."""
    return os.urandom(6).hex()


def take_lock(
    path: str, run: str, now: str, only: Sequence[str] = (), tags: Sequence[str] = (), *, grows: bool = False
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
    """Wait in line and hold the lock for a moment, without becoming a run. Its entries about dead runs stay.

    Raises:
        BusyError: a run is active; says which.
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
    """Take the lock briefly, without becoming a run; None: a run is active. Only inside of ``exclusive``.

    Its entries about dead runs stay until these are ``recovered``.

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


# ── waiting ────────
#
# Processes that wait for their time to run a plan: they hold no lock, so ``status`` and ``stop`` look for them here.
#
# A file each, in ``waiting/``. What a dead process left counts for nothing.

_KIND = ".json"
#: Largest of these files that is read, in bytes; our own have some hundred.
_LONGEST_WAITING = 64 * 1024
#: Seconds since the epoch that every calendar still knows: the end of the year 9998.
LATEST = 253_370_764_800.0


class WaitingRun(NamedTuple):
    """A process, and until when it waits, in seconds since the epoch."""

    process: dict[str, Any]
    until: float


def say_waiting(layout: Layout, until: float) -> None:
    """Write that this process waits for its time to run the plan; remove the files of dead processes.

    Raises:
        StoreError: it cannot be written.
    """
    reject_symlinks(layout.waiting)
    with io_errors("make", layout.waiting), suppress(FileExistsError):
        make_directory(layout.waiting)  # never with a plan directory that is gone
    for pid, waiting in _all(layout):
        if waiting is None and start_time(pid) is None:
            _forget(layout, pid)
    who = this_process()
    # Written directly, not by rename: a temporary file left by a crash could not be swept, because there is no lock.
    write_new(_file(layout, who["pid"]), json.dumps({**who, "until": until}).encode() + b"\n")


def wait_no_longer(layout: Layout) -> None:
    """Remove the file of ``say_waiting``, if any. If it cannot be removed, it counts until this process ends."""
    _forget(layout, os.getpid())
    with suppress(OSError):
        os.rmdir(layout.waiting)  # works only for the last one


def waiting_runs(layout: Layout) -> list[WaitingRun]:
    """Return the processes that wait, the first to begin first.

    Raises:
        StoreError: the file of a waiting process cannot be read.
    """
    found = [waiting for _, waiting in _all(layout) if waiting is not None]
    return sorted(found, key=lambda each: each.until)


def _all(layout: Layout) -> list[tuple[int, WaitingRun | None]]:
    """Return every entry with its process id; None for a process that is gone."""
    try:
        names = os.listdir(layout.waiting)
    except OSError:
        return []  # no process waits, or the directory cannot be read
    stems = [name.removesuffix(_KIND) for name in names if name.endswith(_KIND)]
    return [(int(stem), _read(layout, int(stem))) for stem in stems if stem.isascii() and stem.isdigit()]


def _read(layout: Layout, pid: int) -> WaitingRun | None:
    try:
        raw = json.loads(read_file(_file(layout, pid), _LONGEST_WAITING) or b"")
        who = {**raw, "host": one_line(str(raw["host"]))}
        waiting = WaitingRun(who, float(raw["until"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return None  # not ours
    is_ours = raw["pid"] == pid and 0 < waiting.until < LATEST
    # The end of a process on another machine cannot be seen here: it counts until its time, and not for ever.
    is_due = waiting.until < time.time() and is_elsewhere(who)
    return waiting if is_ours and not is_due and is_alive(who) else None


def _file(layout: Layout, pid: int) -> str:
    return f"{layout.waiting}/{pid}{_KIND}"


def _forget(layout: Layout, pid: int) -> None:
    with suppress(OSError):
        os.unlink(_file(layout, pid))
