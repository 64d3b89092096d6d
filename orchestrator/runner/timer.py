"""Wakes a run when its engine asks for it, and tells it of time that its clock did not count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from orchestrator.runner.clock import Clock
from orchestrator.scheduler.messages import Input, Slept, Ticked

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
            # A clock that was put back makes no one wait longer: the moment may have been told by the wrong one.
            if slept > 0:
                self.handle(Slept(slept))

    def look(self) -> None:
        """Look at the moment once more, if it came nearer."""
        wake_at = self.wake_at()
        if wake_at is not None and (self._until is None or wake_at < self._until):
            self._moved.set()
