"""When attempts under way are ended: a queue of moments, looked at again when something was heard meanwhile."""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from orchestrator.core.result import StopReason
from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.node import Node


@dataclass(slots=True, eq=False, repr=False)
class Timeouts:
    """O(log n) for each; what is over drops out when its moment comes."""

    _queue: list[tuple[float, int, int, Node]] = field(default_factory=list)

    def arm(self, entry: Node) -> None:
        """Set the clock for the attempt under way."""
        end, _ = entry.times_out()
        if end < math.inf:
            heapq.heappush(self._queue, (end, entry.place, entry.attempt, entry))

    def next(self) -> float:
        """Return the next moment; infinity when there is none."""
        while self._queue and not _is_armed(self._queue[0]):
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else math.inf

    def expired(self, now: float) -> Iterator[tuple[Node, StopReason]]:
        """Yield every attempt whose time is up, and why."""
        while self.next() <= now:
            entry = heapq.heappop(self._queue)[-1]
            end, reason = entry.times_out()
            if end <= now:
                yield entry, reason
            else:
                self.arm(entry)  # something was heard of it since


def _is_armed(item: tuple[float, int, int, Node]) -> bool:
    _, _, attempt, entry = item
    is_running = entry.status is TaskStatus.RUNNING
    return is_running and entry.attempt == attempt and not entry.stopping


# ── retry ────────
#
# When to try again: true exponential backoff with full jitter and a ceiling.

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
