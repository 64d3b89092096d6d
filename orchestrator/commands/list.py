"""The command ``list``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, DIRECTORY, JSON, Command, Facts, option
from orchestrator.commands.reply import terminal_width
from orchestrator.commands.task_fields import brief, chosen_agents
from orchestrator.core.plan import Task
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import pluralize
from orchestrator.services.task_view import Filters, list_tasks
from orchestrator.store.layout import Layout
from orchestrator.views import listing
from orchestrator.views.status import list_text

_GROUPS = ("assignee", "status", "tag", "parent", "type")
_FORMATS = ("simple", "table", "json", "csv")


@dataclass(frozen=True)
class ListParams:
    """Which tasks, and in what form."""

    status: Sequence[str] = option(
        "pending, in_progress, blocked, done …", metavar="S", is_repeated=True, completion="status"
    )
    assignee: Sequence[str] = option(
        "Whose; `me` for your own.", metavar="NAME", is_repeated=True, completion="assignee"
    )
    tags: Sequence[str] = option("With this tag.", metavar="NAME", names=("--tag",), is_repeated=True, completion="tag")
    type: Sequence[str] = option("Of this type.", metavar="TYPE", is_repeated=True)
    parent: str = option("Under this umbrella.", metavar="ID", default="", completion="tasks")
    group_by: str = option("By whom or what.", choices=_GROUPS, default="")
    format: str = option("simple: one line per task.", choices=_FORMATS, default="")


class Listing(NamedTuple):
    """The tasks that pass the filters, in the order of the plan."""

    layout: Layout
    board: PlanSnapshot
    tasks: Sequence[Task]
    group_by: str
    format: str


def execute(call: Call, params: ListParams) -> Listing:
    """List the tasks, one per line.

    A task must pass every filter; a filter that is given more than once, or several words with commas, lets each of
    them through.

    Examples:
      orchestrator list --status pending,waiting --assignee me
      orchestrator list --tag phase1 --status completed | wc -l
      orchestrator list --group-by assignee
    """
    filters = Filters(
        statuses=_split(params.status),
        assignees=[call.caller() if each == "me" else each for each in _split(params.assignee)],
        tags=[each.lstrip("#") for each in _split(params.tags)],
        types=_split(params.type),
        parent=params.parent,
    )
    layout = call.plan()
    board, tasks = list_tasks(layout, filters)
    return Listing(layout, board, tasks, params.group_by, params.format)


def _split(values: Sequence[str]) -> list[str]:
    words = (word.strip() for value in values for word in value.split(","))
    return [word for word in words if word]


def text(found: Listing) -> str:
    """Return the tasks for people. Without a terminal, groups are names and nothing else."""
    board, tasks = found.board, found.tasks
    if found.format == "csv":
        return listing.tasks_csv(list(_briefs(found, tasks)))
    if found.group_by:
        groups = listing.grouped(board, tasks, found.group_by)
        is_bare = found.format == "simple" or (not found.format and not sys.stdout.isatty())
        return listing.group_text(board, groups, terminal_width(), is_bare=is_bare)
    if found.format == "table":
        return listing.table_text(board, tasks, terminal_width())
    return list_text(board, tasks, terminal_width())


def facts(found: Listing) -> Facts:
    """Return the tasks as JSON; with ``--group-by``, the tasks of each group."""
    tasks = pluralize(len(found.tasks), "task")
    if not found.group_by:
        rows = iter(_briefs(found, found.tasks))
        return {"message": tasks, "directory": found.layout.root, "tasks": rows}
    groups = listing.grouped(found.board, found.tasks, found.group_by)
    return {
        "message": f"{tasks} in {pluralize(len(groups), 'group')}",
        "directory": found.layout.root,
        "groups": {name: list(_briefs(found, group)) for name, group in groups.items()},
    }


def _briefs(found: Listing, tasks: Sequence[Task]) -> Iterable[Mapping[str, object]]:
    agents = chosen_agents(found.layout, found.board, tasks)
    return (brief(found.board, task, agents) for task in tasks)


COMMAND = Command(ListParams, execute, facts, text, takes=(DIRECTORY, DIR, CALLER, JSON))
