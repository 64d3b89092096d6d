"""How long a plan will take, as far as people have said it: in all, what is left, and what is left in a row."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.core.board import Board
from orchestrator.core.duration import format_duration
from orchestrator.core.state import TaskStatus

#: Nothing of these is left to do.
_OVER = frozenset({TaskStatus.COMPLETED, TaskStatus.CANCELLED})


class Estimate(NamedTuple):
    """Seconds of work, of those tasks that somebody estimated."""

    total: float
    left: float
    path_left: float
    """The longest path through what is left, on which others count as the average: no number of slots is quicker."""
    known: int
    """Tasks that are estimated."""
    tasks: int
    """Tasks that there are to do, umbrellas aside."""

    def __str__(self) -> str:
        """``34h00m in all, 22h00m left, 12h00m in a row (3 of 5 tasks estimated)``."""
        told = f"{format_duration(self.total)} in all, nothing left"
        if self.left:
            left, in_a_row = format_duration(self.left), format_duration(self.path_left)
            told = f"{format_duration(self.total)} in all, {left} left, {in_a_row} in a row"
        some = f" ({self.known} of {self.tasks} tasks estimated)"
        return f"{told}{some if self.known < self.tasks else ''}"


def estimate(board: Board) -> Estimate | None:
    """Add up what people have said; None when nobody said anything."""
    tasks = [task for task in board.plan.tasks.values() if not task.children]
    known = [task for task in tasks if task.estimate]
    if not known:
        return None
    is_open = [task for task in tasks if board.status(task.id) not in _OVER]
    return Estimate(
        total=sum(task.estimate or 0.0 for task in known),
        left=sum(task.estimate or 0.0 for task in is_open),
        path_left=max((board.shape.rank[task.id] for task in is_open), default=0.0),
        known=len(known),
        tasks=len(tasks),
    )
