"""The event loop of a run: it hears the signals that came before its first moment, and keeps those after its last.

And its threads, for what would hold it up; where the system has none left, for a moment, it is held up.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.runner.clock import Clock
from orchestrator.runner.signals import Signals
from orchestrator.scheduler.messages import Input, Slept, Ticked
from orchestrator.store.atomic import ADVICE

#: What Python says where the system starts no thread, and nothing was called yet.
_NO_THREAD = ("can't start new thread",)
_Result = TypeVar("_Result")
_Words = TypeVarTuple("_Words")


async def in_thread(function: Callable[[*_Words], _Result], *words: *_Words) -> _Result:
    """Call a function in a thread; or here, where the agents have used up what a user may have of processes.

    All that we call so is short, and a run that ended for it would throw away the work of every agent.
    """
    try:
        return await anyio.to_thread.run_sync(function, *words)
    except RuntimeError as error:
        if error.args != _NO_THREAD:
            raise
    return function(*words)


def run_in_event_loop(run: Callable[[AsyncIterator[signal.Signals]], Awaitable[None]], signals: Signals) -> None:
    """Run to the end, with the signals that end us.

    What comes while the loop is taken down waits for anyone who hears them next: an exception in the middle of that
    would leave a thread that nothing ends, and it would keep the process for ever.

    Raises:
        OrchestratorError: it was raised within, alone.
        StoreError: what the system refused, where nothing else went wrong: an open file to load a module from, say.
    """

    async def hearing() -> None:
        await run(_received(signals))

    try:
        anyio.run(hearing)
    except BaseExceptionGroup as group:
        if (refused := _refused(group)) is not None:
            raise refused from group
        raise


async def _received(signals: Signals) -> AsyncIterator[signal.Signals]:
    while True:
        # Without a pause: nothing is to start before what has come is heard.
        if number := signals.wait(0.0):
            yield signal.Signals(number)
        else:
            await anyio.wait_readable(signals.descriptor)


def _refused(group: BaseException) -> OrchestratorError | None:
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    if isinstance(group, OrchestratorError):
        return group
    if not isinstance(group, (OSError, ImportError)):
        return None
    return StoreError(f"the system says: {group}", hint=ADVICE)


# ── timer ────────
#
# Wakes a run when its engine asks for it, and tells it of time that its clock did not count.

#: Seconds between two readings of the wall clock while something is waited for: a machine may sleep.
_LOOK = 30.0
#: Seconds by which the two clocks may drift apart without a sleep of the machine.
_SAME = 1.0


@dataclass(slots=True, eq=False, repr=False)
class Timer:
    """Sleeps until a moment that may come nearer while it sleeps. Made inside of the event loop."""

    clock: Clock
    wake_at: Callable[[], float | None]
    """The moment, on the clock that never jumps; None while there is none."""
    handle: Callable[[Input], None]
    _ahead: float = field(default=0.0, init=False)
    """Seconds that the wall clock was ahead of the other when anybody looked."""
    _moved: anyio.Event = field(default_factory=anyio.Event, init=False)
    _until: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Look at both clocks."""
        self._ahead = self.clock.wall() - self.clock.now()

    def timestamp(self, wall: float) -> float:
        """Turn a moment on the wall into one of the clock that never jumps; ``Slept`` corrects it later."""
        return wall - self._ahead

    async def keep_time(self) -> None:
        """Tick at each of the moments, and in between where there is long to wait, until cancelled."""
        while True:
            self._moved = anyio.Event()
            self._until = self.wake_at()
            if self._until is None:
                await self._moved.wait()
                continue
            with anyio.move_on_after(min(self._until - self.clock.now(), _LOOK)) as sleep:
                await self._moved.wait()
            if sleep.cancelled_caught:
                self._look_at_the_wall()
                self.handle(Ticked())

    def _look_at_the_wall(self) -> None:
        ahead = self.clock.wall() - self.clock.now()
        slept = ahead - self._ahead
        if abs(slept) > _SAME:
            self._ahead = ahead
            # A clock that was put back makes no one wait longer: the moment may be that of the wrong one.
            if slept > 0:
                self.handle(Slept(slept))

    def look(self) -> None:
        """Look at the moment once more, if it came nearer."""
        wake_at = self.wake_at()
        if wake_at is not None and (self._until is None or wake_at < self._until):
            self._moved.set()
