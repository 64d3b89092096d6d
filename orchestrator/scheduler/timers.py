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
        deadline, _ = entry.deadline()
        if deadline < math.inf:
            heapq.heappush(self._queue, (deadline, entry.place, entry.attempt, entry))

    def next(self) -> float:
        """Return the next moment; infinity when there is none."""
        while self._queue and not _is_armed(self._queue[0]):
            heapq.heappop(self._queue)
        return self._queue[0][0] if self._queue else math.inf

    def expired(self, now: float) -> Iterator[tuple[Node, StopReason]]:
        """Yield every attempt whose time is up, and why."""
        while self.next() <= now:
            entry = heapq.heappop(self._queue)[-1]
            deadline, reason = entry.deadline()
            if deadline <= now:
                yield entry, reason
            else:
                self.arm(entry)  # something was heard of it since


def _is_armed(item: tuple[float, int, int, Node]) -> bool:
    _, _, attempt, entry = item
    is_running = entry.status is TaskStatus.RUNNING
    return is_running and entry.attempt == attempt and not entry.stopping
