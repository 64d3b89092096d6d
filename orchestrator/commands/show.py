"""The command ``show``: one task."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.logs import last_errors
from orchestrator.commands.registry import Command, Facts, argument
from orchestrator.commands.reply import with_program
from orchestrator.commands.task_fields import chosen_agents, task_facts
from orchestrator.core.cost import usd
from orchestrator.core.duration import format_duration, roughly
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import one_line
from orchestrator.core.timestamp import iso
from orchestrator.errors import OrchestratorError
from orchestrator.plan.task_fields import DUE, PLAIN_FIELDS, TaskField
from orchestrator.services.task_view import TaskView, agent_of, show
from orchestrator.store.agent_files import read_agents
from orchestrator.store.layout import Layout
from orchestrator.views.terminal import LABELS


@dataclass(frozen=True)
class ShowParams:
    """Which task."""

    task: str = argument("ID", completion="task")


class _ShownShow(NamedTuple):
    layout: Layout
    view: TaskView
    errors: str
    """The end of stderr where the newest attempt failed."""


def execute(call: Call, params: ShowParams) -> _ShownShow:
    """Show one task: attempts, answer, files.

    Examples:
      orchestrator show T-01
    """
    layout = call.plan()
    view = show(layout, params.task)
    return _ShownShow(layout, view, last_errors(layout, view))


def facts(shown: _ShownShow) -> Facts:
    """Return the task as JSON."""
    view = shown.view
    agents = chosen_agents(shown.layout, view.board, [view.task])
    return {
        "message": f"{view.task.id} is {view.board.status(view.task.id).value}",
        "task": {**task_facts(view, agents), "files": _files(view)},
        "stderr": shown.errors,
    }


def text(shown: _ShownShow) -> str:
    """Return the task for people."""
    layout, view = shown.layout, shown.view
    try:
        agent = agent_of(layout, view.board, view.task, read_agents(layout, os.environ))
    except OrchestratorError:
        agent = view.task.agent  # an invalid agent file is no reason to print nothing at all
    return _text(view, agent, shown.errors)


def attempt_line(attempt: Attempt, *, with_session: bool = False) -> str:
    """Return an attempt in one line."""
    remarks = (
        format_duration(attempt.lasted(time.time())),
        _cost(attempt.cost),
        f"session {attempt.session}" if with_session and attempt.session else "",
        f"by {attempt.agent}" if attempt.agent else "",
        attempt.reason,
    )
    details = " · ".join(filter(None, remarks))
    return f"  {attempt.number}  {attempt.status}  {iso(attempt.started)}  {details}"


def error_lines(view: TaskView, errors: str) -> list[str]:
    """Return the end of stderr of a failure, and the command that shows all of it."""
    if not errors:
        return []
    return [
        "",
        with_program(f"Last lines of stderr (all: `orchestrator logs {view.task.id} --stderr`)"),
        *(f"  {line}" for line in errors.splitlines()),
    ]


def _cost(cost: float | None) -> str:
    return "cost unknown" if cost is None else usd(cost) if cost else ""


def _files(view: TaskView) -> dict[str, str]:
    files = {"task": view.task_file, "result": view.result_file, "log": view.log, "errors": view.errors}
    return {name: path for name, path in files.items() if path}


def _details(board: PlanSnapshot, task: Task) -> tuple[tuple[str, str], ...]:
    return (
        ("Assignee", task.assignee),
        ("Part of", task.parent),
        ("Umbrella", ", ".join(task.children)),
        ("Item", task.item),
        ("Type", task.type),
        ("Tags", ", ".join(task.tags)),
        *((field.name.capitalize(), _plain(board, task, field)) for field in PLAIN_FIELDS),
    )


def _plain(board: PlanSnapshot, task: Task, field: TaskField) -> str:
    value, now = getattr(task, field.name), time.time()
    if field is DUE and task.id in board.overdue(now):
        return f"{field.text(value)} (overdue by {roughly(now - value)})"
    return field.text(value)


def _text(view: TaskView, agent: str, errors: str) -> str:
    task, board = view.task, view.board
    why = board.why(task.id)
    reason = f" ({why})" if why else ""
    lines = [f"{task.id}: {task.name}", f"{LABELS[board.status(task.id)]}{reason}", ""]
    if not task.children:  # no agent works on a group
        lines.append(f"Agent     {agent or '(default)'}")
    lines += [f"{word:<9} {value}" for word, value in _details(board, task) if value]
    lines.append(f"Priority  {task.shown_priority}")
    lines.append(f"Needs     {', '.join(task.own_needs) or 'nothing'}")
    lines += [f"{name.capitalize():<9} {path}" for name, path in _files(view).items()]
    if view.criteria:
        lines += ["", "Success criteria"]
    for number, each in enumerate(view.criteria, start=1):
        lines.append(f"  {number:>2}  [{'x' if each.is_met else ' '}] {one_line(each.text)}")
    if attempts := board.attempts(task.id):
        lines += ["", "Attempts"]
    lines += map(attempt_line, attempts)
    lines += error_lines(view, errors)
    if view.shown:
        lines += ["", view.shown]
    return "\n".join(lines) + "\n"


COMMAND = Command(ShowParams, execute, facts, text)
