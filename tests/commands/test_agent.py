"""``agent``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import agent
from orchestrator.errors import NotFoundError
from tests.commands.typed import bob


def test_one_is_registered(tmp_path: Path) -> None:
    command = agent.COMMAND.commands["register"]
    params = agent.RegisterParams("eva", role="You test.", types=["test"])
    registered = command.execute(bob(tmp_path), params)
    assert command.facts is not None
    assert ("registered eva", ("test",)) == (
        command.facts(registered)["message"],
        tuple(command.facts(registered)["agent"]["types"]),
    )
    assert Path(registered.file).is_file()


def test_the_workload(tmp_path: Path) -> None:
    command = agent.COMMAND.commands["workload"]
    found = command.execute(bob(tmp_path), agent.WorkloadParams())
    assert command.facts is not None
    assert [] == command.facts(found)["skipped"]


def test_a_message_to_an_unknown_name(tmp_path: Path) -> None:
    command = agent.COMMAND.commands["message"]
    with pytest.raises(NotFoundError, match="eva has no open task here"):
        command.execute(bob(tmp_path), agent.AgentMessageParams("eva", "The schema is frozen"))
