"""The only place that asks what time it is, and the only dice."""

from __future__ import annotations

import os
import time


class Clock:
    """Wall time for showing, a clock that never jumps for deciding (promise 17)."""

    def wall(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def now(self) -> float:
        """Seconds on a clock of no particular beginning; only differences mean something."""
        return time.monotonic()

    def draw(self) -> float:
        """A random number in [0, 1), for jitter."""
        return int.from_bytes(os.urandom(6)) / 2**48  # loading ``random`` takes 1.3 ms
