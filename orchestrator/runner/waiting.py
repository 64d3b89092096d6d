"""Waits between two runs, with nothing held and nothing open; a signal ends it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from orchestrator.runner.clock import Clock
from orchestrator.runner.signals import Signals

#: Waits so many seconds; returns the signal that ended it, or 0.
Wait = Callable[[float], int]
#: From its beginning to its end signals only end the waiting: whoever is told that we wait may send one at once.
Hearing = Callable[[], AbstractContextManager[Wait]]

#: Seconds by which two clocks may differ from what they did, and nobody has set one.
_SAME = 1.0
#: Seconds between two looks at the wall clock: somebody may set it, and a machine may sleep.
_LOOK = 10.0


def until_wall(moment: float, clock: Clock, wait: Wait) -> int:
    """Wait until the wall clock shows a moment, in seconds since the epoch; return the signal that ended it, or 0."""
    while (left := moment - clock.wall()) > 0:
        if number := wait(min(left, _LOOK)):
            return number
    return 0


def rounds(
    begin: float, every: float, clock: Clock, hearing: Hearing, tell: Callable[[float], None]
) -> Iterator[int]:
    """Yield 0 whenever a round is to begin, *every* so many seconds; a signal while it waits is yielded last.

    A round that takes longer than that swallows those that it overlaps. Time is told by the clock on the wall, which
    goes on while the machine sleeps; one that is put back moves rounds along that come back to no time of day.

    Args:
        begin: When the first one begins, in seconds since the epoch.
        every: Seconds.
        clock: What time it is.
        hearing: How to wait, and for which signals.
        tell: Hears when the next one begins, in seconds since the epoch.
    """
    from orchestrator.core.timestamp import is_by_day, next_round  # few runs are followed by another

    ahead, newest = clock.wall() - clock.now(), begin
    while True:
        yield 0
        with hearing() as wait:
            due: float | None = None
            while due is None or (left := due - clock.wall()) > 0:
                if due is not None and (number := wait(min(left, _LOOK))):
                    yield number
                    return
                before, ahead = ahead, clock.wall() - clock.now()
                if before - ahead > _SAME and not is_by_day(every):
                    begin, newest, due = begin - before + ahead, newest - before + ahead, None
                if due is None:
                    due = next_round(begin, every, max(newest, clock.wall()))
                    tell(due)
            newest = due


@contextmanager
def hear_signals() -> Iterator[Wait]:
    """Have signals end the waiting; afterwards they do what they did before."""
    with Signals() as signals:
        yield signals.wait
