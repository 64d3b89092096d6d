"""``completion``."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

_NAME = "orchestrator"


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
    root = context.find_root().command
    click.echo(complete(root, {}, _NAME, f"_{_NAME.upper()}_COMPLETE").source())
