"""``plan "REQUEST"`` that comes to no plan because somebody ended it, or because the money does not suffice."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.executors.harness import wait_until
from tests.fakes.claude_calls import calls, script


def draft(description: str) -> dict[str, Any]:
    listed = {"id": "T-01", "name": "Look", "description": description, "needs": []}
    more = {"expected": "A table", "acceptance": [], "estimate": "3m", "priority": "P1"}
    task = {**listed, **more, "writes": []}
    return {"structured": {"goal": "A list", "goals": [], "success": [], "tasks": [task]}}


DRAFT = draft("List every file of this project and say what it is for")
VAGUE = draft("Improve it")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("first", [[], [VAGUE]], ids=["draft", "repair"])
def test_a_planner_that_is_ended(
    orchestrate: Orchestrate, root: Path, planner: Path, number: int, first: list[object]
) -> None:
    """The status is that of the signal, and there is no plan, not even of a draft that only was to be better."""
    script(planner, {"*": [*first, {**DRAFT, "barrier": "end:2"}]})
    asked = orchestrate.start("plan", "Look", "--json")
    wait_until(lambda: (planner / "barrier-end").exists() or asked.poll() is not None)
    asked.send_signal(number)
    ended = orchestrate.finish(asked)
    assert (128 + number, "stopped") == (ended.returncode, ended.json["code"]), ended.stdout
    assert f"signal {int(number)}" in ended.json["message"]
    assert not (root / "master_plan.md").exists()
    script(planner, {"*": DRAFT})
    assert 0 == orchestrate("plan", "Look").returncode


def test_a_planner_that_costs_too_much(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """It is held back as a run is, and whoever asked is told what to do."""
    script(planner, {"*": DRAFT})
    held = orchestrate("plan", "Look", "--budget-usd", "0.001", "--json")
    assert (4, "held") == (held.returncode, held.json["code"])
    assert "the budget of $0.0010" in held.json["message"]
    assert "--budget-usd" in held.json["hint"]
    assert ([], False) == (calls(planner), (root / "master_plan.md").exists())
