"""Write ``final_output.md``, now that nothing moves (seed row S2-30)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.settings import Settings
from orchestrator.core.status import TaskStatus
from orchestrator.errors import OrchestratorError, PlanError
from orchestrator.plan.safe_markdown import tagless
from orchestrator.runner.aggregate import Merged
from orchestrator.services.assignments import CHANGED_ROW, done_for_another_row
from orchestrator.store.workspace import answers_shown
from orchestrator.store.result_writer import results_time, write_final_output
from orchestrator.store.workspace import Workspace
from orchestrator.views.final_output import final_output


def aggregate(
    workspace: Workspace,
    board: PlanSnapshot,
    settings: Settings,
    *,
    started: float,
    ended: float,
    merged: Merged,
    asked: Iterable[str],
    held_back: str,
    outdated: Sequence[str],
    warn: Callable[[str], None],
) -> None:
    """Put the answers of all completed tasks together.

    Args:
        workspace: The plan directory.
        board: Where everything stands.
        settings: Those of the plan: how answers are put together, and what all of it may cost.
        started: When the run began, in seconds since the epoch.
        ended: When it was over.
        merged: What an agent made of all answers, or why it did not.
        asked: Tasks the run was to complete.
        held_back: Why tasks were not started although nothing they need is missing.
        outdated: Tasks that had been done for another row when the run began.
        warn: Is told when the person's template turns out to be broken: then ours takes its place.

    Raises:
        StoreError: an answer could not be read, or the file not be written.
    """
    moment = results_time(workspace.layout)
    tasks = board.plan.tasks.values()
    still = _still_outdated(workspace, board, outdated)
    changed = (f"{task_id}: {CHANGED_ROW}" for task_id in still)
    done = [task for task in tasks if board.status(task.id) is TaskStatus.COMPLETED]
    left = {board.status(task_id) for task_id in board.standing.keys() & asked}
    is_stopped = settings.on_failure == "stop" and {TaskStatus.FAILED, TaskStatus.PENDING} <= left
    why_left = "a task failed, and `on_failure: stop` starts nothing more" if is_stopped else ""
    draw = partial(
        final_output,
        board,
        answers=answers_shown(workspace, done),
        safe=tagless,
        started=started,
        ended=ended,
        strategy=settings.aggregate,
        budget=settings.budget_usd,
        merged=merged.text,
        note=" · ".join(filter(None, (held_back, why_left, merged.note, *changed))),
    )
    try:
        text = draw(overrides=workspace.layout.templates)
    except PlanError as error:
        # It could draw the plan as it was thought to end. What was answered is there, and is to be read.
        warn(
            f"{error}; final_output.md is drawn with the built-in template until that is corrected"
        )
        text = draw()
    write_final_output(workspace.layout, text, moment)


def _still_outdated(workspace: Workspace, board: PlanSnapshot, outdated: Sequence[str]) -> Sequence[str]:
    """Return what is still done for another row; where nobody can tell, what was so when the run began."""
    kept = [task_id for task_id in outdated if task_id in board.plan.tasks]
    try:
        return list(done_for_another_row(workspace, board, kept))
    except OrchestratorError:
        return kept  # a remark is no reason to put nothing together
