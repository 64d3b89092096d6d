"""Have a run end: the one that is active, or those that wait for their time."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from functools import partial
from typing import Any, NamedTuple

from orchestrator.core.event import RUN, STOP
from orchestrator.core.timestamp import iso
from orchestrator.errors import BusyError, ExecutorError, NotFoundError, StoreError
from orchestrator.store.collection import no_plan
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.lock import WaitingRun, lock_owner, require_elsewhere, waiting_runs
from orchestrator.store.process import is_alive, is_elsewhere, is_of_other_machine, whose
from orchestrator.store.watcher import poll

#: Seconds between two looks at whether it is over.
_LOOK = 0.02


class Stopped(NamedTuple):
    """What was asked to end."""

    run: str
    """The run that was active; empty: none was, and so those that waited were asked."""
    waiting: Sequence[WaitingRun]
    """Those that waited for their time: asked to end if none was active, else left alone."""
    is_over: Callable[[], bool]

    def await_end(self, timeout: float) -> bool:
        """Wait until it is over, *timeout* seconds at most; say whether it is.

        Raises:
            StoreError: the lock file cannot be read.
        """
        return any(self.is_over() for _ in poll(_LOOK, timeout))


def stop(layout: Layout, only: str | None = None, why: str = "") -> Stopped:
    """Have the active run end, as Ctrl-C would; it ends its agents first, so later. A process that began it
    as one of its rounds ends with it. If none is active, those that wait for their time end.

    Args:
        layout: The plan.
        only: The run that is meant; then no other ends, and no one who waits.
        why: Who ends it, and for what reason; it goes into the journal.

    Raises:
        NotFoundError: there is none of either, or no longer the one that is meant, or no plan.
        BusyError: it is one of another machine.
        UsageError: it was called in a listener of the run that is to end.
        ExecutorError: the system said no.
        StoreError: the lock file, or what says who waits, cannot be read.
    """
    holder, waiting = lock_owner(layout.lock), waiting_runs(layout)
    if only is not None and (holder is None or str(holder["run"]) != only):
        raise NotFoundError(f"run {only} is over", where=layout.root)
    if holder is not None:
        require_elsewhere(holder)
        run = str(holder["run"])

        def is_over() -> bool:
            now = lock_owner(layout.lock)
            return now is None or str(now["run"]) != run

        if not _end(f"run {run}", holder, is_over, partial(_note, layout.journal, why)):
            raise NotFoundError("no run is at work any more", where=layout.root)
        others = [each for each in waiting if each.process["pid"] != holder["pid"]]
        return Stopped(run, others, is_over)
    if not waiting:
        raise _nothing_to_stop(layout)
    gone = [partial(_is_gone, each.process) for each in waiting]
    for each, is_gone in zip(waiting, gone, strict=True):
        _end("a run that waits", each.process, is_gone)
    return Stopped("", waiting, lambda: all(is_gone() for is_gone in gone))


def _nothing_to_stop(layout: Layout) -> NotFoundError:
    if not os.path.lexists(layout.plan):
        return no_plan(layout, _is_active)
    return NotFoundError(
        "no run is at work, and none waits for its time",
        where=layout.root,
        hint="`orchestrator status` shows how the last one ended",
    )


def _is_active(layout: Layout) -> bool:
    return lock_owner(layout.lock) is not None or bool(waiting_runs(layout))


def _is_gone(process: Mapping[str, Any]) -> bool:
    return not is_alive(process)


def _end(
    name: str, process: Mapping[str, Any], is_over: Callable[[], bool], note: Callable[[], None] = lambda: None
) -> bool:
    """Tell a process to end, unless it is over; say whether it was signalled. *note* writes that down first."""
    if is_elsewhere(process):
        where = "on another machine" if is_of_other_machine(process) else "in another container"
        raise BusyError(
            f"{name} is active {where}, {process.get('host', '?')}", hint=f"end its process {process['pid']} there"
        )
    try:
        if not hasattr(os, "pidfd_open"):
            note()
            _tell(partial(os.kill, process["pid"]))
            return True
        descriptor = os.pidfd_open(process["pid"])
        try:
            # Looked at once more, now that its number can no longer go to another user.
            if is_over():
                return False
            note()
            _tell(partial(signal.pidfd_send_signal, descriptor))
        finally:
            os.close(descriptor)
    except ProcessLookupError:
        return False
    except OSError as error:
        person = whose(process) or "whoever started it"
        raise ExecutorError(
            f"cannot end {name}: {error.strerror}",
            hint=f"it is process {process['pid']}, and {person} can end it; "
            "`orchestrator cancel ID` takes a task from it",
        ) from error
    return True


def _note(journal: str, why: str) -> None:
    """Write down that a person ends the run: a signal from elsewhere has no such line, and is an alert."""
    with suppress(StoreError), closing(Journal(journal)) as chronicle:  # it ends all the same
        chronicle.append(f"{iso(time.time())} · {RUN} · {STOP} · to stop{f' {why}' if why else ''}")


def _tell(send: Callable[[int], None]) -> None:
    """Send what ends a process in order: one that was suspended, by Ctrl-Z for one, hears it only when it goes on."""
    send(signal.SIGTERM)
    with suppress(ProcessLookupError):  # it was not suspended, and has ended already
        send(signal.SIGCONT)
