"""Signals while a run is at work, and while we wait between two, with nothing held and nothing open."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from types import FrameType

import anyio

from orchestrator.core.timing import next_round
from orchestrator.runtime.clock import Clock

#: Waits so many seconds; returns the signal that ended it, or 0.
Wait = Callable[[float], int]
#: From its beginning to its end signals only end the waiting: whoever is told that we wait may send one at once.
Hearing = Callable[[], AbstractContextManager[Wait]]

#: Seconds between two looks at the wall clock: somebody may set it, and a machine may sleep.
_LOOK = 30.0
#: Ctrl-C last: when they are no longer heard, each does at once what it does by itself.
_SIGNALS = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)


def signals_heard() -> list[signal.Signals]:
    """Return the signals that end us: not those that our caller had us ignore, as ``nohup`` and ``sh -c '… &'`` do."""
    return [
        number
        for number in _SIGNALS
        if number is signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN
    ]


def run_heard(run: Callable[[AsyncIterator[signal.Signals]], Awaitable[None]]) -> None:
    """Run an event loop that hears signals from its first moment to its last; afterwards they do what they did before.

    While it is taken down they do nothing: whoever presses Ctrl-C once more would end it in the middle of that, and a
    thread that nobody has told to end would keep the process for ever.
    """

    async def heard() -> None:
        with suppress(KeyboardInterrupt):  # the one that comes just when nobody hears it any more
            with anyio.open_signal_receiver(*numbers) as signals:
                await run(signals)
            _turn_deaf(numbers)
        _turn_deaf(numbers)

    numbers = signals_heard()
    before = [(number, signal.getsignal(number)) for number in numbers]
    try:
        anyio.run(heard)
    finally:
        for number, treatment in before:
            signal.signal(number, treatment)


def _turn_deaf(numbers: Sequence[int]) -> None:
    for number in reversed(numbers):  # what raises an exception first
        signal.signal(number, _do_nothing)
    signal.set_wakeup_fd(-1)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """It is over anyway."""


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
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def wait(seconds: float) -> int:
        ready, _, _ = select.select([reader], [], [], max(seconds, 0.0))
        return os.read(reader, 1)[0] if ready else 0

    def hear(_number: int, _frame: FrameType | None) -> None:
        """Its number is in the pipe."""

    before = [(number, signal.signal(number, hear)) for number in signals_heard()]
    descriptor = signal.set_wakeup_fd(writer)
    try:
        yield wait
    finally:
        signal.set_wakeup_fd(descriptor)
        for number, treatment in before:
            signal.signal(number, treatment)
        os.close(reader)
        os.close(writer)
