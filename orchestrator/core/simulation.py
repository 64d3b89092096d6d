"""What was only simulated is shown as it went; for everything that is decided it is as if nothing had been done."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from orchestrator.core.snapshot import SIMULATED, PlanSnapshot
from orchestrator.core.result import Result, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.status import ACTIVE, TaskStatus

#: What somebody said of it, and what goes on right now, is no simulation.
_MEANT = ACTIVE | {TaskStatus.BLOCKED, TaskStatus.CANCELLED}


def really_done(
    board: PlanSnapshot, meant: Mapping[str, Settings] | None = None, again: Collection[str] = ()
) -> PlanSnapshot:
    """Return the board that says what is to be done: without what was only simulated.

    *meant*: the settings of the tasks, where they are known: then also without what was to be simulated when it was
    done and no longer is. *again*: tasks that whoever asks would only simulate once more; they stay as they are.
    """

    def is_played(task_id: str) -> bool:
        how = meant.get(task_id) if meant else None
        return board.is_simulated(task_id) or (how is not None and how.agent != SIMULATED)

    played = [
        task_id
        for task_id, result in board.results.items()
        if result.agent == SIMULATED
        and result.status not in _MEANT
        and task_id not in again
        and is_played(task_id)
    ]
    if not played:
        return board
    kept = dict(board.results)
    for task_id in played:
        before = _before_simulation(kept.pop(task_id))
        if before is not None:
            kept[task_id] = before
    return PlanSnapshot(board.plan, board.shape, kept, doubts=board.doubts, beside=board.beside)


def simulated(meant: Mapping[str, Settings]) -> dict[str, Settings]:
    """Return the settings with which tasks are simulated; those that were one object are one again."""
    played = {id(each): each._replace(agent=SIMULATED) for each in meant.values()}
    return {task_id: played[id(each)] for task_id, each in meant.items()}


def only_simulated(
    policies: Mapping[str, Settings], meant: Mapping[str, Settings]
) -> frozenset[str]:
    """Return the tasks that a run with these settings only simulates; both as in ``RunPreview``."""
    if policies is meant:
        return frozenset()
    return frozenset(
        task_id
        for task_id, each in policies.items()
        if each.agent == SIMULATED != meant[task_id].agent
    )


def _before_simulation(result: Result) -> Result | None:
    """Return what had been paid for before a task was simulated; None when that is nothing."""
    real = tuple(attempt for attempt in result.attempts if attempt.session)
    if not real:
        return None
    has_failed = real[-1].status == Verdict.FAILED.value
    status = TaskStatus.FAILED if has_failed else TaskStatus.PENDING
    return result._replace(agent=real[-1].agent, status=status, attempts=real)
