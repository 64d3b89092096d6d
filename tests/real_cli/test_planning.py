"""From a request to its answer with the real CLI: a planner before the tasks, a merger after them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.acceptance.plans import front_of, write_plan
from tests.real_cli.stage import Stage

pytestmark = pytest.mark.real_cli

REQUEST = "How large is this project, and is it tested?"


def task(id: str, *needs: str) -> dict[str, Any]:
    return {
        "id": id,
        "name": f"Look at {id}",
        "description": f"List every file of part {id} and say what it is for.",
        "needs": [{"id": need, "kind": "data"} for need in needs],
        "expected": "A table with a row for each file",
        "acceptance": ["Every file has a row"],
        "estimate": "3m",
        "priority": "P1",
        "writes": [],
    }


def draft(*tasks: dict[str, Any]) -> dict[str, Any]:
    """A reply: the structured answer of a planner."""
    goal = {"goal": "One page on the project", "goals": [], "success": ["It has figures"]}
    return {"tool": "StructuredOutput", "input": {**goal, "tasks": tasks}}


CIRCLE = draft(task("T-01", "T-02"), task("T-02", "T-01"))


def test_a_request_becomes_a_plan_that_runs(stage: Stage) -> None:
    """A first draft that goes in a circle goes back once, with what is wrong with it."""
    stage.answer(
        {
            "_plan": [[CIRCLE, draft(task("T-01"), task("T-02", "T-01"))]],
            "T-01": [{"text": "Three modules."}],
            "T-02": [{"text": "Tested."}],
        }
    )
    planned = stage.call("plan", REQUEST)
    assert (0, f"{stage.plan}/master_plan.md\n") == (planned.returncode, planned.stdout)
    first, second = stage.asked("_plan")
    assert REQUEST in first.text
    assert "StructuredOutput" in [tool["name"] for tool in first.body["tools"]]
    assert "circle" not in first.text.partition("## Agents")[2]
    assert "T-01 → T-02" in second.text.partition("not good enough")[2]
    assert REQUEST in (stage.plan / "master_plan.md").read_text(encoding="utf-8")
    names = sorted(path.name for path in (stage.plan / "agent_tasks").iterdir())
    assert ["agent-01.md", "agent-02.md"] == names

    assert 0 == stage.call("validate").returncode
    assert 0 == stage.run().returncode
    (asked,) = stage.asked("T-02")
    assert "say what it is for" in asked.text
    assert "Three modules." in asked.text
    assert ["completed"] * 2 == [front_of(stage.plan, id)["status"] for id in ("T-01", "T-02")]


def test_two_bad_drafts_make_no_plan(stage: Stage) -> None:
    """There is no third question, and what is wrong is said."""
    stage.answer({"_plan": [CIRCLE]})
    planned = stage.call("plan", REQUEST, "--json")
    assert (2, "cycle") == (planned.returncode, planned.json["code"])
    assert 2 == len(stage.asked("_plan"))
    assert not (stage.plan / "master_plan.md").exists()
    assert not any((stage.plan / "agent_tasks").iterdir())


def test_one_more_request_merges_the_answers(stage: Stage) -> None:
    """When it fails, the answers are there all the same; the next run tries only that again."""
    too_large = {"status": 413}
    stage.answer(
        {
            "T-01": [{"text": "Pears are green."}],
            "T-02": [{"text": "Plums are blue."}],
            "_merge": [[too_large, {"text": "Fruit has colours."}]],
        }
    )
    plan = {"T-01": "Look at pears", "T-02": "Look at plums"}
    write_plan(stage.plan, plan, agent="claude", aggregate="claude")
    assert 0 == stage.run().returncode
    output = (stage.plan / "final_output.md").read_text(encoding="utf-8")
    assert "> Not merged, the structured output follows: Request too large" in output
    assert "Pears are green." in output

    assert 0 == stage.run().returncode
    *_, asked = stage.asked("_merge")
    assert "Pears are green." in asked.text
    assert "Plums are blue." in asked.text
    assert [1, 1] == [len(stage.asked(id)) for id in plan]
    output = (stage.plan / "final_output.md").read_text(encoding="utf-8")
    assert "Not merged" not in output
    assert 0 < output.index("Fruit has colours.") < output.index("Pears are green.")
