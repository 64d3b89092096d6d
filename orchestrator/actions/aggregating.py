"""Write ``final_output.md``, now that nothing moves (seed row S2-30)."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from orchestrator.actions.merging import MERGE_TEMPLATE, Merged, merge_prompt
from orchestrator.core.board import Board
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.errors import PlanError
from orchestrator.store.answers import answers_shown
from orchestrator.store.workspace import Workspace
from orchestrator.views.final_output import TEMPLATES, final_output

#: What each task answers where that is only tried.
_ANSWER = "An answer."


def aggregate(
    workspace: Workspace,
    board: Board,
    settings: Settings,
    *,
    started: float,
    ended: float,
    merged: Merged,
    held_back: str,
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
        held_back: Why tasks were not started although nothing they need is missing.
        warn: Is told when the person's template turns out to be broken: then ours takes its place.

    Raises:
        StoreError: an answer could not be read, or the file not be written.
    """
    tasks = board.plan.tasks.values()
    done = [task for task in tasks if board.status(task.id) is TaskStatus.COMPLETED]
    draw = partial(
        final_output,
        board,
        answers=answers_shown(workspace, done),
        started=started,
        ended=ended,
        strategy=settings.aggregate,
        budget=settings.budget_usd,
        merged=merged.text,
        note=" · ".join(filter(None, (held_back, merged.note))),
    )
    try:
        text = draw(overrides=workspace.layout.templates)
    except PlanError as error:
        # It could draw the plan as it was thought to end. What was answered is there, and is to be read.
        warn(
            f"{error}; final_output.md is drawn with the built-in template until that is corrected"
        )
        text = draw()
    workspace.write_final_output(text)


def try_templates(board: Board, settings: Settings, overrides: str) -> None:
    """Fill the person's templates as if every task had been done.

    Raises:
        PlanError: one of them is broken.
    """
    strategy = settings.aggregate
    used = [TEMPLATES.get(strategy, TEMPLATES["structured"])]
    used += [MERGE_TEMPLATE] if strategy == "claude" else []
    if not any(os.path.lexists(os.path.join(overrides, name)) for name in used):
        return
    if strategy == "claude":
        merge_prompt(board.plan, overrides, total=2)
    attempt = Attempt(1, 1, status=Verdict.COMPLETED.value, started=1.0, ended=2.0, duration=1.0)
    leaves = [task.id for task in board.plan.tasks.values() if not task.children]
    done = {
        task_id: Result(task_id, settings.agent, TaskStatus.COMPLETED, (attempt,))
        for task_id in leaves
    }
    final_output(
        Board(board.plan, board.shape, done),
        answers=dict.fromkeys(leaves, _ANSWER),
        started=1.0,
        ended=2.0,
        strategy=strategy,
        overrides=overrides,
        budget=settings.budget_usd,
        merged=_ANSWER if strategy == "claude" else "",
    )
