"""A command may have done half of its work: nobody repeats it who was not asked to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import result_of, write_plan, write_task


@pytest.mark.parametrize(
    ("settings", "flags", "attempts"),
    [
        ({}, (), 1),
        ({"retries": 1}, (), 2),
        ({}, ("--retries", "1"), 2),
        ({"agent": "simulated"}, ("--agent", "shell"), 1),
    ],
)
def test_a_failed_command_is_repeated_only_where_retries_are_given(
    orchestrate: Orchestrate, root: Path, settings: dict[str, object], flags: tuple[str, ...], attempts: int
) -> None:
    """In the plan or as a flag."""
    all_settings: dict[str, Any] = {"retries": None, **settings}
    write_plan(root, {"T-01": "echo once >> marks; false"}, **all_settings)
    assert 1 == orchestrate("run", *flags).returncode
    assert attempts == (root.parent / "marks").read_text("utf-8").count("once")


def test_retries_of_a_task_file_and_of_an_agent_count(orchestrate: Orchestrate, root: Path) -> None:
    """Wherever somebody wrote the number, it was meant."""
    write_plan(root, {"T-01": "false"}, retries=None)
    write_task(root, "T-01", "false", retries=1)
    assert 1 == orchestrate("run").returncode
    assert "Attempts**: 2" in result_of(root, "T-01")
