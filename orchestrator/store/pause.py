"""The only place that sleeps: what another process does wakes nobody here, so one has to look again."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator


def poll(every: float, within: float = math.inf) -> Iterator[None]:
    """Yield at once, and again after every so many seconds; for the last time when *within* seconds have passed."""
    end = time.monotonic() + within
    yield
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(every, left))  # noqa: TID251 - see above
        yield
