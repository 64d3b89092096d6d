"""``task``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import task, update
from orchestrator.errors import UsageError
from tests.commands.typed import bob


def test_one_is_created(tmp_path: Path) -> None:
    command = task.COMMAND.commands["create"]
    params = task.TaskCreateParams("Research", "Compare all providers of clouds", values={"priority": "urgent"})
    row = command.execute(bob(tmp_path), params)
    assert command.facts is not None
    assert "T-03" == command.facts(row)["id"]
    assert "| research |" in (tmp_path / "master_plan.md").read_text(encoding="utf-8")


def test_the_type_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no type of task 'reserch'"):
        task.COMMAND.commands["create"].execute(bob(tmp_path), task.TaskCreateParams("reserch", "Compare them"))


def test_update_is_the_command_of_that_name() -> None:
    assert update.COMMAND is task.COMMAND.commands["update"]


def test_the_types_are_listed(tmp_path: Path) -> None:
    command = task.COMMAND.commands["types"]
    found = command.execute(bob(tmp_path), task.TypesParams())
    assert command.facts is not None
    assert command.text is not None
    assert ("8 types", []) == tuple(command.facts(found)[each] for each in ("message", "warnings"))
    assert "implementation" in command.text(found)
