"""The only place that asks what time it is, and the only dice."""

from __future__ import annotations

import os
import time


class Clock:
    """Wall time for showing, a clock that never jumps for deciding."""

    def __init__(self) -> None:
        self._drawn: list[int] = []

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def now(self) -> float:
        """Seconds on a clock of no particular beginning; only differences mean something."""
        return time.monotonic()

    def draw(self) -> float:
        """A random number in [0, 1), for jitter."""
        if not self._drawn:
            # Every event brings one along, so the system is asked for many at once; ``random`` takes 1.3 ms to load.
            self._drawn = memoryview(os.urandom(1024)).cast("I").tolist()
        return self._drawn.pop() / 2**32
