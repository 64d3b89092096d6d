"""When to try again: true exponential backoff with full jitter and a ceiling (seed rows S2-70, S0-20, S3-81)."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.node import Node

#: No wait between two attempts is longer than this, seconds.
CEILING = 300.0


def backoff(base: float, failures: int, draw: float) -> float:
    """Seconds to wait after the *failures*-th failed attempt.

    Full jitter: uniform between 0 and ``base * 2 ** (failures - 1)``, at most ``CEILING``. *draw* is the random number
    in [0, 1) that came with the event, so a replayed run waits the same.
    """
    # 2.0 ** 1024 overflows; the ceiling is reached long before 64 doublings of any base that matters.
    doublings = min(failures - 1, 64)
    return draw * min(CEILING, base * 2.0**doublings)


@dataclass(slots=True, eq=False, repr=False)
class Backoffs:
    """Tasks whose next attempt has a moment. O(log n) for each; what was settled meanwhile drops out."""

    _queue: list[tuple[float, int, Node]] = field(default_factory=list)

    def put(self, entry: Node) -> None:
        """Let a task wait until it is due."""
        heapq.heappush(self._queue, (entry.due, entry.place, entry))

    def next(self) -> float:
        """Return the next moment; infinity when there is none."""
        while self._queue and not _waits(self._queue[0]):
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else math.inf

    def over(self, now: float) -> Iterator[Node]:
        """Take out every task whose wait is over."""
        while self.next() <= now:
            entry = heapq.heappop(self._queue)[-1]
            entry.due = -1.0
            yield entry


def _waits(item: tuple[float, int, Node]) -> bool:
    due, _, entry = item
    return entry.status is TaskStatus.RETRYING and entry.due == due
