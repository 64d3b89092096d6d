"""The command ``completion``: the script with which a shell completes commands, options and tasks on Tab."""

from __future__ import annotations

from dataclasses import dataclass

import click
from click.shell_completion import get_completion_class

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, argument

_NAME = "orchestrator"


@dataclass(frozen=True)
class CompletionParams:
    """For which shell."""

    shell: str = argument("{bash|zsh|fish}", choices=("bash", "zsh", "fish"))


def execute(call: Call, params: CompletionParams) -> str:  # noqa: ARG001 - it is the same everywhere
    """Print a script that completes commands, options and tasks on Tab.

    Examples:
      bash   echo 'eval "$(orchestrator completion bash)"' >> ~/.bashrc
      zsh    echo 'eval "$(orchestrator completion zsh)"' >> ~/.zshrc
      fish   orchestrator completion fish > ~/.config/fish/completions/orchestrator.fish
    """
    complete = get_completion_class(params.shell)
    assert complete is not None  # click knows every shell of the choice
    return complete(click.Command(_NAME), {}, _NAME, f"_{_NAME.upper()}_COMPLETE").source()


COMMAND = Command(CompletionParams, execute, text=lambda script: f"{script}\n", takes=())
