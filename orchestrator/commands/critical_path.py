"""The command ``critical-path``: the chain of tasks that takes longest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.graph import PICTURES
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, option
from orchestrator.commands.reply import terminal_width
from orchestrator.core.critical_path import Path, given_up, path_estimate
from orchestrator.core.duration import hours
from orchestrator.core.graph import critical_path
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.services.status import status
from orchestrator.views import diagram


@dataclass(frozen=True)
class CriticalPathParams:
    """In what form."""

    format: str = option(
        "A list, or the whole graph with the path in it; dot is graphviz.",
        choices=("text", "json", *PICTURES),
        default="text",
        shown_default="text",
    )


class _Path(NamedTuple):
    board: PlanSnapshot
    tasks: Sequence[str]
    estimate: Path
    format: str
    drawn: str
    """The picture for another program; empty where the form is none."""


def execute(call: Call, params: CriticalPathParams) -> _Path:
    """Show the chain of tasks that takes longest: no number of agents makes the plan quicker than that.

    It is measured in the time people estimated (`--estimated-hours`, `Est. Time`), else in tasks. A task that no one
    estimated, marked with ~, counts as the average of the others.

    Examples:
      orchestrator critical-path
      orchestrator critical-path --format graphviz | dot -Tsvg > plan.svg
    """
    board = really_done(status(call.plan()).board)
    path = critical_path(board.plan.tasks, given_up(board))
    drawn = PICTURES[params.format](board, path) if params.format in PICTURES else ""
    return _Path(board, path, path_estimate(board, path), params.format, drawn)


def facts(found: _Path) -> Facts:
    """Return the path and its length as JSON, with the picture where one was asked for."""
    estimate = found.estimate
    return {
        "message": f"critical path: {estimate}",
        "critical_path": found.tasks,
        "steps": [_step(found.board, task_id) for task_id in found.tasks],
        "tasks": estimate.tasks,
        "done": estimate.done,
        "hours": hours(estimate.seconds) if estimate.is_timed else None,
        "hours_left": hours(estimate.left) if estimate.is_timed else None,
        **({"format": found.format, "graph": found.drawn} if found.drawn else {}),
    }


def _step(board: PlanSnapshot, task_id: str) -> dict[str, object]:
    task = board.plan.tasks[task_id]
    return {
        "id": task_id,
        "name": task.name,
        "status": board.status(task_id).value,
        "estimated_hours": hours(task.estimate) if task.estimate else None,
    }


def text(found: _Path) -> str:
    """Return the path as a list, or the picture."""
    if found.drawn:
        return found.drawn
    chain = diagram.chain(found.board, found.tasks, terminal_width())
    return f"{chain}\ncritical path: {found.estimate}\n" if found.tasks else chain


COMMAND = Command(CriticalPathParams, execute, facts, text, takes=(DIRECTORY, DIR, JSON))
