"""``list`` and ``show``."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import click

from orchestrator.actions.logs import last_errors
from orchestrator.cli.listing import FORMATS, GROUPS, brief, chosen_agents, filters_of, print_list
from orchestrator.cli.options import takes_caller, takes_directory, takes_json
from orchestrator.cli.reply import as_called, plan_directory, say_json, write
from orchestrator.core import criteria
from orchestrator.core.cost import usd
from orchestrator.core.duration import format_duration, roughly
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import one_line
from orchestrator.core.timestamp import format_timestamp, iso
from orchestrator.errors import OrchestratorError
from orchestrator.services.task_view import TaskView, agent_of, show
from orchestrator.store.layout import Layout
from orchestrator.views.terminal import LABELS


@click.command("list")
@takes_directory
@click.option("--status", multiple=True, metavar="S", help="pending, in_progress, blocked, done …")
@click.option("--assignee", multiple=True, metavar="NAME", help="Whose; `me` for your own.")
@click.option("--tag", multiple=True, metavar="NAME", help="With this tag.")
@click.option("--type", multiple=True, metavar="TYPE", help="Of this type.")
@click.option("--parent", default="", metavar="ID", help="Under this umbrella.")
@click.option("--group-by", type=click.Choice(GROUPS), help="By whom or what.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="simple: one line per task.")
@takes_caller
@takes_json
def list_command(
    directory: str | None,
    option: str | None,
    *,
    status: Sequence[str],
    assignee: Sequence[str],
    tag: Sequence[str],
    type: Sequence[str],
    parent: str,
    group_by: str | None,
    form: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """List the tasks, one per line.

    A task must pass every filter; a filter that is given more than once, or several words with commas, lets each of
    them through.

    \b
      orchestrator list --status pending,waiting --assignee me
      orchestrator list --tag phase1 --status completed | wc -l
      orchestrator list --group-by assignee
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    filters = filters_of(
        status=status, assignee=assignee, tag=tag, type=type, parent=parent, name=name or ""
    )
    print_list(
        directory or "",
        option or "",
        filters,
        group_by=group_by or "",
        form="json" if as_json else form or "",
    )


@click.command("show")
@click.argument("task_id", metavar="ID")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_json
def show_command(task_id: str, option: str | None, *, as_json: bool) -> None:
    """Show one task: attempts, answer, files.

    \b
      orchestrator show T-01
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(None, option)
    view = show(layout, task_id)
    if as_json:
        agents = chosen_agents(layout, view.board, [view.task])
        errors = last_errors(layout, view)
        facts = {**task_facts(view, agents), "files": _files(view)}
        message = f"{view.task.id} is {view.board.status(view.task.id).value}"
        say_json(message, task=facts, stderr=errors)
        return
    write(_text(view, _agent(layout, view), last_errors(layout, view)))


def _agent(layout: Layout, view: TaskView) -> str:
    from orchestrator.cli.adding import known_agents

    try:
        return agent_of(layout, view.board, view.task, known_agents(layout))
    except OrchestratorError:
        # A file of an agent that makes no sense is no reason to say nothing at all.
        return view.task.agent


def task_facts(
    view: TaskView, agents: Mapping[str, str] = MappingProxyType({})
) -> dict[str, object]:
    """Return what ``--json`` says of a task and of what came of it."""
    return {
        **brief(view.board, view.task, agents),
        "description": view.task.description,
        "attempts": [attempt_facts(attempt) for attempt in view.board.attempts(view.task.id)],
        "criteria": criteria.facts(view.criteria),
        "answer": view.answer,
        "structured": view.structured,
    }


def attempt_facts(attempt: Attempt) -> dict[str, object]:
    """Return what ``--json`` says of an attempt; what nobody knows is None."""
    lasted = attempt.lasted(time.time())
    return {
        "number": attempt.number,
        "status": attempt.status,
        "agent": attempt.agent,
        "start": iso(attempt.started),
        "end": iso(attempt.ended),
        "duration": None if lasted is None else round(lasted, 3),
        "exit": attempt.exit,
        "reason": attempt.reason,
        "cost_usd": attempt.cost,
        "session": attempt.session,
    }


def attempt_line(attempt: Attempt, *, with_session: bool = False) -> str:
    """Return what is told of an attempt."""
    remarks = (
        format_duration(attempt.lasted(time.time())),
        _cost(attempt.cost),
        f"session {attempt.session}" if with_session and attempt.session else "",
        f"by {attempt.agent}" if attempt.agent else "",
        attempt.reason,
    )
    told = " · ".join(filter(None, remarks))
    return f"  {attempt.number}  {attempt.status}  {iso(attempt.started)}  {told}"


def error_lines(view: TaskView, errors: str) -> list[str]:
    """Return what stands beside a failure: the end of stderr, and what shows all of it."""
    if not errors:
        return []
    return [
        "",
        as_called(f"Last lines of stderr (all: `orchestrator logs {view.task.id} --stderr`)"),
        *(f"  {line}" for line in errors.splitlines()),
    ]


def _cost(cost: float | None) -> str:
    return "cost unknown" if cost is None else usd(cost) if cost else ""


def _files(view: TaskView) -> dict[str, str]:
    files = {
        "task": view.task_file,
        "result": view.result_file,
        "log": view.log,
        "errors": view.errors,
    }
    return {name: path for name, path in files.items() if path}


def _details(board: PlanSnapshot, task: Task) -> tuple[tuple[str, str], ...]:
    return (
        ("Assignee", task.assignee),
        ("Part of", task.parent),
        ("Umbrella", ", ".join(task.children)),
        ("Type", task.type),
        ("Tags", ", ".join(task.tags)),
        ("Estimate", format_duration(task.estimate) if task.estimate else ""),
        ("Deadline", _deadline(board, task)),
    )


def _deadline(board: PlanSnapshot, task: Task) -> str:
    if not task.deadline:
        return ""
    now = time.time()
    late = roughly(now - task.deadline) if task.id in board.overdue(now) else ""
    return f"{format_timestamp(task.deadline)}{f' (overdue by {late})' if late else ''}"


def _text(view: TaskView, agent: str, errors: str) -> str:
    task, board = view.task, view.board
    why = board.why(task.id)
    reason = f" ({why})" if why else ""
    lines = [f"{task.id}: {task.name}", f"{LABELS[board.status(task.id)]}{reason}", ""]
    if not task.children:  # nobody does an umbrella
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
