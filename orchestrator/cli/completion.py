"""``completion``: what a shell is offered on Tab."""

from __future__ import annotations

import os
from collections.abc import Callable

import click
from click.shell_completion import CompletionItem, get_completion_class

from orchestrator.commands.reply import plan_directory
from orchestrator.core.plan import Task
from orchestrator.core.status import TaskStatus
from orchestrator.errors import OrchestratorError

_NAME = "orchestrator"
#: Arguments that are a task of a plan; a plan among plans is called ``task`` (seed 004).
_TASKS = frozenset({"task_id", "key"})


def complete_words(words: str, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """Return what may stand in the place of a parameter of the command table; *words*: its ``completion``."""
    if words == "task":
        return [
            CompletionItem(task.id, help=task.name)
            for task in _tasks(ctx)
            if task.id.startswith(incomplete)
        ]
    # Behind the last comma: lists are completed word by word.
    done, comma, last = incomplete.rpartition(",")
    return [
        CompletionItem(f"{done}{comma}{word}")
        for word in _WORDS[words](ctx)
        if word.startswith(last)
    ]


class _TaskId(click.ParamType):  # type: ignore[type-arg] # it has none before click 8.3
    """A task of the plan that is meant."""

    name = "task"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,
        incomplete: str,
    ) -> list[CompletionItem]:
        return complete_words("task", ctx, incomplete)


def _tasks(ctx: click.Context) -> list[Task]:
    from orchestrator.store.workspace import Workspace

    try:
        plan, _ = Workspace(plan_directory(None, ctx.params.get("option"))).load_plan()
    except OrchestratorError:
        return []  # whoever calls the command is told
    return list(plan.tasks.values())


def _tags(ctx: click.Context) -> list[str]:
    return sorted({tag for task in _tasks(ctx) for tag in task.tags})


def _agents(ctx: click.Context) -> list[str]:
    from orchestrator.commands.call import known_agents

    try:
        return list(known_agents(plan_directory(None, ctx.params.get("option"))).keys)
    except OrchestratorError:
        return []


def _assignees(ctx: click.Context) -> list[str]:
    return sorted({task.assignee for task in _tasks(ctx) if task.assignee})


def _templates(ctx: click.Context) -> list[str]:
    from orchestrator.cli.agents import plan_directory_if_any
    from orchestrator.planner.templates import places_of_saved, plan_templates

    try:
        mine = places_of_saved(plan_directory_if_any(None, ctx.params.get("option")), os.environ)
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
#: Options of commands that are not in the table yet, by what each is called in Python, and what may stand there.
_OPTIONS = {
    "tag": _tags,
    "tags": _tags,
    "agent": _agents,
    "assignee": _assignees,
    "template": _templates,
    "status": _statuses,
    "only": lambda ctx: [task.id for task in _tasks(ctx)],
    "depends_on": lambda ctx: [task.id for task in _tasks(ctx)],
    "parent": lambda ctx: [task.id for task in _tasks(ctx)],
}


#: Arguments of commands of a group: `template show NAME`, `agent message KEY`; who is registered is new.
_ARGUMENTS: dict[tuple[str | None, str | None], Callable[[click.Context], list[str]]] = {
    ("show", "name"): _templates,
    ("message", "key"): _agents,
    ("register", "key"): lambda _: [],
}


class _Word(click.ParamType):  # type: ignore[type-arg] # it has none before click 8.3
    """A word that the plan knows."""

    name = "word"

    def __init__(self, known: Callable[[click.Context], list[str]]) -> None:
        """Take what returns the words."""
        self._known = known

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,
        incomplete: str,
    ) -> list[CompletionItem]:
        # Behind the last comma: lists are completed word by word.
        done, comma, last = incomplete.rpartition(",")
        return [
            CompletionItem(f"{done}{comma}{word}")
            for word in self._known(ctx)
            if word.startswith(last)
        ]


def complete_tasks(command: click.Command) -> None:
    """Have words that the plan knows be completed: tasks, agents, tags, templates."""
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        complete_tasks(each)
    for param in command.params:
        if isinstance(param, click.Argument) and (command.name, param.name) in _ARGUMENTS:
            param.type = _Word(_ARGUMENTS[command.name, param.name])
        elif isinstance(param, click.Argument) and param.name in _TASKS:
            param.type = _TaskId()
        elif isinstance(param, click.Option) and param.name in _OPTIONS and not param.is_flag:
            param.type = _Word(_OPTIONS[param.name])


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion_command(context: click.Context, /, shell: str) -> None:
    """Print a script that completes commands, options and tasks on Tab.

    \b
      bash   echo 'eval "$(orchestrator completion bash)"' >> ~/.bashrc
      zsh    echo 'eval "$(orchestrator completion zsh)"' >> ~/.zshrc
      fish   orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    complete = get_completion_class(shell)
    assert complete is not None  # click knows every shell of the choice
    click.echo(
        complete(context.find_root().command, {}, _NAME, f"_{_NAME.upper()}_COMPLETE").source()
    )
