"""Who holds the lock of a plan, as its file says it and the kernel confirms it; and what is said of them."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from typing import Any

from orchestrator.core.text import one_line
from orchestrator.errors import BusyError, PlanError, Problem, UsageError
from orchestrator.store.atomic import open_file, io_errors
from orchestrator.store.process import is_alive, is_suspended, this_process, whose

#: The name of a run that the lock file was to name and does not.
UNKNOWN = "?"
#: Bytes of the lock file that are looked at; what we write there has some hundred.
_LONGEST = 1024 * 1024


def lock_owner(path: str) -> dict[str, Any] | None:
    """Return who runs the plan right now, or None; for ``status``. Keeps nobody from the lock."""
    holder, is_there, _ = _look(path)
    return holder if is_there else None


def broken_off(path: str) -> str:
    """Return the last run when it is gone without letting go in order; empty otherwise. Keeps nobody from the lock."""
    holder, is_there, _ = _look(path)
    return str(holder["run"]) if holder and not is_there else ""


def dead_runs_of(path: str) -> tuple[str, ...]:
    """Return every run that ended without letting go; ``UNKNOWN`` where the file does not say which.

    Keeps nobody from the lock.

    Raises:
        StoreError: the lock file cannot be read.
    """
    holder, is_there, is_damaged = _look(path)
    return () if is_there else dead_runs(holder, is_damaged=is_damaged)


def _look(path: str) -> tuple[dict[str, Any], bool, bool]:
    """Return what the lock file says, whether who is named there holds it, and whether it should say something."""
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
    """Return what the lock file says, nothing when no line of it makes sense, and whether it should say something."""
    # An agent may have written anything there, so no more is taken than fits.
    data = os.pread(descriptor, _LONGEST, max(0, os.fstat(descriptor).st_size - _LONGEST))
    holders = map(_read_line, reversed(data.split(b"\n")))
    return next((holder for holder in holders if holder), {}), bool(data)


def dead_runs(holder: Mapping[str, Any], *, is_damaged: bool) -> tuple[str, ...]:
    """Return the runs that ended without letting go, once nobody holds the lock; as ``read_holder`` found it."""
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
    """Take a lock if nobody is in the way, and say whether that was so."""
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
