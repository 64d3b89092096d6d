"""What the person's own table says of each task: its Status, Start and End cells are kept up to date in place."""

from __future__ import annotations

from orchestrator.core.board import Board
from orchestrator.store.plan_file import StatusCells
from orchestrator.views.glyphs import label, moment


def status_cells(board: Board) -> dict[str, StatusCells]:
    """Return the cells of every task."""
    return {
        task_id: StatusCells(
            status=label(standing.status),
            start=_start(board, task_id),
            end=_end(board, task_id),
        )
        for task_id, standing in board.standing.items()
    }


def _start(board: Board, task_id: str) -> str:
    result = board.results.get(task_id)
    return moment(result.attempts[0].started) if result and result.attempts else "-"


def _end(board: Board, task_id: str) -> str:
    result = board.results.get(task_id)
    ended = result.last.ended if result and result.last else 0.0
    return moment(ended) if ended else "-"
