"""The planner is paid for each question once, and no answer is taken for that to another question."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.executors.harness import wait_until


def planned(name: str) -> dict[str, object]:
    """What a planner does that answers with a plan of one task."""
    task = {
        "id": "T-01",
        "name": name,
        "description": "List every file of the shop and say what it is for",
        "needs": [],
        "expected": "A table",
        "acceptance": [],
        "estimate": "3m",
        "priority": "P1",
        "writes": [],
    }
    return {"structured": {"goal": "A list", "goals": [], "success": [], "tasks": [task]}}


def test_a_question_that_could_not_be_asked_has_no_answer(claude: ClaudePlan) -> None:
    """What was answered to the one before it is no plan for this one."""
    claude.play({"_plan": planned("Look at the shop")})
    assert 0 == claude.orchestrate("plan", "One").returncode
    refused = claude.orchestrate("plan", "Two", "--force", "--budget-usd", "0.01", "--json")
    assert (False, 1) == (refused.json["ok"], len(claude.calls("_plan")))
    assert "too little" in refused.json["message"]
    assert "> One\n" in claude.text("master_plan.md")


@pytest.mark.parametrize(("request_", "asked"), [("One", 1), ("Two", 2)])
def test_what_was_answered_while_the_runner_was_frozen_is_taken_from_its_log(
    claude: ClaudePlan, request_: str, asked: int
) -> None:
    """For the same question only; what it cost is known in any case (promise 3)."""
    claude.play({"_plan": [planned("Look at the shop") | {"wait_for": "go"}, planned("Look")]})
    first = claude.orchestrate.start("plan", "One")
    wait_until(lambda: claude.calls("_plan"))
    first.send_signal(signal.SIGSTOP)
    (claude.records / "go").touch()
    wait_until((claude.root / "logs" / "_plan.attempt-1.json").exists)
    first.kill()
    claude.orchestrate.finish(first)
    assert 0 == claude.orchestrate("plan", request_).returncode
    assert asked == len(claude.calls("_plan"))
    assert ["completed"] * asked == claude.statuses("_plan")
    assert f"> {request_}\n" in claude.text("master_plan.md")
    assert 0 == claude.orchestrate("plan", request_, "--force").returncode
    assert asked + 1 == len(claude.calls("_plan"))  # who asks again wants to hear something else
