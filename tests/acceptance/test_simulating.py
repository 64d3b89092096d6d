"""What was only simulated: a fact of its attempt, the same for whoever looks and for whoever decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, front_of, result_of, write_plan, write_task

ROWS = "| Task ID | Task | Dependencies | Assignee |\n|---|---|---|---|\n| T-01 | Play | - | Designer |"


def ask_for_it(root: Path, *, in_plan: bool) -> None:
    """Write a plan, as by hand with a role, whose one task is to be simulated."""
    root.mkdir()
    front = "---\nagent: simulated\n---\n" if in_plan else ""
    (root / "master_plan.md").write_text(f"{front}# Plan\n\n{ROWS}\n", encoding="utf-8")
    if not in_plan:
        write_task(root, "T-01", "Nothing.\n", agent="simulated")


@pytest.mark.parametrize("in_plan", [True, False], ids=["plan", "task file"])
@pytest.mark.parametrize("flags", [(), ("--simulate",)], ids=["", "simulate"])
def test_what_was_to_be_simulated_is_done(
    orchestrate: Orchestrate, root: Path, flags: tuple[str, ...], *, in_plan: bool
) -> None:
    """Else the next step that `status` names is a run that has nothing to do, for ever."""
    ask_for_it(root, in_plan=in_plan)
    assert 0 == orchestrate("run", *flags).returncode
    told = orchestrate("status", "--brief").stdout
    assert "only simulated" not in told
    assert "next: read .orchestrator/final_output.md\n" in told
    assert 0 == orchestrate("status", "--json").json["simulated"]
    assert [] == orchestrate("run", "--json").started()


def test_what_was_simulated_instead_is_not_done(orchestrate: Orchestrate, root: Path) -> None:
    """Also where the plan plays and the file of one task asks for more: it is said, and nothing is built on it."""
    write_plan(root, {"T-01": "play", "T-02": ("play", "T-01")}, agent="simulated")
    write_task(root, "T-01", "echo real\n", agent="shell")
    assert 0 == orchestrate("run", "--simulate").returncode
    told = orchestrate("status", "--json").json
    assert (1, ["only simulated", ""]) == (
        told["simulated"],
        [task["reason"] for task in orchestrate("list", "--json").json["tasks"]],
    )
    assert "**Only simulated, 1 of 2" in (root / "final_output.md").read_text(encoding="utf-8")
    assert "Dependency not DONE: T-01" in orchestrate("complete", "T-02").stderr
    assert [] == orchestrate("run", "--simulate", "--json").started()
    assert ["T-01", "T-02"] == orchestrate("run", "--json").started()
    assert "real" == answer_of(root, "T-01")
    assert 0 == orchestrate("status", "--json").json["simulated"]


def test_how_much_was_only_simulated_is_said_with_how_much_is_done(orchestrate: Orchestrate, root: Path) -> None:
    """In the last line of the run and of the journal, to programs, and when one looks back."""
    write_plan(root, {"T-01": "echo real", "T-02": "echo 2", "T-03": "echo 3"})
    assert 0 == orchestrate("run", "--only", "T-01").returncode
    ran = orchestrate("run", "--simulate")
    said = "3 of 3 tasks completed (2 only simulated)"
    assert f"{said} in " in ran.stderr
    assert f" · {said}\n" in (root / "journal.md").read_text(encoding="utf-8")
    assert said == orchestrate("run", "--simulate", "--json").events[-1]["message"]
    assert said == orchestrate("status", "--json").json["message"]
    assert said == orchestrate("status", "--brief", "--json").json["message"]
    assert "3 tasks completed (2 only simulated), 0 failed" in orchestrate("report").stdout
    assert 2 == orchestrate("report", "--json").json["total"]["simulated"]


def test_a_default_of_one_run_is_not_what_the_plan_means(orchestrate: Orchestrate, root: Path) -> None:
    """``--agent simulated`` tries a plan, too: the next run does it."""
    write_plan(root, {"T-01": "echo real"})
    assert ["T-01"] == orchestrate("run", "--agent", "simulated", "--json").started()
    assert "Completed 1/1 (1 only simulated)" in orchestrate("status").stdout
    assert [] == orchestrate("run", "--agent", "simulated", "--json").started()
    assert ["T-01"] == orchestrate("run", "--json").started()


def test_a_simulation_that_is_meant_since_is_done_once_more(orchestrate: Orchestrate, root: Path) -> None:
    """It costs nothing, and then it is what the plan asks for."""
    plan = write_plan(root, {"T-01": "echo real"})
    assert 0 == orchestrate("run", "--simulate").returncode
    plan.write_text(plan.read_text(encoding="utf-8").replace("agent: shell", "agent: simulated"))
    assert ["T-01"] == orchestrate("run", "--json").started()
    assert 0 == orchestrate("status", "--json").json["simulated"]
    assert [] == orchestrate("run", "--json").started()


def test_it_stands_in_result_and_record(orchestrate: Orchestrate, root: Path) -> None:
    """Of what really was done nothing of the kind is said."""
    write_plan(root, {"T-01": "echo real", "T-02": "play"})
    write_task(root, "T-02", "Nothing.\n", agent="simulated")
    assert 0 == orchestrate("run", "--simulate").returncode
    said = [front_of(root, each)["attempts"][0]["only_simulated"] for each in ("T-01", "T-02")]
    assert [True, False] == said
    assert '"only_simulated": true' in (root / "logs/agent-01.attempt-1.json").read_text()
    assert 0 == orchestrate("run").returncode
    assert "only_simulated" not in front_of(root, "T-01")["attempts"][0]


def test_what_was_to_be_simulated_and_is_no_longer_is_done(orchestrate: Orchestrate, root: Path) -> None:
    """Whoever tries a plan so first has had nothing done."""
    plan = write_plan(root, {"T-01": "echo real"}, agent="simulated")
    assert 0 == orchestrate("run").returncode
    plan.write_text(plan.read_text(encoding="utf-8").replace("agent: simulated", "agent: shell"))
    assert ["T-01"] == orchestrate("run", "--json").started()
    assert "real" == answer_of(root, "T-01")


@pytest.mark.parametrize("agent", ["simulated", "shell"])
def test_a_result_that_does_not_say_it_is_as_its_plan_asks(orchestrate: Orchestrate, root: Path, agent: str) -> None:
    """Older versions wrote none; an assignee who is a role asks for no agent."""
    ask_for_it(root, in_plan=True)
    plan = root / "master_plan.md"
    plan.write_text(plan.read_text(encoding="utf-8").replace("simulated", agent), encoding="utf-8")
    assert 0 == orchestrate("run", "--simulate").returncode
    word = "true" if agent == "shell" else "false"
    text, said = result_of(root, "T-01"), f', "only_simulated": {word}'
    assert said in text
    (root / "results/agent-01-result.md").write_text(text.replace(said, ""), encoding="utf-8")
    simulated = orchestrate("status", "--json").json["simulated"]
    assert (agent == "shell") == bool(simulated)
    assert simulated == len(orchestrate("run", "--json").started())
