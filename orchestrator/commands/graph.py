"""The command ``graph``: the tasks of a plan and their dependencies as a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, option
from orchestrator.commands.reply import terminal_width
from orchestrator.core.graph import critical_path
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import pluralize
from orchestrator.services.status import status
from orchestrator.views import diagram

#: How a graph is drawn for other programs.
PICTURES = {"mermaid": diagram.mermaid, "graphviz": diagram.dot, "dot": diagram.dot}


@dataclass(frozen=True)
class GraphParams:
    """In what form."""

    format: str = option(
        "What to draw; dot is graphviz.", choices=("text", *PICTURES), default="text", shown_default="text"
    )


class _Graph(NamedTuple):
    board: PlanSnapshot
    format: str
    drawn: str


def execute(call: Call, params: GraphParams) -> _Graph:
    """Draw the graph of tasks.

    Examples:
      orchestrator graph
      orchestrator graph --format mermaid > graph.mmd
    """
    board = status(call.plan()).board
    if params.format == "text":
        return _Graph(board, params.format, diagram.text(board, terminal_width()))
    return _Graph(board, params.format, PICTURES[params.format](board))


def facts(graph: _Graph) -> Facts:
    """Return the picture, the edges and the critical path as JSON."""
    tasks = graph.board.plan.tasks
    return {
        "message": pluralize(len(tasks), "task"),
        "format": graph.format,
        "graph": graph.drawn,
        "edges": [[need, task.id] for task in tasks.values() for need in task.needs],
        "critical_path": critical_path(tasks),
    }


def text(graph: _Graph) -> str:
    """Return the picture."""
    return graph.drawn


COMMAND = Command(GraphParams, execute, facts, text, takes=(DIRECTORY, DIR, JSON))
