"""``plan "REQUEST"`` that comes to no plan: somebody ended it, the money does not suffice, its drafts make no sense."""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.executors.harness import wait_until
from tests.fakes.claude_calls import calls, script


def draft(description: str, estimate: str = "3m") -> dict[str, Any]:
    listed = {"id": "T-01", "name": "Look", "description": description, "needs": []}
    more = {"expected": "A table", "acceptance": [], "estimate": estimate, "priority": "P1"}
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
    assert (0, 0) == (held.json["cost_usd"], held.json["unknown_costs"])
    assert "--budget-usd" in held.json["hint"]
    assert ([], False) == (calls(planner), (root / "master_plan.md").exists())


@pytest.mark.parametrize("flags", [[], ["--dry-run"]], ids=" ".join)
def test_two_bad_answers_are_paid_for_and_kept(
    orchestrate: Orchestrate, root: Path, planner: Path, flags: list[str]
) -> None:
    """What they cost is said, and the last one can be mended: nothing needs to be paid for twice."""
    script(planner, {"*": draft("Look at it", estimate="soon")})
    asked = orchestrate("plan", "Look at it all", *flags)
    assert 2 == asked.returncode
    said = re.search(r"draft has 1 problem; planning cost \$0\.0\d+\n", asked.stderr)
    assert said, asked.stderr
    hint = re.search(r"hint: mend it in (\S+), then: orchestrator (.*)\n", asked.stderr)
    assert hint, asked.stderr
    assert "tasks[0].estimate: 'soon'" in asked.stderr
    kept = Path(hint[1])
    kept.write_text(kept.read_text("utf-8").replace('"soon"', '"3m"'), "utf-8")
    made = orchestrate(*shlex.split(hint[2]))
    assert 0 == made.returncode, made.stderr
    assert "> Look at it all\n" in (root / "master_plan.md").read_text(encoding="utf-8")


def test_programs_are_told_what_two_bad_answers_cost(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """The sum and the file are facts of the error."""
    script(planner, {"*": draft("Look at it", estimate="soon")})
    told = orchestrate("plan", "Look", "--json").json
    assert ("bad_draft", 0) == (told["code"], told["unknown_costs"])
    assert told["cost_usd"] > 0
    assert str(root / "logs" / "_plan.draft.json") == told["draft"]
    assert f"orchestrator plan --from {told['draft']}" in told["hint"]


def test_two_bad_answers_that_cannot_be_kept(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """What is wrong with them and what they cost is said all the same."""
    script(planner, {"*": draft("Look at it", estimate="soon")})
    (root / "logs" / "_plan.draft.json" / "in the way").mkdir(parents=True)
    told = orchestrate("plan", "Look", "--json")
    assert (2, "bad_draft") == (told.returncode, told.json["code"]), told.stdout
    assert told.json["cost_usd"] > 0
    assert "_plan.draft.json: cannot write" in told.json["message"]
    assert told.json["problems"][1]["where"].endswith("tasks[0].estimate")
    assert "draft" not in told.json


@pytest.mark.parametrize("flags", [[], ["--dry-run"]], ids=" ".join)
def test_programs_are_told_what_a_plan_cost(orchestrate: Orchestrate, planner: Path, flags: list[str]) -> None:
    """Their own sums are right only so; where nobody was asked it was nothing."""
    script(planner, {"*": DRAFT})
    told = orchestrate("plan", "Look", *flags, "--json").json
    assert (True, True, 0) == (told["ok"], told["cost_usd"] > 0, told["unknown_costs"])
    filled = orchestrate("plan", "--template", "codebase-analysis", "--force", *flags, "--json")
    assert (0, 0) == (filled.json["cost_usd"], filled.json["unknown_costs"])


def test_programs_are_told_what_no_answer_cost(orchestrate: Orchestrate, planner: Path) -> None:
    """Attempts that failed were paid for, too."""
    script(planner, {"*": {"do": "schema_exhausted_stream"}})
    told = orchestrate("plan", "Look", "--json").json
    assert ("agent_unavailable", True) == (told["code"], told["cost_usd"] > 0), told
