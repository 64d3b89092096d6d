"""The command ``validate``: the problems of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts
from orchestrator.commands.reply import with_program
from orchestrator.core.graph import critical_path
from orchestrator.core.text import pluralize
from orchestrator.runner.warnings import advice, validate
from orchestrator.runner.warnings import remarks as warnings_of
from orchestrator.views.diagram import chain_line


@dataclass(frozen=True)
class ValidateParams:
    """Nothing besides the plan directory."""


class _Valid(NamedTuple):
    message: str
    tasks: int
    batches: int
    critical_path: Sequence[str]
    warnings: Sequence[str]
    is_json: bool


def execute(call: Call, params: ValidateParams) -> _Valid:  # noqa: ARG001 - there are none
    """Say what is wrong with a plan, if anything.

    Names file and line of every problem in the plan and its task files, and changes nothing.

    Examples:
      orchestrator validate
      orchestrator validate .orchestrator/ --json
    """
    layout = call.plan()
    chosen = call.plugins(layout)
    preview = validate(layout, chosen.registry)
    board = preview.board
    warnings = list(map(with_program, (*warnings_of(preview, chosen.agents), *advice(board.plan))))
    tasks, batches = len(board.plan.tasks), max(board.shape.batch.values(), default=0)
    message = f"valid: {pluralize(tasks, 'task')} in {pluralize(batches, 'batch', 'batches')}"
    if groups := sum(bool(task.children) for task in board.plan.tasks.values()):
        message += f", {pluralize(groups, 'umbrella')} among them"
    path = critical_path(board.plan.tasks)
    return _Valid(message, tasks, batches, path, warnings, call.is_json)


def facts(valid: _Valid) -> Facts:
    """Return the size of the plan, its critical path and warnings as JSON."""
    return {
        "message": valid.message,
        "tasks": valid.tasks,
        "batches": valid.batches,
        "critical_path": valid.critical_path,
        "warnings": valid.warnings,
    }


def text(valid: _Valid) -> str:
    """Return the same for people."""
    lines = [valid.message]
    if valid.critical_path:
        lines.append(f"longest chain: {chain_line(valid.critical_path)}")
    return "\n".join(lines) + "\n"


def remarks(valid: _Valid) -> Iterable[str]:
    """Return the warnings, which are part of the JSON."""
    return () if valid.is_json else [f"warning: {each}" for each in valid.warnings]


COMMAND = Command(ValidateParams, execute, facts, text, remarks=remarks, takes=(DIRECTORY, DIR, JSON))
