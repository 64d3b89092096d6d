"""Run a plan later, or again and again, without cron. While it waits, it holds no lock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from orchestrator.actions.running import RunReport
from orchestrator.errors import BusyError, OrchestratorError
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.waiting import Wait, rounds, until_wall, wait_or_signal


def run_repeatedly(
    run_once: Callable[[], RunReport],
    *,
    at: float | None,
    every: float | None,
    tell: Callable[[str], None],
    complain: Callable[[OrchestratorError], None],
    clock: Clock | None = None,
    wait: Wait = wait_or_signal,
) -> int:
    """Run at a moment, then every so often; return the exit status of the last run, or 128 + the signal that ended it.

    A round that finds the plan held by another run is left out. What goes wrong in a later round is said, and the next
    one tries again; what goes wrong in the first one is raised.

    Args:
        run_once: One run.
        at: When the first one begins, seconds since the epoch; None: now.
        every: Seconds from one begin to the next; None: there is only one.
        tell: Hears when the next run begins.
        complain: Hears what kept a round from running.
        clock: What time it is.
        wait: How to wait.

    Raises:
        OrchestratorError: as ``run``, in the first round.
    """
    clock = clock or Clock()
    if at is not None:
        tell(f"waits until {_local(at)}")
        if number := until_wall(at, clock, wait):
            return 128 + number
    if every is None:
        return int(run_once().exit_status)
    is_first = True
    for number in rounds(every, clock, wait):
        if number:
            return 128 + number
        begun = clock.now(), clock.wall()
        try:
            report = run_once()
        except OrchestratorError as error:
            if is_first and not isinstance(error, BusyError):
                raise
            complain(error)
        else:
            if report.signal:
                return 128 + report.signal
        is_first = False
        late = clock.now() - begun[0]
        tell(f"next run at {_local(begun[1] + every * (late // every + 1))}")
    raise AssertionError("rounds end with a signal")


def _local(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M:%S %Z}"
