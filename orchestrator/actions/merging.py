"""``aggregate: claude``: one more agent merges every answer into one (seed row S2-81U)."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.actions.worker import Worker
from orchestrator.core.beside import MERGER, MERGING, as_merger
from orchestrator.core.board import Board
from orchestrator.core.plan import Plan
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.store.link_labels import with_own_labels
from orchestrator.store.references import resolve_files
from orchestrator.views.templating import render

MERGE_TEMPLATE = "merge.md.j2"
#: Bytes of answers in the prompt, in all; what does not fit is read from the result files.
_CONTEXT = 512 * 1024


class Merged(NamedTuple):
    """What came of merging."""

    text: str = ""
    """The merged answer as safe markdown; empty when there is none."""
    note: str = ""
    """Why there is none."""
    ended_by: int = 0
    """The signal that ended it."""


def merge(worker: Worker, board: Board, settings: Settings, overrides: str | None) -> Merged:
    """Merge the answers of everything that is completed.

    Raises:
        ValueError: a file that the settings name is missing.
        StoreError, AgentError: as their names say.
    """
    tasks = board.plan.tasks
    wanted = [each for each in board.shape.order if not tasks[each].children]
    done = [each for each in wanted if board.status(each) is TaskStatus.COMPLETED]
    if len(done) < 2:
        return Merged(note="Not merged: there are not two answers to merge.")
    missing = ", ".join(each for each in wanted if each not in set(done))
    prompt = merge_prompt(board.plan, overrides, total=len(done), missing=missing)
    task = MERGING._replace(description=prompt, needs=tuple(done))
    how = resolve_files(as_merger(settings), worker.workspace.layout.root)
    how = how._replace(context_limit=max(settings.context_limit, _CONTEXT))
    result, runner = worker.do(task, how, board)
    if result.status is not TaskStatus.COMPLETED:
        why = runner.held_back or result.reason
        return Merged(
            note=f"Not merged, the structured output follows: {why}", ended_by=runner.ended_by
        )
    text = with_own_labels(worker.workspace.read_shown_answer(MERGER), MERGER)
    return Merged(text=text, ended_by=runner.ended_by)


def merge_prompt(plan: Plan, overrides: str | None, *, total: int, missing: str = "") -> str:
    """Return what whoever merges is told, but for the answers.

    Raises:
        PlanError: the plan's own template is broken.
    """
    return render(
        MERGE_TEMPLATE,
        overrides,
        total=total,
        request=plan.request,
        goal=plan.goal,
        missing=missing,
    )
