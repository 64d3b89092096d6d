"""``list`` in its plain form, without ``click``: scripts and agents call it in loops."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from orchestrator.cli.plain_form import read_words
from orchestrator.cli.reply import (
    caller,
    plan_directory,
    say_error,
    say_json,
    say_rows,
    terminal_width,
    write,
)
from orchestrator.core.cost import total_cost
from orchestrator.core.duration import hours
from orchestrator.core.plan import Task
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import pluralize
from orchestrator.core.timestamp import iso
from orchestrator.errors import OrchestratorError
from orchestrator.services.task_view import Filters, list_tasks
from orchestrator.store.layout import Layout
from orchestrator.views.status import list_text

#: What tasks can be grouped by.
GROUPS = ("assignee", "status", "tag", "parent", "type")
FORMATS = ("simple", "table", "json", "csv")
#: The options of ``list``, and whether a word follows.
OPTIONS = {
    "--status": True,
    "--assignee": True,
    "--tag": True,
    "--type": True,
    "--parent": True,
    "--group-by": True,
    "--format": True,
    "--dir": True,
    "--as": True,
    "--json": False,
}


def quick(command: str, arguments: Sequence[str]) -> int | None:  # noqa: ARG001 - one signature for all
    """Do it and return the status of the process; None, and nothing done, when the words are not that plain."""
    words = read_words(arguments, OPTIONS)
    if words is None or len(words.others) > 1:
        return None
    group_by, form = words.last("--group-by"), words.last("--format")
    if group_by not in {"", *GROUPS} or form not in {"", *FORMATS}:
        return None
    form = "json" if "--json" in words.options else form
    try:
        filters = filters_of(
            status=words.every("--status"),
            assignee=words.every("--assignee"),
            tag=words.every("--tag"),
            type=words.every("--type"),
            parent=words.last("--parent"),
            name=words.last("--as"),
        )
        directory = next(iter(words.others), "")
        print_list(directory, words.last("--dir"), filters, group_by=group_by, form=form)
    except OrchestratorError as error:
        return say_error(error, as_json=form == "json")
    return 0


def filters_of(
    *,
    status: Sequence[str],
    assignee: Sequence[str],
    tag: Sequence[str],
    type: Sequence[str],
    parent: str,
    name: str,
) -> Filters:
    """Return the filters that options mean; ``me`` is who calls.

    Raises:
        UsageError: who calls has no proper name.
    """
    names = [caller(name or None) if each == "me" else each for each in _split(assignee)]
    return Filters(
        statuses=_split(status),
        assignees=names,
        tags=[each.lstrip("#") for each in _split(tag)],
        types=_split(type),
        parent=parent,
    )


def _split(values: Sequence[str]) -> list[str]:
    words = (word.strip() for value in values for word in value.split(","))
    return [word for word in words if word]


def print_list(directory: str, option: str, filters: Filters, *, group_by: str, form: str) -> None:
    """Print the tasks that pass the filters. Without a terminal, groups are names and nothing else (row S1-33).

    Raises:
        OrchestratorError: as ``list_tasks`` does.
    """
    layout = plan_directory(directory or None, option or None)
    board, tasks = list_tasks(layout, filters)
    agents = chosen_agents(layout, board, tasks) if form in {"json", "csv"} else {}
    if group_by or form in {"table", "csv"}:
        from orchestrator.views import listing

        groups = listing.grouped(board, tasks, group_by) if group_by else {}
        if form == "json":
            parts = {
                name: [brief(board, task, agents) for task in group]
                for name, group in groups.items()
            }
            message = f"{pluralize(len(tasks), 'task')} in {pluralize(len(groups), 'group')}"
            say_json(message, directory=layout.root, groups=parts)
        elif form == "csv":
            write(listing.tasks_csv([brief(board, task, agents) for task in tasks]))
        elif group_by:
            is_bare = form == "simple" or (not form and not sys.stdout.isatty())
            write(listing.group_text(board, groups, terminal_width(), is_bare=is_bare))
        else:
            write(listing.table_text(board, tasks, terminal_width()))
    elif form == "json":
        told = (brief(board, task, agents) for task in tasks)
        say_rows(pluralize(len(tasks), "task"), "tasks", told, directory=layout.root)
    else:
        write(list_text(board, tasks, terminal_width()))


def chosen_agents(layout: Layout, board: PlanSnapshot, tasks: Sequence[Task]) -> Mapping[str, str]:
    """Return the agents of those tasks that name none and get one by their type."""
    if not any(task.type and not task.agent_key for task in tasks):
        return {}
    from orchestrator.services.task_view import agents_by_type
    from orchestrator.store.agent_files import read_agents

    try:
        return agents_by_type(layout, board, tasks, read_agents(layout, os.environ))
    except OrchestratorError:
        return {}  # a file of an agent that makes no sense is no reason to say nothing at all


def brief(
    board: PlanSnapshot, task: Task, agents: Mapping[str, str] = MappingProxyType({})
) -> Mapping[str, object]:
    """Return what ``--json`` says of a task: time and cost of all attempts together, None where nobody knows it.

    *agents*: those that types have chosen.
    """
    spent = total_cost([board.outcome(task.id)])
    took = board.worked(task.id, time.time())
    return {
        "id": task.id,
        "name": task.name,
        "status": board.status(task.id).value,
        "reason": board.why(task.id),
        "agent": agents.get(task.id) or task.agent,
        "assignee": task.assignee,
        "parent": task.parent,
        "tags": task.tags,
        "type": task.type,
        "priority": task.shown_priority,
        "needs": task.own_needs,
        "children": task.children,
        "estimated_hours": hours(task.estimate) if task.estimate else None,
        "deadline": iso(task.deadline),
        "duration": None if took is None else round(took, 3),
        "cost_usd": None if spent.unknown else round(spent.known, 6),
        "unknown_costs": spent.unknown,
        "result": task.result_path if task.id in board.results else "",
    }
