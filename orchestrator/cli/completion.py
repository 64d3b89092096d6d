"""``completion``: what a shell is offered on Tab."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from click.shell_completion import CompletionItem

from orchestrator.commands.call import Call, known_agents
from orchestrator.commands.reply import plan_directory
from orchestrator.core.plan import Task
from orchestrator.core.status import TaskStatus
from orchestrator.errors import OrchestratorError
from orchestrator.planner.templates import places_of_saved, plan_templates
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    import click


def complete_words(words: str, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return what may stand in the place of a parameter of the command table; *words*: its ``completion``."""
    if words == "task":
        return [CompletionItem(task.id, help=task.name) for task in _tasks(ctx) if task.id.startswith(incomplete)]
    # Behind the last comma: lists are completed word by word.
    done, comma, last = incomplete.rpartition(",")
    return [CompletionItem(f"{done}{comma}{word}") for word in _WORDS[words](ctx) if word.startswith(last)]


def _tasks(ctx: click.Context) -> list[Task]:
    try:
        plan, _ = Workspace(plan_directory(None, ctx.params.get("option"))).load_plan()
    except OrchestratorError:
        return []  # the command itself reports it
    return list(plan.tasks.values())


def _tags(ctx: click.Context) -> list[str]:
    return sorted({tag for task in _tasks(ctx) for tag in task.tags})


def _agents(ctx: click.Context) -> list[str]:
    try:
        return list(known_agents(plan_directory(None, ctx.params.get("option"))).keys)
    except OrchestratorError:
        return []


def _assignees(ctx: click.Context) -> list[str]:
    return sorted({task.assignee for task in _tasks(ctx) if task.assignee})


def _templates(ctx: click.Context) -> list[str]:
    try:
        mine = places_of_saved(Call(option=ctx.params.get("option")).plan_if_any(), os.environ)
    except OrchestratorError:
        mine = {}
    return sorted({*mine, *plan_templates()})


def _statuses(ctx: click.Context) -> list[str]:  # noqa: ARG001 - one signature for all
    return [status.value for status in TaskStatus]


#: What ``Parameter.completion`` may say, and the words it stands for.
_WORDS: dict[str, Callable[[click.Context], list[str]]] = {
    "tag": _tags,
    "tasks": lambda ctx: [task.id for task in _tasks(ctx)],
    "agent": _agents,
    "assignee": _assignees,
    "template": _templates,
    "status": _statuses,
}
