"""May a task start, and if not, why: the one rule about what a task depends on.

The snapshot derives its states with it, so ``status``, ``list``, previews, dispatch and the dashboard say the same. The
scheduler counts open dependencies event by event; a state machine holds its counters equal to this rule
(``tests/scheduler/engine_play.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.status import BLOCKS_DEPENDENTS, TaskStatus

if TYPE_CHECKING:
    from orchestrator.core.snapshot import PlanSnapshot

#: Where a task stands, by its id.
StatusOf = Callable[[str], TaskStatus]


class Ready(NamedTuple):
    """Everything that the task depends on is completed."""


class Waiting(NamedTuple):
    """Something that the task depends on is not completed yet."""

    needs: Sequence[str]

    @property
    def why(self) -> str:
        """What it waits for, in words."""
        return f"needs {', '.join(self.needs)}"


class Skipped(NamedTuple):
    """Something that the task depends on will not be completed."""

    need: str
    status: TaskStatus

    @property
    def why(self) -> str:
        """What keeps it from running, in words."""
        return f"{self.need} {self.status.value}"


Readiness = Ready | Waiting | Skipped


_READY = Ready()


def open_needs(needs: Iterable[str], status_of: StatusOf) -> list[tuple[str, TaskStatus]]:
    """Return which of the tasks that one depends on are not completed, and where they stand."""
    found = ((need, status_of(need)) for need in needs)
    return [(need, status) for need, status in found if status is not TaskStatus.COMPLETED]


def readiness(needs: Iterable[str], status_of: StatusOf) -> Readiness:
    """Return whether a task that depends on *needs* may start."""
    left = []
    for need in needs:
        status = status_of(need)
        if status in BLOCKS_DEPENDENTS:
            return Skipped(need, status)
        if status is not TaskStatus.COMPLETED:
            left.append(need)
    return Waiting(left) if left else _READY


def kept_back(board: PlanSnapshot, to_run: Collection[str]) -> dict[str, str]:
    """Return which of the tasks *to_run* cannot start in a run of these, and why: what they need is left to others."""
    chosen, causes = frozenset(to_run), dict[str, str]()
    for task_id in board.shape.order:
        task = board.plan.tasks[task_id]
        if task_id in chosen or task.children:
            if cause := next((causes[need] for need in task.needs if need in causes), ""):
                causes[task_id] = cause
        elif board.status(task_id) is not TaskStatus.COMPLETED:
            status, reason = board.standing[task_id]
            by = f" {reason}" if status is TaskStatus.RUNNING else ""
            causes[task_id] = f"{task_id} is {status.value}{by}"
    return {task_id: causes[task_id] for task_id in to_run if task_id in causes}
