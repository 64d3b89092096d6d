"""Run a plan later, or again and again, without cron. While it waits, it holds no lock."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.errors import BusyError, OrchestratorError
from orchestrator.runner.clock import Clock
from orchestrator.runner.run import RunReport
from orchestrator.runner.signals import Hearing, hear_signals, rounds, until_wall


def run_repeatedly(
    run_once: Callable[[], RunReport],
    *,
    at: float | None,
    every: float | None,
    tell: Callable[[float], None],
    complain: Callable[[OrchestratorError], None],
    clock: Clock,
    hearing: Hearing = hear_signals,
) -> int:
    """Run at a moment, then every so often; return the exit status of the last run, or 128 + the signal that ended it.

    A round that finds the plan held by another run is left out. What goes wrong in a later round is said, and the next
    one tries again; what goes wrong in the first one is raised.

    Args:
        run_once: One run.
        at: When the first one begins, seconds since the epoch; None: now.
        every: Seconds from one begin to the next; None: there is only one.
        tell: Hears when the next run begins, in seconds since the epoch, whenever it begins to wait.
        complain: Hears what kept a round from running.
        clock: What time it is.
        hearing: How to wait, and for which signals.

    Raises:
        OrchestratorError: as ``run``, in the first round.
    """
    if at is not None:
        with hearing() as wait:
            tell(at)
            if number := until_wall(at, clock, wait):
                return 128 + number
    if every is None:
        return int(run_once().exit_status)

    begin = clock.wall() if at is None else at
    for earlier, number in enumerate(rounds(begin, every, clock, hearing, tell)):
        if ended_by := number or _round(run_once, complain, is_first=not earlier):
            return 128 + ended_by
    raise AssertionError("rounds end with a signal")


def _round(run_once: Callable[[], RunReport], complain: Callable[[OrchestratorError], None], *, is_first: bool) -> int:
    """Run once; return the signal that ended it, or 0."""
    try:
        report = run_once()
        return report.signal or report.late_signal
    except BusyError as error:
        complain(error)
    except OrchestratorError as error:
        if is_first:
            raise
        complain(error)
    return 0
