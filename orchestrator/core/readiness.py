"""May a task start, and if not, why: the one rule about what a task depends on.

The snapshot derives its states with it, so ``status``, ``list``, previews, dispatch and the dashboard say the same. The
scheduler counts open dependencies event by event; a state machine holds its counters equal to this rule
(``tests/scheduler/engine_play.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.status import BLOCKS_DEPENDENTS, RunIf, TaskStatus

if TYPE_CHECKING:
    from orchestrator.core.plan import Task
    from orchestrator.core.snapshot import PlanSnapshot

#: Where a task stands, by its id.
StatusOf = Callable[[str], TaskStatus]
#: Whether a task was skipped because nothing needs it: its condition is not met, or all that it depends on was skipped
#: so. What depends on it goes on without it.
IsOmitted = Callable[[str], bool]


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


class Omitted(NamedTuple):
    """Nothing failed, and the task is not needed: all that it depends on was skipped because of a condition."""

    why: str


Readiness = Ready | Waiting | Skipped | Omitted


_READY = Ready()


def _never(_: str) -> bool:
    return False


def is_over(status: TaskStatus, *, is_omitted: bool, run_if: RunIf) -> bool:
    """Say whether a task with this status is over for one that depends on it, and does not keep it back."""
    if status is TaskStatus.COMPLETED:
        return True
    return status in BLOCKS_DEPENDENTS and (is_omitted or run_if is not RunIf.ALL_COMPLETED)


def open_needs(
    needs: Iterable[str], status_of: StatusOf, run_if: RunIf = RunIf.ALL_COMPLETED, is_omitted: IsOmitted = _never
) -> list[tuple[str, TaskStatus]]:
    """Return which of the tasks that one depends on are not over, and where they stand."""
    found = ((need, status_of(need)) for need in needs)
    return [
        (need, status)
        for need, status in found
        if status is not TaskStatus.COMPLETED and not is_over(status, is_omitted=is_omitted(need), run_if=run_if)
    ]


def readiness(
    needs: Iterable[str], status_of: StatusOf, run_if: RunIf = RunIf.ALL_COMPLETED, is_omitted: IsOmitted = _never
) -> Readiness:
    """Return whether a task that depends on *needs* may start."""
    left: list[str] = []
    omitted: list[str] = []
    failed: list[tuple[str, TaskStatus]] = []
    is_any_completed = False
    for need in needs:
        status = status_of(need)
        if status is TaskStatus.COMPLETED:
            is_any_completed = True
        elif status not in BLOCKS_DEPENDENTS:
            left.append(need)
        elif is_omitted(need):
            omitted.append(need)
        elif run_if is RunIf.ALL_COMPLETED:
            return Skipped(need, status)
        else:
            failed.append((need, status))
    if left:
        return Waiting(left)
    if run_if is RunIf.ANY_FAILED:
        return _READY if failed else Omitted("nothing that it depends on failed")
    if is_any_completed or run_if is RunIf.ALL_OVER or not (omitted or failed):
        return _READY
    return Skipped(*failed[0]) if failed else Omitted(f"{', '.join(omitted)} skipped")


def needs_open(board: PlanSnapshot, task: Task) -> list[tuple[str, TaskStatus]]:
    """Return which of the tasks that one depends on are not over, and where they stand."""
    return open_needs(task.needs, board.status, task.rule, board.omitted.__contains__)


def kept_back(board: PlanSnapshot, to_run: Collection[str]) -> dict[str, str]:
    """Return which of the tasks *to_run* cannot start in a run of these, and why: what they need is left to others."""
    chosen, causes = frozenset(to_run), dict[str, str]()
    for task_id in board.shape.order:
        task = board.plan.tasks[task_id]
        if task_id in chosen or task.children:
            is_strict = task.rule is RunIf.ALL_COMPLETED
            if is_strict and (cause := next((causes[need] for need in task.needs if need in causes), "")):
                causes[task_id] = cause
        elif board.status(task_id) is not TaskStatus.COMPLETED and task_id not in board.omitted:
            status, reason = board.standing[task_id]
            by = f" {reason}" if status is TaskStatus.RUNNING else ""
            causes[task_id] = f"{task_id} is {status.value}{by}"
    return {task_id: causes[task_id] for task_id in to_run if task_id in causes}
