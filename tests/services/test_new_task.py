"""Adding a task: its row and its task file are there together, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.core.agent import AgentRegistry
from orchestrator.errors import StoreError
from orchestrator.services.new_task import NewTask, add
from orchestrator.store.layout import Layout
from tests.runner.bench import write_plan


def no_files(layout: Layout) -> AgentRegistry:
    """The agents that are built in."""
    return AgentRegistry.of()


def test_a_plan_that_cannot_be_written_leaves_no_task_file(tmp_path: Path) -> None:
    """It would be taken for that of an earlier task, and keep its id from everybody."""
    layout = write_plan(tmp_path, {"T-01": ""}).layout
    in_the_way = tmp_path / f".master_plan.md.{os.getpid()}.tmp"
    in_the_way.mkdir()
    command = NewTask("count the words", criteria=("there is a number",))
    with pytest.raises(StoreError):
        add(layout, command, "bob", no_files)
    assert not os.path.exists(layout.task_file("agent-02"))
    in_the_way.rmdir()
    assert "T-02" == add(layout, command, "bob", no_files).id
    assert os.path.exists(layout.task_file("agent-02"))
