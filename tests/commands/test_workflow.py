"""``workflow``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import template, watch, workflow
from orchestrator.errors import NotFoundError, UsageError
from tests.commands.typed import bob


def test_monitor_and_the_list_are_the_commands_themselves() -> None:
    inner = workflow.COMMAND.groups["template"]
    assert watch.COMMAND is workflow.COMMAND.commands["monitor"]
    assert template.LIST_COMMAND is inner.commands["list"]


@pytest.mark.parametrize(("word", "seconds"), [("7200000", 7200.0), ("1000", 1.0), ("2h", 7200.0), ("90s", 90.0)])
def test_a_bare_number_is_milliseconds(word: str, seconds: float) -> None:
    assert seconds == workflow.milliseconds(word)


@pytest.mark.parametrize("word", ["900", "0", "99999999999999", "soon"])
def test_what_is_no_time(word: str) -> None:
    with pytest.raises(ValueError, match=r"ms is|not a duration"):
        workflow.milliseconds(word)


def test_what_is_no_workflow_file(tmp_path: Path) -> None:
    call = bob(tmp_path)
    command = workflow.COMMAND.commands["execute"]
    with pytest.raises(NotFoundError, match=r"no such file: gone\.json"):
        command.execute(call, workflow.ExecuteParams("gone.json"))
    (tmp_path / "wf.txt").write_text("x")
    with pytest.raises(UsageError, match="no workflow file"):
        command.execute(call, workflow.ExecuteParams(str(tmp_path / "wf.txt")))
