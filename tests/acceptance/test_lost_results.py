"""Results that are gone or damaged by the time something is made from them: never half an input (promises 2, 6, 9)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, front_of, result_of, write_plan
from tests.executors.harness import wait_until

#: Takes away what the first task answered, each time.
THIEF = 'rm "$ORCHESTRATOR_DIR/results/agent-01-result.md"'
#: Only when it is there for the first time.
ONCE = f"test -e stolen || {{ touch stolen; {THIEF}; }}"


@pytest.mark.parametrize("left", [5000, 300, 0])
def test_what_was_cut_short_is_done_again_first(orchestrate: Orchestrate, gate: Gate, root: Path, left: int) -> None:
    """Half an answer is none; what there is of it is kept beside."""
    write_plan(root, {"T-01": "seq 2000", "T-02": gate.wait, "T-03": ("wc -l", "T-01, T-02")})
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    wait_until(lambda: "T-01 · completed" in (root / "journal.md").read_text(encoding="utf-8"))
    os.truncate(root / "results/agent-01-result.md", left)
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "2000" == answer_of(root, "T-03")
    assert [1, 2] == [each["number"] for each in front_of(root, "T-01")["attempts"]]
    put_off, last = front_of(root, "T-03")["attempts"]
    assert ("interrupted", "completed") == (put_off["status"], last["status"])
    assert "agent-01-result.md is damaged" in put_off["reason"]
    assert 0 == orchestrate("doctor", "--plan").returncode
    assert [] == orchestrate("run", "--json").started()


def test_what_an_agent_takes_away_is_done_again(orchestrate: Orchestrate, root: Path) -> None:
    """In the same run, with what was made from it."""
    write_plan(root, {"T-01": "echo one", "T-02": (ONCE, "T-01"), "T-03": ("cat", "T-01, T-02")})
    assert 0 == orchestrate("run").returncode
    assert "one" == answer_of(root, "T-03")


def test_a_directory_of_results_that_was_deleted_is_made_again(
    orchestrate: Orchestrate, gate: Gate, root: Path
) -> None:
    """And what lay in it is done again, as any result that somebody deletes while a run is at work."""
    write_plan(root, {"T-01": "echo one", "T-02": gate.wait, "T-03": ("cat", "T-01, T-02")})
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: "T-01 · completed" in (root / "journal.md").read_text(encoding="utf-8"))
    shutil.rmtree(root / "results")
    gate.open()
    ended = orchestrate.finish(run)
    assert 0 == ended.returncode, ended.stderr
    assert "one" == answer_of(root, "T-01") == answer_of(root, "T-03").strip()


def test_an_agent_that_takes_it_away_each_time_keeps_nothing_going(orchestrate: Orchestrate, root: Path) -> None:
    """Once for each task in a run; then it is said, and nothing that is not there is called done."""
    write_plan(root, {"T-01": "echo one", "T-02": (THIEF, "T-01"), "T-03": ("cat", "T-01, T-02")})
    ran = orchestrate("run")
    assert 1 == ran.returncode
    assert "agent-01-result.md is gone" in ran.stderr
    counts = orchestrate("status", "--json").counts
    assert {"pending": 1, "waiting": 1, "failed": 1} == counts


def test_what_is_gone_at_the_end_is_not_counted(orchestrate: Orchestrate, root: Path) -> None:
    """Nothing is made from it, so nobody else would notice before the next run."""
    write_plan(root, {"T-01": "echo one", "T-02": (THIEF, "T-01")})
    ran = orchestrate("run")
    assert 1 == ran.returncode
    assert "results/agent-01-result.md is gone; the next run does T-01 again" in ran.stderr
    assert "0 of 2 tasks completed" in ran.stderr


@pytest.mark.parametrize("lost", ["agent-01.attempt-1.json", "agent-01.*", "*.json"])
def test_a_record_that_is_gone_at_the_end_counts_for_nothing_either(
    orchestrate: Orchestrate, root: Path, lost: str
) -> None:
    """Without it nobody believes the result: the run says what each look after it says."""
    thief = f'rm "$ORCHESTRATOR_DIR"/logs/{lost}; echo two'
    write_plan(root, {"T-01": "echo one", "T-02": (thief, "T-01")})
    ran = orchestrate("run")
    assert 1 == ran.returncode
    assert "the record logs/agent-01.attempt-1.json is not there; the next run does T-01 again" in (ran.stderr)
    assert "0 of 2 tasks completed" in ran.stderr
    for _ in range(2):
        assert {"pending": 1, "waiting": 1} == orchestrate("status", "--json").counts
    write_plan(root, {"T-01": "echo one", "T-02": ("echo two", "T-01")})
    assert 0 == orchestrate("run").returncode


def test_with_only_it_is_left_to_the_person(orchestrate: Orchestrate, root: Path) -> None:
    """What was not asked for is not done again: the task fails, and says what is missing."""
    write_plan(root, {"T-01": "echo one", "T-02": ("echo two", "T-01"), "T-03": ("cat", "T-01, T-02")})
    assert 0 == orchestrate("run", "--only", "T-01").returncode
    write_plan(root, {"T-01": "echo one", "T-02": (THIEF, "T-01"), "T-03": ("cat", "T-01, T-02")})
    ran = orchestrate("run", "--only", "T-02,T-03")
    assert 1 == ran.returncode
    assert "the next run does that again first" in ran.stderr
    write_plan(root, {"T-01": "echo one", "T-02": ("echo two", "T-01"), "T-03": ("cat", "T-01, T-02")})
    assert 0 == orchestrate("run").returncode
    assert "one\n\ntwo" == answer_of(root, "T-03")


# ── what a merge left undone ──────────────────────────────────────────────────────────────────────────────────────────

LINES = {"T-01": "echo one", "T-02": ("cat; echo two", "T-01"), "T-03": ("cat", "T-02")}


def half_merge(root: Path, *, whole: str = "status: completed") -> int:
    """Put the marks of a merge around a part of a result; return the line of the first one."""
    path = root / "results/agent-02-result.md"
    text = path.read_text(encoding="utf-8")
    assert whole in text
    merged = f"<<<<<<< HEAD\n{whole}\n=======\n{whole}\n>>>>>>> b"
    path.write_text(text.replace(whole, merged, 1), encoding="utf-8")
    return text.partition(whole)[0].count("\n") + 1


@pytest.mark.parametrize(
    "whole", ["status: completed", "```text\none\ntwo\n```", "one\ntwo"], ids=["facts", "all", "text"]
)
def test_a_result_in_which_a_merge_is_unresolved_is_a_matter_for_a_person(
    orchestrate: Orchestrate, root: Path, whole: str
) -> None:
    """Nothing is made from it, nor is it done again and paid for twice; resolved, it counts as before.

    Also where two people corrected what an agent printed: the marks stand in our code block then.
    """
    write_plan(root, LINES)
    assert 0 == orchestrate("run").returncode
    before = result_of(root, "T-02")
    line = half_merge(root, whole=whole)
    merged = result_of(root, "T-02")
    said = f"results/agent-02-result.md:{line}: an unresolved merge conflict"
    for command in (["run"], ["run", "--dry-run"], ["validate"]):
        refused = orchestrate(*command)
        assert 2 == refused.returncode
        assert f"error: .orchestrator/{said}\n  hint: keep one of the two versions" in refused.stderr
    assert said in orchestrate("show", "T-02").stdout
    for look in (["status"], ["status", "--brief"], ["wait", "--timeout", "0"]):
        assert "next: orchestrator show T-02\n" in orchestrate(*look).stdout
    told = orchestrate("doctor", "--plan", "--json").json["breaches"]
    assert [said] == [f"{each['where']}: {each['found']}" for each in told if each["name"] == "result_conflict"]
    assert merged == result_of(root, "T-02")
    (root / "results/agent-02-result.md").write_text(before, encoding="utf-8")
    again = orchestrate("run", "--json")
    assert (0, []) == (again.returncode, again.started())


def test_a_merge_that_begins_while_a_run_is_at_work_is_handed_on_to_nobody(
    orchestrate: Orchestrate, root: Path
) -> None:
    """Nor is the task done again in the place of both versions; the run says what to do."""
    result = '"$ORCHESTRATOR_DIR/results/agent-01-result.md"'
    merge = f"printf '%s\\n' '<<<<<<< HEAD' '=======' '>>>>>>> b' >> {result}"
    write_plan(root, {"T-01": "echo one", "T-02": (merge, "T-01"), "T-03": ("cat", "T-01, T-02")})
    ran = orchestrate("run")
    assert 1 == ran.returncode
    line = result_of(root, "T-01").partition("<<<<<<<")[0].count("\n") + 1
    said = f"results/agent-01-result.md:{line}: an unresolved merge conflict"
    assert f"{said}; keep one of the two versions and remove the conflict marks" in ran.stderr
    assert 1 == len(front_of(root, "T-01")["attempts"])
    assert said in front_of(root, "T-03")["attempts"][0]["reason"]


def test_an_answer_that_shows_a_merge_is_an_answer_as_any_other(orchestrate: Orchestrate, root: Path) -> None:
    """What an agent printed stands in a code block of ours."""
    shown = "<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> b"
    write_plan(root, {"T-01": f"cat <<'END'\n{shown}\nEND", "T-02": ("cat", "T-01")})
    assert 0 == orchestrate("run").returncode
    (root / "index.json").unlink()
    again = orchestrate("run", "--json")
    assert (0, []) == (again.returncode, again.started())
    assert "result_conflict" not in orchestrate("doctor", "--plan", "--json").stdout
    assert shown == answer_of(root, "T-02")
