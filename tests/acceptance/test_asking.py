"""The planner is paid for each question once, and no answer is taken for that to another question."""

from __future__ import annotations

import pytest

from tests.acceptance.claude_plan import ClaudePlan

pytestmark = pytest.mark.slow


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
