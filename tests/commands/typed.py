"""A command of the table as it is typed, and as it is called by a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.cli.parser import click_command
from orchestrator.commands.call import Call, ProgramCall
from orchestrator.commands.registry import Command, load
from tests.runner.bench import write_plan


def typed(name: str, *words: str) -> tuple[Call, Any]:
    """What ``execute`` would be called with for these words."""
    seen: list[tuple[Call, Any]] = []

    def remember(call: Call, params: Any) -> int:
        seen.append((call, params))
        return 0

    command = click_command(name, replace(command_of(name), main=remember))
    command.main([*words], prog_name=name, standalone_mode=False)
    return seen[0]


def command_of(name: str) -> Command[Any, Any]:
    command = load(name)
    assert isinstance(command, Command)
    return command


def bob(root: Path, needs: Sequence[str] = ("T-01", "T-02")) -> ProgramCall:
    """A call of bob, about a plan of tasks each of which needs the one before it."""
    before = dict(zip(needs, ("", *needs), strict=False))
    return ProgramCall(name="bob", is_json=True, layout=write_plan(root, before).layout, claude_bin="")
