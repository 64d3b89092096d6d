"""Waits between two runs, with nothing held and nothing open; a signal ends it at once."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import Self

from orchestrator.errors import UsageError
from orchestrator.runtime.clock import Clock

#: Waits so many seconds; returns the signal that ended it, or 0.
Wait = Callable[[float], int]
#: From its beginning to its end signals only end the waiting: whoever is told that we wait may send one at once.
Hearing = Callable[[], AbstractContextManager[Wait]]

#: Seconds between two looks at the wall clock: somebody may set it, and a machine may sleep.
_LOOK = 30.0
_DAY = 86400.0
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


class Signals:
    """The signals that end us: within ``with`` they only wait to be heard; afterwards they do what they did before.

    So none is lost, or kills us, between two who hear them. If nobody heard any, the first one is sent once more.
    """

    def __init__(self) -> None:
        """Change nothing yet."""
        self.descriptor = -1
        """Readable when one has come."""
        self.heard = 0
        """The first one that somebody heard."""

    def __enter__(self) -> Self:
        """Begin to keep them."""
        self.descriptor, self._writer = os.pipe()
        for end in (self.descriptor, self._writer):
            os.set_blocking(end, False)  # takes no keyword
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._treatments = [(number, signal.signal(number, _wake)) for number in signals_heard()]
        return self

    def __exit__(self, *error: object) -> None:
        """Give them back."""
        for number, treatment in reversed(self._treatments):  # Ctrl-C last: it raises
            signal.signal(number, treatment)
        signal.set_wakeup_fd(self._before)
        before, left = self.heard, self.wait(0.0)
        os.close(self.descriptor)
        os.close(self._writer)
        if left and not before:
            signal.raise_signal(left)

    def look(self) -> int:
        """Return the first one that came, or 0."""
        return self.heard or self.wait(0.0)

    def wait(self, seconds: float) -> int:
        """Wait so many seconds, at most a day; return the signal that ended it, or 0."""
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        if not poll.poll(min(max(seconds, 0.0), _DAY) * 1000):
            return 0
        number = os.read(self.descriptor, 1)[0]
        self.heard = self.heard or number
        return number


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Its number is in the pipe."""


@contextmanager
def hear_signals() -> Iterator[Wait]:
    """Have signals end the waiting; afterwards they do what they did before."""
    with Signals() as signals:
        yield signals.wait
