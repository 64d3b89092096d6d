"""How long a plan will take, as far as people have said it: in all, what is left, and of the longest chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.core.duration import format_duration
from orchestrator.core.graph import weights
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import pluralize


class Path(NamedTuple):
    """How long a chain of tasks lasts: in tasks, and in seconds where anything in the plan is estimated."""

    tasks: int
    """Umbrellas aside, for which nothing is done."""
    done: int
    seconds: float
    """As ``core.graph.weights`` counts."""
    left: float
    is_timed: bool

    def __str__(self) -> str:
        """``3 tasks, 14h00m; 1 done, 12h00m left``."""
        count = pluralize(self.tasks, "task")
        if not self.is_timed:
            return f"{count}; {self.done} done, {self.tasks - self.done} left"
        left = format_duration(self.left) if self.left else "nothing"
        return f"{count}, {format_duration(self.seconds)}; {self.done} done, {left} left"


def given_up(board: PlanSnapshot) -> set[str]:
    """Which tasks no one will do as it stands: those that are cancelled, and what is skipped because of them."""
    found: set[str] = set()
    for task_id in board.shape.order:
        status = board.status(task_id)
        is_skipped = status is TaskStatus.SKIPPED
        is_kept_back = is_skipped and not found.isdisjoint(board.plan.tasks[task_id].needs)
        if status is TaskStatus.CANCELLED or is_kept_back:
            found.add(task_id)
    return found


def path_estimate(board: PlanSnapshot, path: Sequence[str]) -> Path:
    """Add up a chain of tasks."""
    tasks = board.plan.tasks
    weight = weights(tasks)
    steps = [task_id for task_id in path if not tasks[task_id].children]
    is_open = [each for each in steps if board.status(each) is not TaskStatus.COMPLETED]
    return Path(
        tasks=len(steps),
        done=len(steps) - len(is_open),
        seconds=sum(weight[task_id] for task_id in steps),
        left=sum(weight[task_id] for task_id in is_open),
        is_timed=any(task.estimate for task in tasks.values()),
    )


class Estimate(NamedTuple):
    """Seconds of work; what no one estimated counts as the average of what a user did."""

    total: float
    left: float
    path_left: float
    """The longest path through what is left: no number of slots is quicker."""
    known: int
    """Tasks that are estimated."""
    tasks: int
    """Tasks that there are to do, umbrellas aside."""

    def __str__(self) -> str:
        """``34h00m in all, 22h00m left, longest chain 12h00m (3 of 5 tasks; the others count as their average)``."""
        text = f"{format_duration(self.total)} in all, nothing left"
        if self.left:
            left, longest = format_duration(self.left), format_duration(self.path_left)
            text = f"{format_duration(self.total)} in all, {left} left, longest chain {longest}"
        some = f" ({self.known} of {self.tasks} tasks; the others count as their average)"
        return f"{text}{some if self.known < self.tasks else ''}"


def estimate(board: PlanSnapshot) -> Estimate | None:
    """Add up what people have said; None when there is none."""
    tasks = [task for task in board.plan.tasks.values() if not task.children]
    known = sum(bool(task.estimate) for task in tasks)
    if not known:
        return None
    weight = weights(board.plan.tasks)
    played, dropped = frozenset(board.only_simulated()), given_up(board)
    left = {
        task.id: weight[task.id]
        for task in tasks
        if task.id not in dropped and (task.id in played or board.status(task.id) is not TaskStatus.COMPLETED)
    }
    # Not the ranks of the plan: what is not to be done makes no path longer.
    in_a_row: dict[str, float] = {}
    for task_id in board.shape.order:
        before = max((in_a_row[need] for need in board.plan.tasks[task_id].needs), default=0.0)
        in_a_row[task_id] = before + left.get(task_id, 0.0)
    return Estimate(
        total=sum(weight[task.id] for task in tasks),
        left=sum(left.values()),
        path_left=max(in_a_row.values(), default=0.0),
        known=known,
        tasks=len(tasks),
    )
