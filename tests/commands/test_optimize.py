"""``optimize``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import optimize
from orchestrator.errors import UsageError
from tests.commands.typed import bob, typed


def test_what_is_always_done_may_be_asked_for() -> None:
    _, params = typed(
        "optimize", "wf.json", "--parallel-optimization", "--resource-analysis", "--output", "better.json"
    )
    assert ("wf.json", "better.json") == (params.target, params.output)


def test_a_plan_without_anything_to_take_away(tmp_path: Path) -> None:
    found = optimize.execute(bob(tmp_path), optimize.OptimizeParams())
    facts = optimize.facts(found)
    assert ("tasks", 2, []) == (facts["unit"], facts["before"]["length"], facts["remove"])
    assert optimize.text(found).startswith("no dependency can be taken away\nnow: 2 tasks with 4 at a time")
    assert [] == list(optimize.remarks(found))


def test_without_a_name_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no file"):
        optimize.execute(bob(tmp_path), optimize.OptimizeParams(output="-"))
