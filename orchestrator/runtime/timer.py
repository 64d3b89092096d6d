"""Wakes a run when its engine asks for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from orchestrator.runtime.clock import Clock


@dataclass(slots=True)
class Timer:
    """Sleeps until a moment that may come nearer while it sleeps. Made inside of the event loop."""

    clock: Clock
    wake_at: Callable[[], float | None]
    """The moment, on the clock that never jumps; None while there is none."""
    tick: Callable[[], None]
    _moved: anyio.Event = field(default_factory=anyio.Event, init=False)
    _until: float | None = field(default=None, init=False)

    async def keep_time(self) -> None:
        """Tick at each of the moments, until cancelled."""
        while True:
            self._moved = anyio.Event()
            self._until = self.wake_at()
            if self._until is None:
                await self._moved.wait()
                continue
            with anyio.move_on_after(self._until - self.clock.now()) as sleep:
                await self._moved.wait()
            if sleep.cancelled_caught:
                self.tick()

    def look(self) -> None:
        """Look at the moment once more, if it came nearer."""
        wake_at = self.wake_at()
        if wake_at is not None and (self._until is None or wake_at < self._until):
            self._moved.set()
