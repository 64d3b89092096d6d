"""``plan``: a request becomes a plan, and no plan is lost for it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Gate, everything, write_plan
from tests.executors.harness import wait_until
from tests.fakes.claude_calls import calls, script

OUTLINE = """\
# Look at it
Say how large it is.

- Scan: list every source file
  - Output: a table
- Report: write one page on the files (after Scan)
  - Output: a page
"""


@pytest.fixture
def outline(tmp_path: Path) -> str:
    (tmp_path / "o.md").write_text(OUTLINE, encoding="utf-8")
    return "o.md"


def task(id: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "name": f"Look at {id}",
        "description": f"List every file of part {id} and say what it is for",
        "needs": [{"id": need, "kind": "data"} for need in needs],
        "expected": "A table",
        "acceptance": [],
        "estimate": "3m",
        "priority": "P1",
        "writes": [],
        **more,
    }


def answer(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"structured": {"goal": "A list", "goals": [], "success": [], "tasks": list(tasks)}}


def ids(plan: Path) -> list[str]:
    lines = plan.read_text(encoding="utf-8").splitlines()
    return [line.split("|")[1].strip() for line in lines if line.startswith("| T-")]


# ── without an agent ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_from_an_outline(orchestrate: Orchestrate, root: Path, outline: str) -> None:
    """The path goes to stdout, what it looks like to stderr; it is valid and it runs."""
    made = orchestrate("plan", "--from", outline)
    assert (0, f"{root / 'master_plan.md'}\n") == (made.returncode, made.stdout)
    assert "2 tasks in 2 batches; longest chain: T-01 → T-02" in made.stderr
    assert "then: orchestrator run" in made.stderr
    assert "warning" not in made.stderr
    assert ["agent-01.md", "agent-02.md"] == sorted(p.name for p in (root / "agent_tasks").iterdir())
    assert 0 == orchestrate("validate").returncode
    assert 0 == orchestrate("run", "--simulate").returncode


def test_without_claude_the_hint_names_what_there_is(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """As whole commands: neither ``plan`` nor ``spawn`` has a ``--simulate``."""
    write_plan(root, {"T-01": "one"}, agent=None)
    for command in (("plan", "Do it", "--dry-run", "--dir", tmp_path / "new"), ("spawn", "Do it")):
        refused = orchestrate(*command, env={"PATH": "/usr/bin:/bin"})
        assert 2 == refused.returncode
        assert "without it `orchestrator run " in refused.stderr
        assert "--simulate` tries a plan, and `orchestrator plan " in refused.stderr


def test_the_answer_for_programs(orchestrate: Orchestrate, root: Path, outline: str) -> None:
    """One object: where the plan is, its graph, what should be looked at."""
    told = orchestrate("plan", "--from", outline, "--json").json
    assert (True, "ok", str(root / "master_plan.md"), 2, 2) == (
        told["ok"],
        told["code"],
        told["plan"],
        told["tasks"],
        told["batches"],
    )
    assert (["T-01", "T-02"], [], "") == (told["critical_path"], told["warnings"], told["archived"])


def test_a_dry_run_writes_nothing(orchestrate: Orchestrate, tmp_path: Path, outline: str) -> None:
    """The plan goes to stdout, as it would be written; also where another plan is."""
    before = everything(tmp_path)
    dry = orchestrate("plan", "--from", outline, "--dry-run")
    assert before == everything(tmp_path)
    assert 0 == dry.returncode
    plan = tmp_path / ".orchestrator" / "master_plan.md"
    orchestrate("plan", "--from", outline)
    assert plan.read_text(encoding="utf-8") == dry.stdout
    before = everything(tmp_path)
    told = orchestrate("plan", "--from", outline, "--dry-run", "--json").json
    assert dry.stdout == told["text"]
    assert before == everything(tmp_path)


def test_the_request_can_be_told_besides(orchestrate: Orchestrate, tmp_path: Path, outline: str) -> None:
    """The words, a file, or standard input."""
    (tmp_path / "request.md").write_text("Quite\nlarge?\n", encoding="utf-8")
    piped = ("sh", "-c", 'echo Tiny? | exec "$0" "$@"')
    for request, under, quoted in (
        ("Is it large?", (), "> Is it large?\n"),
        ("request.md", (), "> Quite\n> large?\n"),
        ("-", piped, "> Tiny?\n"),
    ):
        dry = orchestrate("plan", request, "--from", outline, "--dry-run", under=under)
        assert quoted in dry.stdout


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "usage"),
        (["  "], "usage"),
        (["nope.md"], "not_found"),
        (["--from", "nope.md"], "not_found"),
        (["--from", "o.md", "--template", "api"], "usage"),
        (["hello", "--param", "a=b"], "usage"),
        (["--template", "translate"], "usage"),
        (["--template", "translate", "--param", "files=nope/*.md"], "usage"),
        (["--from", "bad.md"], "unknown_dependency"),
        (["--from", "bad.json"], "cycle"),
        (["--from", "null.json", "--force"], "bad_draft"),
        (["--from", "list.json", "--force"], "bad_draft"),
        (["--from", "empty.json", "--force"], "empty_plan"),
        (["hello", "--timeout", "soon"], "usage"),
    ],
    ids=" ".join,
)
def test_what_makes_no_sense_writes_nothing(
    orchestrate: Orchestrate, tmp_path: Path, outline: str, arguments: list[str], code: str
) -> None:
    """Exit status 2, a code and a hint; the folder is as before."""
    (tmp_path / "bad.md").write_text("- Scan\n- Report (after Sort)\n", encoding="utf-8")
    rows = [{"id": "a", "name": "x", "needs": ["b"]}, {"id": "b", "name": "y", "needs": ["a"]}]
    (tmp_path / "bad.json").write_text(json.dumps({"tasks": rows}), encoding="utf-8")
    for name, text in {"null": "null", "list": "[]", "empty": "{}"}.items():
        (tmp_path / f"{name}.json").write_text(text, encoding="utf-8")
    before = everything(tmp_path)
    asked = orchestrate("plan", *arguments, "--json")
    assert (2, False, code) == (asked.returncode, asked.json["ok"], asked.json["code"])
    assert asked.json["hint"]
    assert before == everything(tmp_path)


def test_the_templates_are_listed(orchestrate: Orchestrate) -> None:
    """For people and for programs."""
    names = ["codebase-analysis", "api-testing", "translate-docs", "fullstack-feature"]
    told = orchestrate("plan", "--template", "list", "--json").json["templates"]
    assert names == [each["name"] for each in told]
    said = orchestrate("plan", "--template", "list").stdout
    assert all(f"{name}: " in said for name in names)


# ── where there is a plan already ─────────────────────────────────────────────────────────────────────────────────


def test_an_unfinished_plan_is_left_alone(orchestrate: Orchestrate, root: Path, outline: str) -> None:
    """Neither a plan that was never run, nor one that was only simulated, nor one that is broken is replaced."""
    write_plan(root, {"T-01": "true"})
    for prepare in (
        lambda: None,
        lambda: orchestrate("run", "--simulate"),
        lambda: (root / "master_plan.md").write_text("mine", encoding="utf-8"),
    ):
        prepare()
        before = everything(root)
        asked = orchestrate("plan", "--from", outline, "--json")
        assert (2, "usage") == (asked.returncode, asked.json["code"])
        assert "--force" in asked.json["hint"]
        assert before == everything(root)


def test_force_moves_it_aside(orchestrate: Orchestrate, root: Path, outline: str) -> None:
    """With everything that was done for it."""
    write_plan(root, {"T-01": "echo kept", "T-02": "exit 1"})
    orchestrate("run")
    mine = (root / "master_plan.md").read_bytes()
    told = orchestrate("plan", "--from", outline, "--force", "--json").json
    archived = Path(told["archived"])
    assert root / "archive" / "001" == archived
    assert mine == (archived / "master_plan.md").read_bytes()
    assert "kept" in (archived / "results" / "agent-01-result.md").read_text(encoding="utf-8")
    assert {"pending": 1, "waiting": 1} == orchestrate("status", "--json").counts


def test_the_death_of_an_earlier_plans_run_is_no_news_of_this_one(
    orchestrate: Orchestrate, root: Path, outline: str
) -> None:
    """What its run may have left behind is still looked after by the next one."""
    gate = Gate(root.parent / "gate")
    write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    run.kill()
    orchestrate.finish(run)
    assert 0 == orchestrate("plan", "--from", outline, "--force").returncode
    assert "none" == orchestrate("status", "--brief", "--json").json["phase"]
    assert "never run" in orchestrate("wait").stderr
    assert json.loads((root / "run.lock").read_bytes().splitlines()[-1])["run"]


def test_what_a_killed_writer_left_is_not_archived(orchestrate: Orchestrate, root: Path, outline: str) -> None:
    """Half files never counted, and are swept away as a run would (promise 7)."""
    write_plan(root, {"T-01": "true"})
    orchestrate("run")
    left = (
        ".master_plan.md.99999.tmp",
        "agent_tasks/.agent-01.md.99999.tmp",
        "results/.agent-01-result.md.99999.tmp",
        "logs/agent-01.attempt-1.json.tmp",
    )
    for name in left:
        (root / name).write_bytes(b"---\nhalf")
    made = orchestrate("plan", "--from", outline)
    assert 0 == made.returncode, made.stderr
    assert (root / "archive" / "001" / "results" / "agent-01-result.md").exists()
    assert [] == [path.name for path in root.rglob("*") if path.name.endswith(".tmp")]


def test_a_finished_plan_makes_room_by_itself(orchestrate: Orchestrate, root: Path, outline: str) -> None:
    """Nothing of it is left to do; it is archived all the same."""
    write_plan(root, {"T-01": "true"})
    orchestrate("run")
    made = orchestrate("plan", "--from", outline)
    assert 0 == made.returncode
    assert (root / "archive" / "001" / "results" / "agent-01-result.md").exists()
    assert f"The plan before it is in {root / 'archive' / '001'}" in made.stderr
    assert [] == list((root / "results").iterdir())


def test_no_plan_is_replaced_under_a_run(orchestrate: Orchestrate, gate: Gate, root: Path, outline: str) -> None:
    """Not even with --force: exit status 3, and the run comes to its end."""
    plan = write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    asked = orchestrate("plan", "--from", outline, "--force", "--json")
    assert (3, "busy") == (asked.returncode, asked.json["code"])
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert ["T-01"] == ids(plan)[:1]


# ── with an agent ─────────────────────────────────────────────────────────────────────────────────────────────────


def ask(orchestrate: Orchestrate, *arguments: str) -> Answer:
    return orchestrate("plan", "Look at it all", *arguments)


def test_an_agent_takes_a_request_apart(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """One question; the plan, its files and what the planner said are there."""
    script(planner, {"*": answer(task("T-01"), task("T-02"), task("T-03", "T-01", "T-02"))})
    made = ask(orchestrate)
    assert (0, f"{root / 'master_plan.md'}\n") == (made.returncode, made.stdout)
    assert "3 tasks in 2 batches" in made.stderr
    (call,) = calls(planner)
    assert "Look at it all" in call.prompt
    assert any(word.startswith("--json-schema") for word in call.argv)
    assert 1 == call.prompt.count("## Your answer")
    assert "final message" not in call.prompt  # the structure is what is stored
    assert "> Look at it all\n" in (root / "master_plan.md").read_text(encoding="utf-8")
    assert (root / "results" / "_plan-result.md").exists()
    assert 0 == orchestrate("validate").returncode


def test_a_bad_answer_is_mended_once(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """The second question has the first answer and what is wrong with it."""
    script(planner, {"*": [answer(task("T-01", "T-09")), answer(task("T-01"))]})
    assert 0 == ask(orchestrate).returncode
    first, second = calls(planner)
    assert "which is not in the plan" not in first.prompt
    assert "tasks[0].needs: task T-01 depends on T-09, which is not in the plan" in second.prompt
    assert ["T-01"] == ids(root / "master_plan.md")


def test_two_bad_answers_make_no_plan(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """Every problem is told; there is no plan, and the next try finds no obstacle."""
    bad = answer(task("T-01", "T-09"), task("T-02", name="Look at T-01"))
    script(planner, {"*": [bad, bad, answer(task("T-01"))]})
    asked = ask(orchestrate, "--json")
    assert 2 == asked.returncode
    assert {"unknown_dependency", "duplicate_name"} == {each["code"] for each in asked.json["problems"]}
    assert not (root / "master_plan.md").exists()
    assert 0 == ask(orchestrate).returncode


def test_what_the_planner_cannot_do_is_said(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """Without an answer there is no plan; without a planner not even a directory."""
    script(planner, {"*": {"do": "not_logged_in"}})
    asked = ask(orchestrate, "--json")
    assert 0 != asked.returncode
    assert asked.json["message"]
    assert not (root / "master_plan.md").exists()
    script(planner, {"*": {"do": "max_turns"}})
    asked = ask(orchestrate)
    assert re.search(r"gave no plan: .*; planning cost \$0\.\d+\n", asked.stderr), asked.stderr
    assert f"hint: its output: {root}/logs/_plan.attempt-2.out" in asked.stderr
    dry = ask(orchestrate, "--dry-run")
    assert "hint: without --dry-run its output is kept in logs/" in dry.stderr
    orchestrate.environment["PATH"] = "/usr/bin:/bin"
    nobody = orchestrate("plan", "Look", "--dir", "other", "--json")
    assert (2, "agent_unavailable") == (nobody.returncode, nobody.json["code"])
    assert not (root.parent / "other").exists()


def test_an_unfinished_plan_costs_no_question(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """Whether there is room is looked at before anything is paid for."""
    script(planner, {"*": answer(task("T-01"))})
    write_plan(root, {"T-01": "true"})
    assert 2 == ask(orchestrate).returncode
    assert [] == calls(planner)
    told = ask(orchestrate, "--force", "--json").json
    assert (Path(told["archived"]) / "master_plan.md").exists()
    assert (root / "results" / "_plan-result.md").exists()


def test_a_planner_that_failed_is_no_run_that_died(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """It ended in order; and neither it nor its success is news of a task."""
    script(planner, {"*": {"do": "not_logged_in"}})
    assert 0 != ask(orchestrate).returncode
    script(planner, {"*": answer(task("T-01"))})
    assert 0 == ask(orchestrate).returncode
    brief = orchestrate("status", "--brief", "--json").json
    assert ("none", {}) == (brief["phase"], brief["news"])


def test_a_dry_run_with_an_agent_leaves_nothing(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """It asks, prints, and there is no plan directory afterwards."""
    script(planner, {"*": answer(task("T-01"))})
    dry = ask(orchestrate, "--dry-run")
    assert 0 == dry.returncode
    assert "| T-01 | Look at T-01 |" in dry.stdout
    assert not root.exists()


def test_two_planners_do_not_mix(orchestrate: Orchestrate, root: Path, planner: Path) -> None:
    """While one asks, the other is told that the directory is held."""
    script(planner, {"*": {**answer(task("T-01")), "barrier": "both:2"}})
    first = orchestrate.start("plan", "One")
    _wait_for_call(planner, first)
    (root / "results" / ".agent-01-result.md.99999.tmp").write_bytes(b"what the first writes")
    second = orchestrate("plan", "Two", "--json")
    assert (3, "busy") == (second.returncode, second.json["code"])
    assert (root / "results" / ".agent-01-result.md.99999.tmp").exists()
    (planner / "barrier-both" / "me").touch()
    assert 0 == orchestrate.finish(first).returncode
    assert "> One\n" in (root / "master_plan.md").read_text(encoding="utf-8")


def _wait_for_call(planner: Path, process: subprocess.Popen[str]) -> None:
    wait_until(lambda: (planner / "barrier-both").exists() or process.poll() is not None)
