"""Waits between two runs, with nothing held and nothing open; a signal ends it at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from orchestrator.runtime.clock import Clock
from orchestrator.runtime.signals import Signals

#: Waits so many seconds; returns the signal that ended it, or 0.
Wait = Callable[[float], int]
#: From its beginning to its end signals only end the waiting: whoever is told that we wait may send one at once.
Hearing = Callable[[], AbstractContextManager[Wait]]

#: Seconds between two looks at the wall clock: somebody may set it, and a machine may sleep.
_LOOK = 30.0


def until_wall(moment: float, clock: Clock, wait: Wait) -> int:
    """Wait until the wall clock shows a moment, in seconds since the epoch; return the signal that ended it, or 0."""
    while (left := moment - clock.wall()) > 0:
        if number := wait(min(left, _LOOK)):
            return number
    return 0


def rounds(
    every: float, clock: Clock, hearing: Hearing, tell: Callable[[float], None]
) -> Iterator[int]:
    """Yield 0 whenever a round is to begin, *every* so many seconds; a signal while it waits is yielded last.

    A round that takes longer than that swallows those that it overlaps. Time is told by the clock that never jumps.
    *tell* hears how many seconds there are to wait.
    """
    from orchestrator.core.timing import next_round  # few runs are followed by another

    begin = clock.now()
    while True:
        yield 0
        with hearing() as wait:
            following = next_round(begin, every, clock.now())
            tell(following - clock.now())
            while (left := following - clock.now()) > 0:
                if number := wait(left):
                    yield number
                    return


@contextmanager
def hear_signals() -> Iterator[Wait]:
    """Have signals end the waiting; afterwards they do what they did before."""
    with Signals() as signals:
        yield signals.wait
