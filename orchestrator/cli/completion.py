"""``completion``: what a shell is offered on Tab."""

from __future__ import annotations

import click
from click.shell_completion import CompletionItem, get_completion_class

from orchestrator.cli.reply import plan_directory
from orchestrator.errors import OrchestratorError

_NAME = "orchestrator"
#: Arguments that are a task of a plan; a plan among plans is called ``task`` (seed 004).
_TASKS = frozenset({"task_id", "key"})


class _TaskId(click.ParamType):  # type: ignore[type-arg] # it has none before click 8.3
    """A task of the plan that is meant."""

    name = "task"

    def shell_complete(
        self,
        ctx: click.Context,
        param: click.Parameter,
        incomplete: str,
    ) -> list[CompletionItem]:
        from orchestrator.store.workspace import Workspace

        try:
            plan, _ = Workspace(plan_directory(None, ctx.params.get("option"))).load_plan()
        except OrchestratorError:
            return []  # whoever calls the command is told
        return [
            CompletionItem(task.id, help=task.name)
            for task in plan.tasks.values()
            if task.id.startswith(incomplete)
        ]


def complete_tasks(command: click.Command) -> None:
    """Have the arguments of a command that are tasks be completed."""
    for param in command.params:
        if isinstance(param, click.Argument) and param.name in _TASKS:
            param.type = _TaskId()


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
