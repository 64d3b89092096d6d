"""Draw where a plan stands into ``master_plan.md``, for whoever reads it (seed row S2-12)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.plan.parser import StatusCells
from orchestrator.store.journal import journal_tail
from orchestrator.store.workspace import Workspace
from orchestrator.views.terminal import label_of, moment
from orchestrator.views.master_plan import sections

#: Lines of the journal that are shown.
_LOG_TAIL = 15
#: What a run says at its end of a plan that somebody does not close.
STILL_OPEN = (
    "somebody has it open for writing: it is not drawn, and what they add waits for the next run"
)


def redraw(
    workspace: Workspace,
    board: PlanSnapshot,
    now: float,
    *,
    running: Mapping[str, str],
    budget: float,
) -> bool:
    """Draw our sections, and the person's own Status, Start and End cells in place; say whether nothing is left to do.

    Args:
        workspace: The plan directory.
        board: Where everything stands.
        now: Seconds since the epoch.
        running: The latest news of what runs, by task.
        budget: USD the plan may cost; 0: nobody said.

    Raises:
        StoreError: the plan could not be read or written.
        OrchestratorError: it is no longer a text that can be drawn into.
    """
    drawn = sections(
        board,
        now=now,
        journal_tail=journal_tail(workspace.layout.journal, _LOG_TAIL),
        running=running,
        budget=budget,
    )
    return workspace.redraw(drawn, partial(status_cells, board))


def status_cells(board: PlanSnapshot, task_id: str) -> StatusCells | None:
    """Return the cells of a task; None when it is not on the board."""
    if task_id not in board.standing:
        return None
    return StatusCells(
        status=label_of(board, task_id), start=_start(board, task_id), end=_end(board, task_id)
    )


def _start(board: PlanSnapshot, task_id: str) -> str:
    result = board.results.get(task_id)
    return moment(result.attempts[0].started) if result and result.attempts else "-"


def _end(board: PlanSnapshot, task_id: str) -> str:
    result = board.results.get(task_id)
    ended = result.last.ended if result and result.last else 0.0
    return moment(ended) if ended else "-"
