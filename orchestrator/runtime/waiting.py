"""Waits between two runs, with nothing held and nothing open; a signal ends it at once."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from orchestrator.core.timing import next_round
from orchestrator.runtime.clock import Clock

#: Waits so many seconds; returns the signal that ended it, or 0.
Wait = Callable[[float], int]

#: Seconds between two looks at the wall clock: somebody may set it, and a machine may sleep.
_LOOK = 30.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def wait_or_signal(seconds: float) -> int:
    """Wait; return the number of the signal that asked us to end, 0 when the time is over."""
    with _signals_in_a_pipe() as pipe:
        ready, _, _ = select.select([pipe], [], [], max(seconds, 0.0))
        return os.read(pipe, 1)[0] if ready else 0


def until_wall(moment: float, clock: Clock, wait: Wait) -> int:
    """Wait until the wall clock shows a moment, in seconds since the epoch; return the signal that ended it, or 0."""
    while (left := moment - clock.wall()) > 0:
        if number := wait(min(left, _LOOK)):
            return number
    return 0


def rounds(every: float, clock: Clock, wait: Wait) -> Iterator[int]:
    """Yield 0 whenever a round is to begin, *every* so many seconds; a signal while it waits is yielded last.

    A round that takes longer than that swallows those that it overlaps. Time is told by the clock that never jumps.
    """
    begin = clock.now()
    while True:
        yield 0
        following = next_round(begin, every, clock.now())
        while (left := following - clock.now()) > 0:
            if number := wait(left):
                yield number
                return


@contextmanager
def _signals_in_a_pipe() -> Iterator[int]:
    """Have signals written into a pipe while we wait, as whoever ran before us had them treated afterwards."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def hear(_number: int, _frame: FrameType | None) -> None:
        """Its number is in the pipe."""

    before = [(number, signal.signal(number, hear)) for number in _SIGNALS]
    descriptor = signal.set_wakeup_fd(writer)
    try:
        yield reader
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, treatment in before:
            signal.signal(number, treatment)
        os.close(reader)
        os.close(writer)
