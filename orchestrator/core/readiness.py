"""May a task start, and if not, why: the one rule about what a task depends on.

The snapshot derives its states with it, so ``status``, ``list``, previews, dispatch and the dashboard say the same. The
scheduler counts open dependencies event by event; a state machine holds its counters equal to this rule
(``tests/scheduler/engine_play.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
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


class Rule(NamedTuple):
    """What has to become of the tasks that one depends on for it to run."""

    run_if: RunIf = RunIf.ALL_COMPLETED
    fallback_for: str = ""
    """It runs only if this task fails, and stands in for it."""
    covers: Mapping[str, str] = MappingProxyType({})
    """Of the tasks that it depends on, those that another one stands in for, and which."""

    @property
    def is_plain(self) -> bool:
        """Whether it simply needs everything completed."""
        return self.run_if is RunIf.ALL_COMPLETED and not (self.fallback_for or self.covers)

    def is_over(self, need: str, status: TaskStatus, *, is_omitted: bool) -> bool:
        """Say whether a task with this status is over, and does not keep back the one that depends on it.

        One that failed and has a fallback is over: what depends on it depends on the fallback, too.
        """
        if status is TaskStatus.COMPLETED:
            return True
        is_tolerated = self.run_if is not RunIf.ALL_COMPLETED or need == self.fallback_for or need in self.covers
        return status in BLOCKS_DEPENDENTS and (is_omitted or is_tolerated)


PLAIN = Rule()


def open_needs(
    needs: Iterable[str], status_of: StatusOf, rule: Rule = PLAIN, is_omitted: IsOmitted = _never
) -> list[tuple[str, TaskStatus]]:
    """Return which of the tasks that one depends on are not over, and where they stand."""
    found = ((need, status_of(need)) for need in needs)
    return [
        (need, status)
        for need, status in found
        if status is not TaskStatus.COMPLETED and not rule.is_over(need, status, is_omitted=is_omitted(need))
    ]


def readiness(
    needs: Iterable[str], status_of: StatusOf, rule: Rule = PLAIN, is_omitted: IsOmitted = _never
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
        elif need == rule.fallback_for:
            is_any_completed = True  # the reason why it runs
        elif rule.run_if is RunIf.ALL_COMPLETED and need not in rule.covers:
            return Skipped(need, status)
        else:
            failed.append((need, status))
    if left:
        return Waiting(left)
    target = rule.fallback_for
    if target and (is_omitted(target) or status_of(target) is TaskStatus.COMPLETED):
        return Omitted(f"{target} {status_of(target).value}")
    return _decided(rule, failed, omitted, status_of, is_any_completed=is_any_completed)


def _decided(
    rule: Rule, failed: list[tuple[str, TaskStatus]], omitted: list[str], status_of: StatusOf, *, is_any_completed: bool
) -> Readiness:
    """Return whether a task may start whose needs are all over."""
    match rule.run_if:
        case RunIf.ANY_FAILED:
            return _READY if failed else Omitted("nothing that it depends on failed")
        case RunIf.ALL_OVER:
            return _READY
        case RunIf.ALL_COMPLETED:
            uncovered = (each for each in failed if not is_covered(each[0], status_of, rule.covers))
            if (lost := next(uncovered, None)) is not None:
                return Skipped(*lost)
        case RunIf.ANY_COMPLETED:
            pass
    if is_any_completed or not (omitted or failed):
        return _READY
    return Skipped(*failed[0]) if failed else Omitted(f"{', '.join(omitted)} skipped")


def is_covered(task: str, status_of: StatusOf, covers: Mapping[str, str]) -> bool:
    """Say whether another task stands in for one that failed: its fallback is completed, or the fallback of that."""
    while task in covers:
        task = covers[task]
        if status_of(task) is TaskStatus.COMPLETED:
            return True
    return False


def needs_open(board: PlanSnapshot, task: Task) -> list[tuple[str, TaskStatus]]:
    """Return which of the tasks that one depends on are not over, and where they stand."""
    return open_needs(task.needs, board.status, task.rule, board.omitted.__contains__)


def kept_back(board: PlanSnapshot, to_run: Collection[str]) -> dict[str, str]:
    """Return which of the tasks *to_run* cannot start in a run of these, and why: what they need is left to others."""
    chosen, causes = frozenset(to_run), dict[str, str]()
    for task_id in board.shape.order:
        task = board.plan.tasks[task_id]
        if task_id in chosen or task.children:
            is_strict = task.rule.is_plain
            if is_strict and (cause := next((causes[need] for need in task.needs if need in causes), "")):
                causes[task_id] = cause
        elif board.status(task_id) is not TaskStatus.COMPLETED and task_id not in board.omitted:
            status, reason = board.standing[task_id]
            by = f" {reason}" if status is TaskStatus.RUNNING else ""
            causes[task_id] = f"{task_id} is {status.value}{by}"
    return {task_id: causes[task_id] for task_id in to_run if task_id in causes}
