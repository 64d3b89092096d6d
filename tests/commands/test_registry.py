"""The command table."""

from __future__ import annotations

import inspect

import click
import pytest

from orchestrator import Orchestrator
from orchestrator.cli.main import cli
from orchestrator.commands.registry import COMMANDS, Command, Group, load, parameters


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_can_be_called_and_explained(name: str) -> None:
    """It has a help text, an answer, and a click command that names all of its parameters."""
    command = load(name)
    made = cli.get_command(click.Context(cli), name)
    assert made is not None
    assert made.help
    if isinstance(command, Group):
        return
    assert isinstance(command, Command)
    assert command.facts or command.text or command.main
    of_click = {each.name for each in made.params}
    own = {each for each, *_ in parameters(command.params)}
    assert own | {key for key, _ in command.takes} == of_click


def test_a_command_is_named_once() -> None:
    assert len(COMMANDS) == len({*COMMANDS})


@pytest.mark.parametrize("name", COMMANDS)
def test_a_method_of_the_python_api_takes_what_the_command_takes(name: str) -> None:
    """By the names of the fields."""
    command, method = load(name), getattr(Orchestrator, name.replace("-", "_"), None)
    if method is None or isinstance(command, Group):
        return
    keywords = {*inspect.signature(method).parameters} - {"self", "settings", "more", "values", "listener"}
    assert set() == keywords - {*command.params.__dataclass_fields__}
