"""A plan that makes no sense is refused, with file and line, and nothing is touched (promise 22)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance.broken_plans import BROKEN, HEAD, Broken, task
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, everything, write_plan, write_task


def plant(directory: Path, broken: Broken) -> None:
    for name, content in {"master_plan.md": broken.plan, **broken.files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_plan_that_makes_no_sense_is_not_run(orchestrate: Orchestrate, tmp_path: Path, broken: Broken) -> None:
    """It is said what is wrong, in which line of which file, and what to do; nothing is written or started."""
    plant(tmp_path / "p", broken)
    before = everything(tmp_path)
    run = orchestrate("run", "p", "--json")
    assert (2, False, broken.code) == (run.returncode, run.json["ok"], run.json["code"])
    (problem,) = run.json["problems"]
    assert (broken.code, broken.where) == (problem["code"], problem["where"])
    assert re.search(broken.message, problem["message"])
    assert re.search(broken.hint, problem["hint"])
    assert f"{problem['where']}: {problem['message']}" == run.json["message"]
    assert "" == run.stderr
    assert before == everything(tmp_path)


@pytest.mark.parametrize("kind", ["cycle", "unknown agent", "task file with a bad setting", "no rows"])
@pytest.mark.parametrize("command", ["run", "validate"])
def test_people_are_told_what_programs_are_told(
    orchestrate: Orchestrate, tmp_path: Path, command: str, kind: str
) -> None:
    """``validate`` finds what ``run`` finds; without ``--json`` it is told on stderr, in two lines."""
    broken = BROKEN[kind]
    plant(tmp_path / "p", broken)
    before = everything(tmp_path)
    asked = orchestrate(command, "p")
    assert (2, "") == (asked.returncode, asked.stdout)
    error, hint = asked.stderr.splitlines()
    assert error.startswith(f"error: {broken.where}: ")
    assert re.search(broken.message, error)
    assert hint.startswith("  hint: ")
    assert re.search(broken.hint, hint)
    assert before == everything(tmp_path)


def test_a_simulation_is_as_strict(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """An agent that nobody knows is refused before anything is written, also when no agent would be started."""
    plant(tmp_path / "p", BROKEN["unknown agent"])
    before = everything(tmp_path)
    run = orchestrate("run", "p", "--simulate", "--json")
    assert (2, "unknown_agent") == (run.returncode, run.json["code"])
    assert before == everything(tmp_path)


def test_every_problem_is_told_at_once(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Whoever mends a plan need not ask again for the next problem."""
    rows = "| T-01 | a | T-09 | |\n| T-01 | b | None | |\n| b@d | c | None | |"
    plan = tmp_path / "p" / "master_plan.md"
    plan.parent.mkdir()
    plan.write_text(f"---\nretries: -1\n---\n{HEAD}{rows}\n", encoding="utf-8")
    checked = orchestrate("validate", "p", "--json")
    found = [(each["code"], each["where"]) for each in checked.json["problems"]]
    assert [
        ("bad_setting", "p/master_plan.md:2"),
        ("unknown_dependency", "p/master_plan.md:6"),
        ("duplicate_id", "p/master_plan.md:7"),
        ("bad_id", "p/master_plan.md:8"),
    ] == found
    told = orchestrate("validate", "p")
    assert 4 == told.stderr.count("error: ") == told.stderr.count("hint: ")
    assert "" == told.stdout


def test_a_long_cycle_is_found_quickly(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """The path of five thousand tasks is shortened to what a person reads."""
    tasks = {f"t{number}": ("true", f"t{number - 1}") for number in range(1, 5000)}
    write_plan(tmp_path / "p", {"t0": ("true", "t4999"), **tasks})
    checked = orchestrate("validate", "p", "--json")
    assert (2, "cycle") == (checked.returncode, checked.json["code"])
    assert re.search(r"cycle of 5000 tasks: t\d+ → .* → … → .* → t\d+$", checked.json["message"])
    assert len(checked.json["message"]) < 300


def test_everything_that_is_wrong_is_told_at_once(orchestrate: Orchestrate, root: Path) -> None:
    """A cycle beside unknown ids, and the files of the tasks: nobody mends one only to hear of the next."""
    plan = "| T-01 | a | T-02 | |\n| T-02 | b | T-01, T-02 | |\n| T-03 | c | T-99 | gpt |"
    root.mkdir()
    (root / "master_plan.md").write_text(task(plan), encoding="utf-8")
    write_task(root, "T-01", "do it", timeout="soon")
    told = orchestrate("validate", "--json")
    assert 2 == told.returncode
    assert {
        "self_dependency": ".orchestrator/master_plan.md:7",
        "unknown_dependency": ".orchestrator/master_plan.md:8",
        "cycle": ".orchestrator/master_plan.md:6",
        "bad_setting": ".orchestrator/agent_tasks/agent-01.md:2",
        "unknown_agent": ".orchestrator/master_plan.md:8",
    } == {each["code"]: each["where"] for each in told.json["problems"]}


def test_marks_of_a_merge_that_code_shows_are_no_merge(orchestrate: Orchestrate, root: Path) -> None:
    """A task may be about them: its file is run as it stands."""
    write_plan(root, {"T-01": "cat"})
    shown = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> b"
    write_task(root, "T-01", f"```sh\ncat <<'END'\n{shown}\nEND\n```\n\n  ~~~\n{shown}\n  ~~~\n")
    assert 0 == orchestrate("run").returncode
    assert shown == answer_of(root, "T-01")
