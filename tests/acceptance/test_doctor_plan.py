"""``doctor --plan``: what is not as it must be in a plan directory, and ``--fix``."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, front_of, write_plan
from tests.executors.harness import wait_until

THREE = {"T-01": "echo one", "T-02": ("cat; echo two", "T-01"), "T-03": ("cat", "T-02")}


@pytest.fixture
def p(tmp_path: Path) -> Path:
    """The plan directory."""
    return tmp_path / ".orchestrator"


@pytest.fixture
def finished(orchestrate: Orchestrate, p: Path) -> Path:
    """A plan of which everything is completed."""
    write_plan(p, THREE)
    assert 0 == orchestrate("run").returncode
    return p


def found(answer: Answer) -> dict[str, tuple[str, str, str | None]]:
    """Level, place and repair of everything that was found, by its name."""
    return {each["name"]: (each["level"], each["where"], each["repair"]) for each in answer.json["breaches"]}


def test_a_healthy_plan_has_nothing_to_say(orchestrate: Orchestrate, finished: Path) -> None:
    """Status 0, the same checks as ever and one line more; nothing is written."""
    before = everything(finished)
    doctor = orchestrate("doctor", "--plan")
    assert (0, before) == (doctor.returncode, everything(finished))
    *others, last = doctor.stdout.splitlines()
    assert "✅ everything in the plan directory is as it must be" == last
    assert others == orchestrate("doctor").stdout.splitlines()
    told = orchestrate("doctor", "--plan", finished, "--json").json
    assert (True, "ok", [], []) == (told["ok"], told["code"], told["breaches"], told["repaired"])
    assert "breaches" not in orchestrate("doctor", "--json").json


@pytest.mark.parametrize("flags", [["--simulate"], ["--retries", "1"], ["--timeout", "0.3s"], ["--on-failure", "stop"]])
def test_no_way_to_end_is_taken_for_damage(orchestrate: Orchestrate, p: Path, flags: list[str]) -> None:
    """Failures, retries, timeouts, skipped and simulated tasks are outcomes like any other."""
    rows = {"T-03": "exit 3", "T-04": ("true", "T-03"), "T-05": "kill -9 $$", "T-06": "sleep 0.5"}
    write_plan(p, {**THREE, **rows, "T-07": "true"}, max_parallel=2)
    orchestrate("run", *flags)
    assert {} == found(orchestrate("doctor", "--plan", "--json"))
    orchestrate("run", *flags)
    assert {} == found(orchestrate("doctor", "--plan", "--json"))


def test_what_is_wrong_is_named_with_its_place_and_what_to_do(orchestrate: Orchestrate, finished: Path) -> None:
    """Status 1: a run copes with it. Every line of text says where."""
    (finished / "results" / "agent-02-result.md").write_text("---\nschema: 1\ntask: T-0")
    told = orchestrate("doctor", "--plan", "--json")
    assert (1, False, "broken_invariants") == (told.returncode, told.json["ok"], told.json["code"])
    expected = ("warning", "results/agent-02-result.md", "set_aside")
    assert {"result_damaged": expected} == found(told)
    text = orchestrate("doctor", "--plan")
    assert 1 == text.returncode
    assert "⚠️ result_damaged  results/agent-02-result.md: its front matter is" in text.stdout
    assert "   --fix repairs it\n" in text.stdout


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("<!-- orchestrator:answer -->", "the mark <!-- orchestrator:answer --> is missing"),
        ("<!-- /orchestrator:answer -->", "the mark <!-- /orchestrator:answer --> is missing"),
        ("```", "the line ``` before the mark <!-- /orchestrator:answer --> is missing"),
    ],
)
def test_a_mark_that_a_correction_took_away_is_named(
    orchestrate: Orchestrate, finished: Path, line: str, said: str
) -> None:
    """Whoever corrected the answer and deleted a line too many finds it there, and not in the front matter."""
    path = finished / "results" / "agent-02-result.md"
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(f"\n{line}\n", "\n"), encoding="utf-8")
    text = orchestrate("doctor", "--plan")
    assert f"⚠️ result_damaged  results/agent-02-result.md: {said}\n" in text.stdout
    path.write_text(whole, encoding="utf-8")
    assert 0 == orchestrate("doctor", "--plan").returncode


def test_a_repair_says_what_it_did_and_is_done_once(orchestrate: Orchestrate, finished: Path) -> None:
    """The damaged file lies beside, the answer is taken from the log, and the next repair has nothing to do."""
    result = finished / "results" / "agent-02-result.md"
    result.write_bytes(b"\0\xff\x1b[31m")
    fixed = orchestrate("doctor", "--plan", "--fix", "--json")
    assert (0, "ok") == (fixed.returncode, fixed.json["code"])
    assert [
        ("result_damaged", "moved aside to results/agent-02-result.md.damaged-1"),
        ("result", "attempt 1 of T-02 taken from its log: completed"),
    ] == [(each["name"], each["done"]) for each in fixed.json["repaired"]]
    assert "one\ntwo" == answer_of(finished, "T-02")
    assert b"\0\xff\x1b[31m" == (finished / "results" / f"{result.name}.damaged-1").read_bytes()
    again = orchestrate("doctor", "--fix")
    assert (0, False) == (again.returncode, "🔧" in again.stdout)
    assert "ℹ️ set_aside  results/agent-02-result.md.damaged-1" in again.stdout
    run = orchestrate("run", "--json")
    assert (0, []) == (run.returncode, run.started())


def test_an_answer_that_could_not_be_taken_from_its_log_is_named(orchestrate: Orchestrate, finished: Path) -> None:
    """Its result was moved aside, and another task file keeps the plan from being looked at: nothing is passed over."""
    (finished / "results" / "agent-02-result.md").write_bytes(b"\0")
    task_file = finished / "agent_tasks" / "agent-01.md"
    text = task_file.read_text(encoding="utf-8")
    task_file.write_text(f"---\nagent: nobody\n---\n{text}", encoding="utf-8")
    fixed = orchestrate("doctor", "--plan", "--fix", "--json")
    assert 2 == fixed.returncode
    assert [("result", "results/agent-02-result.md")] == [
        (each["name"], each["where"]) for each in fixed.json["not_repaired"]
    ]


def test_a_broken_plan_is_named_line_by_line(orchestrate: Orchestrate, finished: Path) -> None:
    """Every problem, not only the first; status 2; a repair leaves it to the person."""
    plan = finished / "master_plan.md"
    text = plan.read_text(encoding="utf-8").replace("| T-01 |\n", "| T-08 |\n")
    plan.write_text(text.replace("| T-02 |\n", "| T-09 |\n"), encoding="utf-8")
    for flags in (["--plan"], ["--plan", "--fix"]):
        told = orchestrate("doctor", *flags, "--json")
        assert (2, "checks_failed") == (told.returncode, told.json["code"])
        problems = [each for each in told.json["breaches"] if each["level"] == "failed"]
        assert {"plan_unknown_dependency"} == {each["name"] for each in problems}
        assert 2 == len({each["where"] for each in problems})
        assert all(each["where"].startswith("master_plan.md:") for each in problems)


def test_no_false_alarm_while_a_run_is_at_work(orchestrate: Orchestrate, gate: Gate, p: Path) -> None:
    """Whenever one looks. A repair is refused, and nothing is changed."""
    rows = {f"T-{number:02}": "echo quick" for number in range(2, 42)}
    write_plan(p, {"T-01": gate.wait, **rows, "T-42": ("cat", "T-02")}, max_parallel=3)
    run = orchestrate.start("run")
    gate.await_task(run)
    for _ in range(4):
        told = orchestrate("doctor", "--plan", "--json")
        assert (0, {}) == (told.returncode, found(told))
    wait_until(lambda: "T-42 · completed" in (p / "journal.md").read_text(encoding="utf-8"))
    before = (p / "run.lock").read_bytes()
    refused = orchestrate("doctor", "--fix", "--json")
    assert (3, "busy") == (refused.returncode, refused.json["code"])
    assert str(run.pid) in refused.json["message"]
    assert before == (p / "run.lock").read_bytes()
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert {} == found(orchestrate("doctor", "--plan", "--json"))


def test_what_a_killed_run_left_is_taken_over(orchestrate: Orchestrate, gate: Gate, p: Path) -> None:
    """An answer that was complete is taken from its log, as the next run would; what was cut short is left to it."""
    write_plan(p, {"T-01": gate.wait, "T-02": "echo two"}, max_parallel=2)
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: "T-02 · completed" in (p / "journal.md").read_text(encoding="utf-8"))
    wait_until((p / "results" / "agent-01-result.md").exists)
    run.kill()
    orchestrate.finish(run)
    wait_until((p / "logs" / "agent-01.attempt-1.json").exists)
    answer = orchestrate("doctor", "--plan", "--json")
    told = found(answer)
    assert {"dead_run", "stale_running"} == set(told)
    # Nobody is to believe that its answer is saved.
    assert "attempt 1 was cut short when its runner died" in answer.stdout
    fixed = orchestrate("doctor", "--fix", "--json")
    assert (0, []) == (fixed.returncode, fixed.json["breaches"])
    assert "attempt 1 of T-01 taken from its log: interrupted" in fixed.stdout
    assert "pending" == front_of(p, "T-01")["status"]
    assert "interrupted" == front_of(p, "T-01")["attempts"][0]["status"]
    again = orchestrate.start("run", "--json")
    gate.await_task(again)
    gate.open()
    ended = orchestrate.finish(again)
    assert (0, ["T-01"]) == (ended.returncode, ended.started())


def test_a_process_that_is_left_is_named_and_ended(orchestrate: Orchestrate, finished: Path) -> None:
    """Only one that carries the mark of a run of this very plan."""
    mark = {"ORCHESTRATOR_RUN_ID": "0123456789ab", "ORCHESTRATOR_TASK_ID": "T-02"}
    ours, other = (
        subprocess.Popen(["/bin/sleep", "1000"], env={**mark, "ORCHESTRATOR_DIR": str(directory)})
        for directory in (finished, finished.parent)
    )
    try:
        told = found(orchestrate("doctor", "--plan", "--json"))
        assert {"left_process": ("warning", f"pid {ours.pid}", "end")} == told
        fixed = orchestrate("doctor", "--fix", "--json")
        assert [f"pid {ours.pid}"] == [each["where"] for each in fixed.json["repaired"]]
        assert (-9, None) == (ours.wait(), other.poll())
    finally:
        for process in (ours, other):
            process.kill()
            process.wait()


def test_a_plan_that_is_checked_must_be_there(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """``--plan`` is about a plan; and a directory that is none is not made into one."""
    told = orchestrate("doctor", "--plan", "--json")
    assert (2, "not_found") == (told.returncode, told.json["code"])
    (tmp_path / "empty").mkdir()
    told = orchestrate("doctor", "--fix", "empty", "--json")
    assert (2, "plan_missing") == (told.returncode, told.json["breaches"][0]["name"])
    assert [] == list((tmp_path / "empty").iterdir())


def test_what_was_found_is_shown_as_data(orchestrate: Orchestrate, finished: Path) -> None:
    """A name with escapes in it reaches no terminal."""
    (finished / "logs" / "a\x1b]0;title\x07\nb.txt").write_text("")
    text = orchestrate("doctor", "--plan")
    assert 0 == text.returncode
    assert "\x1b" not in text.stdout
    assert "\nb.txt" not in text.stdout
    assert json.dumps("odd_name") in orchestrate("doctor", "--plan", "--json").stdout
