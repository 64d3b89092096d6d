"""The signals that end us: who hears them, and where a run can."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Self

from orchestrator.core.timestamp import is_by_day, next_round
from orchestrator.errors import UsageError
from orchestrator.lazy import LazyModule
from orchestrator.runner.clock import Clock

if TYPE_CHECKING:
    from anyio import lowlevel
else:
    lowlevel = LazyModule("anyio.lowlevel")

_DAY = 86400.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def receive_signals() -> list[signal.Signals]:
    """Return the signals that end us: not those that our caller had us ignore, as ``nohup`` and ``sh -c '… &'`` do."""
    return [number for number in _SIGNALS if number is signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN]


def end_in_order() -> None:
    """From now on have SIGTERM and SIGHUP end us as Ctrl-C does: by an exception, ``SystemExit`` with 128 + n.

    So what is under way is undone. What our caller had us ignore is still ignored.
    """
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)


def _leave(number: int, _frame: FrameType | None) -> None:
    for each in _SIGNALS:  # `timeout` sends it twice, and so may a terminal
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def require_signals() -> None:
    """Make sure that a run can begin where we are, before anything of it has.

    Raises:
        UsageError: it is not the main thread, or an event loop is active in it.
    """
    if threading.current_thread() is threading.main_thread():
        try:
            lowlevel.current_token()
        except RuntimeError:  # no event loop
            return
        where = "in an event loop"
    else:
        where = "in a thread that is not the main one"
    raise UsageError(
        f"a run cannot begin {where}: it would hear no signals",
        hint="start `orchestrator run --detach` as a process, and wait() for its news",
    )


class Signals:
    """The signals that end us: within ``with`` they only wait to be heard; afterwards they do what they did before.

    So none is lost, or kills us, between two who hear them. If no one heard any, the first one is sent once more.
    Other signals that the program handles itself end nothing: who was woken by them before, is, too.
    """

    def __init__(self) -> None:
        """Change nothing yet."""
        self.descriptor = -1
        """Readable when one has come."""
        self.heard = 0
        """The first one that a user heard."""

    def __enter__(self) -> Self:
        """Begin to keep them."""
        self.descriptor, self._writer = os.pipe()
        for end in (self.descriptor, self._writer):
            os.set_blocking(end, False)  # takes no keyword
        self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        self._treatments = {number: signal.signal(number, _wake) for number in receive_signals()}
        return self

    def __exit__(self, *error: object) -> None:
        """Give them back."""
        for number, treatment in reversed(self._treatments.items()):  # Ctrl-C last: it raises
            signal.signal(number, treatment)
        signal.set_wakeup_fd(self._before)
        before, left = self.heard, self.wait(0.0)
        while self.wait(0.0):
            pass  # what came behind it is passed on
        os.close(self.descriptor)
        os.close(self._writer)
        if left and not before:
            signal.raise_signal(left)

    def look(self) -> int:
        """Return the first one that came, or 0."""
        return self.heard or self.wait(0.0)

    def wait(self, seconds: float) -> int:
        """Wait so many seconds, at most a day; return the signal that ended it, or 0."""
        until = time.monotonic() + min(max(seconds, 0.0), _DAY)
        poll = select.poll()
        poll.register(self.descriptor, select.POLLIN)
        while poll.poll(max(until - time.monotonic(), 0.0) * 1000):
            number = os.read(self.descriptor, 1)[0]
            if number in self._treatments:
                self.heard = self.heard or number
                return number
            self._pass_on(number)
        return 0

    def _pass_on(self, number: int) -> None:
        """Every signal with a handler writes its number, also one that ends no one."""
        if self._before >= 0:
            with contextlib.suppress(OSError):  # full, or closed: so it would be lost without us
                os.write(self._before, bytes([number]))


def _wake(_number: int, _frame: FrameType | None) -> None:
    """Its number is in the pipe."""


# ── waiting ────────
#
# Waits between two runs, with nothing held and nothing open; a signal ends it at once.

#: Waits so many seconds; returns the signal that ended it, or 0.
Wait = Callable[[float], int]
#: From its beginning to its end signals only end the waiting: anyone who reads that we wait may send one at once.
Hearing = Callable[[], AbstractContextManager[Wait]]

#: Seconds by which two clocks may differ from what they did, and no one has set one.
_SAME = 1.0
#: Seconds between two looks at the wall clock: a user may set it, and a machine may sleep.
_LOOK = 10.0


def until_wall(timestamp: float, clock: Clock, wait: Wait) -> int:
    """Wait until the wall clock shows a moment, in seconds since the epoch; return the signal that ended it, or 0."""
    while (left := timestamp - clock.wall()) > 0:
        if number := wait(min(left, _LOOK)):
            return number
    return 0


def rounds(begin: float, every: float, clock: Clock, hearing: Hearing, tell: Callable[[float], None]) -> Iterator[int]:
    """Yield 0 whenever a round is to begin, *every* so many seconds; a signal while it waits is yielded last.

    A round that takes longer than that swallows those that it overlaps. Time is that of the clock on the wall, which
    goes on while the machine sleeps; one that is put back moves rounds along that come back to no time of day.

    Args:
        begin: When the first one begins, in seconds since the epoch.
        every: Seconds.
        clock: What time it is.
        hearing: How to wait, and for which signals.
        tell: Hears when the next one begins, in seconds since the epoch.
    """
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
