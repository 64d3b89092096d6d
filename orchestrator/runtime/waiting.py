"""Waits between two runs, with nothing held and nothing open; a signal ends it at once."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from orchestrator.errors import UsageError
from orchestrator.runtime.clock import Clock

#: Waits so many seconds; returns the signal that ended it, or 0.
Wait = Callable[[float], int]
#: From its beginning to its end signals only end the waiting: whoever is told that we wait may send one at once.
Hearing = Callable[[], AbstractContextManager[Wait]]

#: Seconds between two looks at the wall clock: somebody may set it, and a machine may sleep.
_LOOK = 30.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def signals_heard() -> list[signal.Signals]:
    """Return the signals that end us: not those that our caller had us ignore, as ``nohup`` and ``sh -c '… &'`` do."""
    return [
        number
        for number in _SIGNALS
        if number is signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN
    ]


def require_signals() -> None:
    """Make sure that a run can begin where we are, before anything of it has.

    Raises:
        UsageError: it is not the main thread, or an event loop is at work in it.
    """
    import threading

    from anyio.lowlevel import current_token

    if threading.current_thread() is threading.main_thread():
        try:
            current_token()
        except RuntimeError:  # no event loop
            return
        where = "in an event loop"
    else:
        where = "in a thread that is not the main one"
    raise UsageError(
        f"a run cannot begin {where}: it would hear no signals",
        hint="start `orchestrator run --detach` as a process, and wait() for its news",
    )


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
