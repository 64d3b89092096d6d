"""What ``status`` says below the tasks: how the last run ended where they do not show it, and what to do next."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan

NEXT = "next: orchestrator "


def last_lines(orchestrate: Orchestrate, root: Path) -> list[str]:
    """What stands below the table."""
    told = orchestrate("status")
    assert (0, "") == (told.returncode, told.stderr)
    lines = told.stdout.splitlines()
    rows = [place for place, line in enumerate(lines) if line.startswith(("T-", " "))]
    return lines[rows[-1] + 1 :]


def test_when_all_is_done_the_final_output_is_named(orchestrate: Orchestrate, root: Path) -> None:
    """Before any run nothing is: it may be a list for people."""
    write_plan(root, {"T-01": "echo one"})
    assert [] == last_lines(orchestrate, root)
    assert 0 == orchestrate("run").returncode
    assert ["next: read .orchestrator/final_output.md"] == last_lines(orchestrate, root)
    told = orchestrate("status", "--json").json
    assert ("ended", "read .orchestrator/final_output.md") == (told["phase"], told["next"])
    assert "1 of 1 tasks completed" in told["word"]


def test_a_final_output_that_lacks_an_answer_is_not_to_be_read(orchestrate: Orchestrate, root: Path) -> None:
    """The next run puts it together anew, and runs nothing."""
    write_plan(root, {"T-01": "true", "T-02": "true"})
    orchestrate("block", "T-02")
    assert 1 == orchestrate("run").returncode
    orchestrate("unblock", "T-02")
    orchestrate("complete", "T-02", "by me")
    assert "next: orchestrator run --detach" in orchestrate("status").stdout
    assert [] == orchestrate("run", "--json").started()
    assert "by me" in (root / "final_output.md").read_text(encoding="utf-8")
    assert "next: read .orchestrator/final_output.md" in orchestrate("status").stdout


def test_why_a_result_that_lies_there_does_not_count_is_said_before_any_run(
    orchestrate: Orchestrate, root: Path
) -> None:
    """A task that was done shows as pending: damaged, or half merged, with the line."""
    write_plan(root, {"T-01": "echo one"})
    assert 0 == orchestrate("run").returncode
    path = root / "results" / "agent-01-result.md"
    whole = path.read_text(encoding="utf-8")
    for text, why in (
        ("cut", " is damaged and is not counted"),
        (f"{whole}<<<<<<< ours\n", ":{line}: an unresolved merge conflict"),
    ):
        path.write_text(text, encoding="utf-8")
        reason = f"results/{path.name}{why.format(line=len(text.splitlines()))}"
        assert reason in map(str.strip, orchestrate("status").stdout.splitlines())
        assert f"⚠️ T-01 · {reason}\n" in orchestrate("status", "--brief").stdout
        assert f"  echo one  {reason}\n" in orchestrate("list").stdout
        assert reason == orchestrate("list", "--json").json["tasks"][0]["reason"]


def test_all_plans_are_those_below_and_the_own_one(orchestrate: Orchestrate, root: Path) -> None:
    """Also where there are none below, and where all of those are over."""
    write_plan(root, {"T-01": "true"})
    assert orchestrate("status").stdout == orchestrate("status", "--all").stdout
    assert 1 == orchestrate("status", "--all", "--json").json["total"]
    orchestrate("create", "Over")
    orchestrate("transition", "TASK-001", "reject")
    told = orchestrate("status", "--all").stdout
    assert told.startswith(orchestrate("status").stdout)
    assert "REJECTED" in told
    (listed,) = orchestrate("status", "--all", "--json").json["tasks"]
    assert "TASK-001" == listed["task_id"]


def test_of_plans_below_only_those_at_work_are_told(orchestrate: Orchestrate, root: Path) -> None:
    """That none is says nothing of the plan itself, whose tasks stand right above."""
    write_plan(root, {"T-01": "true"})
    alone = orchestrate("status").stdout
    write_plan(root / "next", {"T-01": "true"})
    assert "next" in orchestrate("status").stdout.removeprefix(alone)
    assert 0 == orchestrate("run", "next").returncode
    told = orchestrate("status")
    assert (alone, "") == (told.stdout, told.stderr)


def test_a_plan_that_nobody_has_approved_leads_to_whoever_approves_it(orchestrate: Orchestrate) -> None:
    """And to no command that is refused."""
    orchestrate("create", "Shop")
    orchestrate("add", "echo one", "--agent", "shell", "--dir", "TASK-001")
    approve = "orchestrator transition TASK-001 approve"
    waited = orchestrate("wait", "TASK-001")
    assert (2, True, False) == (waited.returncode, approve in waited.stderr, "--detach" in waited.stderr)
    head, *_, step, _ = orchestrate("status", "TASK-001", "--brief").stdout.splitlines()
    assert head.startswith("📝 PLANNING · ⏸️ never run · ")
    assert f"{NEXT}status TASK-001" == step
    told = orchestrate("status", "TASK-001").stdout
    assert told.endswith(f"TASK-001 is PLANNING: nobody has approved it yet: {approve}\n")
    orchestrate("transition", "TASK-001", "reject")
    assert "--detach" not in orchestrate("wait", "TASK-001").stderr


def test_what_waits_again_by_command_is_not_told_as_done(orchestrate: Orchestrate, root: Path) -> None:
    """Neither what was reset nor what was made from it: of that one no line tells."""
    write_plan(root, {"T-01": "true", "T-02": "true", "T-03": ("true", "T-02")})
    assert 0 == orchestrate("run").returncode
    assert 0 == orchestrate("retry", "T-02").returncode
    assert "✅ completed: T-01\n" in orchestrate("status", "--brief").stdout


def test_what_nobody_knows_the_cost_of_is_told(orchestrate: Orchestrate, root: Path) -> None:
    """A program of somebody's own has no session, and may cost something all the same."""
    write_plan(root, {"T-01": "Look at the tests"}, agent="mine")
    orchestrate("agent", "register", "mine", "--command", "cat {prompt_file}")
    assert 0 == orchestrate("run").returncode
    assert "1 attempt of unknown cost" in orchestrate("status").stdout


def test_after_a_failure_it_is_what_to_look_at(orchestrate: Orchestrate, root: Path) -> None:
    """Why it failed stands in the table; the command can be called as it stands."""
    write_plan(root, {"T-01": "exit 3", "T-02": "echo two"})
    assert 1 == orchestrate("run").returncode
    assert [f"{NEXT}show T-01"] == last_lines(orchestrate, root)
    assert f"{NEXT}show T-01 --dir .orchestrator\n" in orchestrate("status", ".orchestrator").stdout


def test_a_failure_leads_to_what_was_printed_of_it(orchestrate: Orchestrate, root: Path) -> None:
    """Standard error, or standard output where that is empty: in every table and at the end of the run."""
    write_plan(root, {"T-01": "echo no luck >&2; exit 3", "T-02": "echo bad; exit 3"})
    run = orchestrate("run")
    texts = [orchestrate("status").stdout, run.stderr]
    texts += [(root / name).read_text() for name in ("master_plan.md", "final_output.md")]
    for text in texts:
        assert "logs/agent-01.attempt-1.err" in text
        assert "logs/agent-02.attempt-1.out" in text
        assert "logs/agent-01.attempt-1.out" not in text
        assert "logs/agent-02.attempt-1.err" not in text
    result = (root / "results" / "agent-01-result.md").read_text()
    assert "- **Log**: [../logs/agent-01.attempt-1.err](../logs/agent-01.attempt-1.err)" in result


def test_who_has_a_task_in_hand_and_how_far_is_told(orchestrate: Orchestrate, root: Path) -> None:
    """Wherever it stands as running, and not as blocked at the end of a run."""
    write_plan(root, {"T-01": "echo one", "T-02": ("echo two", "T-01"), "T-03": "echo three"})
    assert 0 == orchestrate("start", "T-03", "--progress", "40", "--as", "bo").returncode
    status = orchestrate("status").stdout
    assert re.search(r"^T-03 .* echo three · by bo · 40%$", status, re.MULTILINE)
    assert {"T-03": "by bo · 40%"} == orchestrate("status", "--json").json["news"]
    listed = orchestrate("list").stdout.splitlines()
    assert listed[1].endswith("echo two    ← T-01")
    assert listed[2].endswith("echo three  by bo · 40%")
    (attempt,) = orchestrate("history", "T-03", "--json").json["attempts"]
    assert ("running", True) == (attempt["status"], attempt["duration"] > 0)
    assert re.search(r"^  1  running  \S+  [^·]*[1-9]", orchestrate("show", "T-03").stdout, re.MULTILINE)
    run = orchestrate("run")
    assert "🔵 T-03 is being done by bo · 40%\n" in run.stderr
    assert "| by bo · 40% |" in (root / "master_plan.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("ending", "said", "alert"),
    [
        (signal.SIGINT, "🛑 stopped: SIGINT", ""),
        (signal.SIGTERM, "🛑 stopped: SIGTERM", "was ended by SIGTERM with work left"),
        (signal.SIGKILL, "❌ died", "died with work left"),
    ],
)
def test_a_run_that_did_not_come_to_its_end_is_named(
    orchestrate: Orchestrate, root: Path, ending: signal.Signals, said: str, alert: str
) -> None:
    """In one line, and what makes it go on; while it is at work, that it is. Whoever presses Ctrl-C knows it."""
    gate = Gate(root.parent / "gate")
    write_plan(root, {"T-01": gate.wait}, grace=0)
    run = orchestrate.start("run")
    gate.await_task(run)
    assert [f"is at work (pid {run.pid})"] == [line.split(" ", 2)[2] for line in last_lines(orchestrate, root)]
    os.kill(run.pid, ending)
    orchestrate.finish(run)
    line, step = last_lines(orchestrate, root)
    assert line.startswith("Last run ")
    assert line.split(" ", 3)[3].startswith(said)
    assert f"{NEXT}run --detach" == step
    phase = "died" if "died" in said else "stopped"
    assert phase == orchestrate("status", "--json").json["phase"]
    checked = orchestrate("check")
    told = f"🚨 died .orchestrator: run {line.split()[2]} {alert}\n" if alert else ""
    assert (bool(alert), told) == (
        checked.returncode == 1,
        "".join(each for each in checked.stdout.splitlines(keepends=True) if "🚨" in each),
    )


@pytest.mark.parametrize("ahead", [0, 86_400], ids=["now", "a clock ahead"])
def test_the_next_step_never_names_an_output_that_lacks_a_correction(
    orchestrate: Orchestrate, root: Path, ahead: int
) -> None:
    """Corrected in place, also by whose clock is ahead: run puts it together anew, once, and starts nothing."""
    write_plan(root, {"T-01": "echo one"})
    assert 0 == orchestrate("run").returncode
    output, result = root / "final_output.md", root / "results" / "agent-01-result.md"
    with result.open("r+b") as file:
        text = file.read().replace(b"\none\n", b"\ntwo\n")
        file.seek(0)
        file.write(text)
    timestamp = output.stat().st_mtime_ns + 10**9 * max(ahead, 1)
    os.utime(result, ns=(timestamp, timestamp))
    for directory in (root, root / "results"):
        os.utime(directory, ns=(2 * timestamp, 2 * timestamp))  # says nothing: an editor was there
    assert "run --detach" in orchestrate("status", "--brief").stdout
    assert "0 of 1 tasks to run" in orchestrate("run").stderr
    assert "\ntwo\n" in output.read_text(encoding="utf-8")
    assert "next: read" in orchestrate("status", "--brief").stdout
