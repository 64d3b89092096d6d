"""Runs at their time without cron and systemd: ``run --at`` and ``run --every``; and runs that do all afresh."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE

import pytest

from orchestrator.store.process import start_time, this_process
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, everything, write_plan
from tests.executors.harness import wait_gone, wait_until

#: Every run of it leaves a line.
PLAN = {"T-01": "echo x >> done", "T-02": ("true", "T-01")}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "my shop" / ".orchestrator"
    root.parent.mkdir()
    write_plan(root, PLAN)
    return root


def runs(root: Path) -> int:
    done = root.parent / "done"
    return len(done.read_text().splitlines()) if done.exists() else 0


def until_said(process: subprocess.Popen[str], words: str) -> str:
    """Read what a run says until these words come."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it never said {words!r}: {said}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_waits_for_its_time_and_holds_nothing(
    orchestrate: Orchestrate, root: Path, number: signal.Signals
) -> None:
    before = everything(root)
    process = orchestrate.start("run", root, "--at", "2099-01-01T07:30")
    assert "waits until 2099-01-01 07:30:00" in until_said(process, "waits until")
    after = everything(root)
    assert {"waiting", f"waiting/{process.pid}.json"} == after.keys() - before.keys()
    assert before.items() - after.items() == {(".", before["."])}
    assert 0 == orchestrate("run", root, "--only", "T-01").returncode
    process.send_signal(number)
    assert 128 + number == orchestrate.finish(process).returncode
    assert 1 == runs(root)


def test_a_time_that_has_come_starts_at_once(orchestrate: Orchestrate, root: Path) -> None:
    assert 0 == orchestrate("run", root, "--at", orchestrate.this_minute()).returncode
    assert 1 == runs(root)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("--at: '25:00' is not a time", ["--at", "25:00"]),
        ("--at: '' is not a time", ["--at", ""]),
        ("--at: '2020-01-01' is over", ["--at", "2020-01-01"]),
        ("is after every calendar", ["--at", "9999-12-31T23:59Z"]),
        ("'soon' is not a duration", ["--every", "soon"]),
        ("less than a second", ["--every", "0"]),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    orchestrate: Orchestrate, root: Path, said: str, words: list[str]
) -> None:
    answer = orchestrate("run", root, *words)
    assert 2 == answer.returncode
    assert said in answer.stderr


def test_what_is_wrong_with_the_plan_is_said_before_it_waits(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": ("true", "T-09")})
    assert 2 == orchestrate("run", root, "--at", "2099-01-01").returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_rounds_end_with_a_signal_and_hold_nothing_meanwhile(
    orchestrate: Orchestrate, root: Path, number: signal.Signals
) -> None:
    process = orchestrate.start("run", root, "--every", "1h")
    until_said(process, "waits until")
    assert 1 == runs(root)
    assert 0 == orchestrate("run", root, "--fresh").returncode
    process.send_signal(number)
    assert 128 + number == orchestrate.finish(process).returncode
    assert 2 == runs(root)


def test_the_next_round_comes(orchestrate: Orchestrate, root: Path) -> None:
    process = orchestrate.start("run", root, "--every", "1s", "--fresh")
    wait_until(lambda: runs(root) >= 2)
    process.terminate()
    assert 143 == orchestrate.finish(process).returncode


@pytest.mark.parametrize(("every", "hours"), [("1d", 25), ("12h", 13), ("1h", 1)])
def test_a_daily_round_begins_at_the_same_time_after_the_clocks_change(
    orchestrate: Orchestrate, root: Path, every: str, hours: int
) -> None:
    """Here summer time ends in half an hour, and a minute has just begun."""
    began = datetime.now(UTC).replace(microsecond=0)
    summer = began + timedelta(hours=1, seconds=-began.second)
    dates = (summer - timedelta(days=60), summer + timedelta(minutes=30))
    rules = ",".join(f"{each.timetuple().tm_yday - 1}/{each:%H:%M:%S}" for each in dates)
    west = timedelta(hours=1, seconds=-began.second)
    orchestrate.environment["TZ"] = f"XXX0:00:{began.second:02}YYY-{west},{rules}"
    process = orchestrate.start("run", root, "--at", f"{summer:%H:%M}", "--every", every)
    until_said(process, "waits until")
    until_said(process, "waits until")  # once more, after the first round
    (waiting,) = orchestrate("status", root, "--json").json["waiting"]
    process.terminate()
    assert 143 == orchestrate.finish(process).returncode
    after = datetime.fromisoformat(waiting["until"]) - began
    assert timedelta(hours=hours) <= after < timedelta(hours=hours, minutes=1)


@pytest.mark.parametrize("is_gone", [False, True])
def test_rounds_end_with_their_plan(orchestrate: Orchestrate, root: Path, *, is_gone: bool) -> None:
    """One that is over is never run again, and one that was moved away is not made anew."""
    elsewhere = root.parent / "elsewhere"
    over = f"sed -i '/^agent:/a status: completed' {shlex.quote(str(root))}/master_plan.md"
    ending = f"mv {shlex.quote(str(root))} {shlex.quote(str(elsewhere))}" if is_gone else over
    process = orchestrate.start("run", root, "--every", "3s", "--fresh")
    until_said(process, "waits until")
    subprocess.run(ending, shell=True, check=True)
    ended = orchestrate.finish(process)
    assert 2 == ended.returncode
    assert 1 == ended.stderr.count("error: ")
    assert is_gone is not root.exists()


def test_a_round_that_finds_the_plan_held_is_left_out(orchestrate: Orchestrate, root: Path) -> None:
    gate = Gate(root.parent / "gate")
    write_plan(root, {"T-01": gate.wait})
    first = orchestrate.start("run", root)
    gate.await_task(first)
    rounds = orchestrate.start("run", root, "--every", "1h")
    assert "holds this plan" in until_said(rounds, "waits until")
    rounds.terminate()
    assert 143 == orchestrate.finish(rounds).returncode
    gate.open()
    assert 0 == orchestrate.finish(first).returncode


def test_a_detached_run_waits_too(orchestrate: Orchestrate, root: Path) -> None:
    answer = orchestrate("run", root, "--detach", "--at", "2099-01-01T07:30", "--json").json
    pid = answer["pid"]
    try:
        assert "waits until 2099-01-01 07:30:00" in answer["message"]
        assert "" == answer["run"]
        assert f"orchestrator stop {shlex.quote(str(root))}" == answer["next"]
        assert "waits until" in Path(answer["log"]).read_text(encoding="utf-8")
    finally:
        os.kill(pid, signal.SIGTERM)
    wait_gone(pid)
    assert 0 == runs(root)


def test_detached_rounds_answer_with_the_first_run(orchestrate: Orchestrate, root: Path) -> None:
    answer = orchestrate("run", root, "--detach", "--every", "1h", "--json").json
    try:
        assert 12 == len(answer["run"])
        log = Path(answer["log"])
        wait_until(lambda: "waits until" in log.read_text(encoding="utf-8"))
    finally:
        os.kill(answer["pid"], signal.SIGTERM)
    wait_gone(answer["pid"])
    assert 1 == runs(root)


def test_who_waits_is_shown_and_stopped(orchestrate: Orchestrate, root: Path) -> None:
    """It holds no lock, and yet it is neither forgotten nor left behind; of what it said nothing stays."""
    answer = orchestrate("run", root, "--detach", "--at", "2099-01-01T07:30", "--json").json
    looked = orchestrate("status", root, "--json").json
    assert [answer["pid"]] == [each["pid"] for each in looked["waiting"]]
    assert looked["run"] is None
    assert f"A run waits until 2099-01-01 07:30:00 UTC (pid {answer['pid']})\n" in (orchestrate("status", root).stdout)
    # Whoever follows these lines would start at once what was to begin at its time.
    assert f"orchestrator status {shlex.quote(str(root))}" == looked["next"]
    brief = orchestrate("status", root, "--brief").stdout
    assert "a run waits until 2099-01-01 07:30:00Z" in brief
    assert f"next: {looked['next']}\n" in brief
    assert "a run waits for its time" in orchestrate("wait", root).stderr
    stopped = orchestrate("stop", root)
    assert 0 == stopped.returncode
    assert f"process {answer['pid']}, waiting until 2099-01-01 07:30:00 UTC, was told to stop\n" == stopped.stderr
    assert "" == stopped.stdout
    wait_gone(answer["pid"])
    assert not (root / "waiting").exists()
    again = orchestrate("stop", root)
    assert 2 == again.returncode
    assert "none waits for its time" in again.stderr


def test_rounds_are_stopped_between_two_of_them(orchestrate: Orchestrate, root: Path) -> None:
    answer = orchestrate("run", root, "--detach", "--every", "1h", "--json").json
    wait_until(lambda: len(orchestrate("status", root, "--json").json["waiting"]) == 1)
    stopped = orchestrate("stop", root, "--json").json
    assert (True, "", []) == (stopped["ok"], stopped["run"], stopped["waiting"])
    wait_gone(answer["pid"])
    assert 1 == runs(root)


def test_the_run_at_work_is_stopped_before_one_that_waits(orchestrate: Orchestrate, root: Path) -> None:
    """A person who ends what runs now has not asked to end what comes tonight, and is told how to."""
    gate = Gate(root.parent / "gate")
    write_plan(root, {"T-01": gate.wait})
    waits = orchestrate.start("run", root, "--at", "2099-01-01T07:30")
    until_said(waits, "waits until")
    works = orchestrate.start("run", root)
    gate.await_task(works)
    first = orchestrate("stop", root)
    assert f"process {waits.pid}, waiting until 2099-01-01 07:30:00 UTC, is left alone" in (first.stderr)
    assert 143 == orchestrate.finish(works).returncode
    assert waits.poll() is None
    later = orchestrate.start("run", root, "--at", "2099-01-01T08:30")
    until_said(later, "waits until")
    second = orchestrate("stop", root)
    assert 0 == second.returncode
    assert " UTC, and process " in second.stderr
    assert ",," not in second.stderr
    assert [143, 143] == [orchestrate.finish(each).returncode for each in (waits, later)]


def test_one_that_waits_and_does_not_react_is_told_by_its_number(orchestrate: Orchestrate, root: Path) -> None:
    """It has no agents, and to call it once more changes nothing."""
    with subprocess.Popen(["sh", "-c", "trap '' TERM; echo; read line"], stdin=PIPE, stdout=PIPE) as deaf:
        assert deaf.stdin is not None
        assert deaf.stdout is not None
        deaf.stdout.readline()
        (root / "waiting").mkdir()
        facts = {**this_process(), "pid": deaf.pid, "started": start_time(deaf.pid), "until": 4e9}
        (root / "waiting" / f"{deaf.pid}.json").write_text(json.dumps(facts), encoding="utf-8")
        stopped = orchestrate("stop", root, "--timeout", "0.1s", "--json")
        assert 3 == stopped.returncode
        assert f"process {deaf.pid}" in stopped.json["message"]
        assert "kill -KILL" in stopped.json["hint"]
        deaf.stdin.close()


def test_one_that_waits_and_is_suspended_ends(orchestrate: Orchestrate, root: Path) -> None:
    """Whoever looks is told that it will not begin; and it goes on to hear that it is to end."""
    process = orchestrate.start("run", root, "--at", "2099-01-01T07:30")
    until_said(process, "waits until")
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)
    if sys.platform == "linux":  # /proc says it
        way_out = f"suspended: `fg`, or kill -CONT {process.pid}"
        assert f" UTC (pid {process.pid}), {way_out}\n" in orchestrate("status", root).stdout
        brief = orchestrate("status", root, "--brief").stdout
        assert f"a run waits until 2099-01-01 07:30:00Z, {way_out}\n" in brief
        for words in (["status"], ["status", "--brief"]):
            assert way_out == orchestrate(*words, "--dir", root, "--json").json["word"]
    assert 0 == orchestrate("stop", root).returncode
    assert 143 == orchestrate.finish(process).returncode


def test_one_that_was_killed_waits_no_longer(orchestrate: Orchestrate, root: Path) -> None:
    """Its file is still there and means nothing; the next one that waits takes it away."""
    process = orchestrate.start("run", root, "--at", "2099-01-01T07:30")
    until_said(process, "waits until")
    process.kill()
    orchestrate.finish(process)
    assert [] == orchestrate("status", root, "--json").json["waiting"]
    assert 2 == orchestrate("stop", root).returncode
    following = orchestrate.start("run", root, "--at", "2099-01-01T07:30")
    until_said(following, "waits until")
    assert [f"{following.pid}.json"] == os.listdir(root / "waiting")
    assert 0 == orchestrate("stop", root).returncode
    orchestrate.finish(following)


def test_what_is_done_afresh_is_kept_in_the_archive(orchestrate: Orchestrate, root: Path) -> None:
    """Results, logs and final output of the round before; the person's files stay where they are."""
    orchestrate("run", root)
    result = (root / "results" / "agent-01-result.md").read_text(encoding="utf-8")
    assert 0 == orchestrate("run", root).returncode
    assert 1 == runs(root)
    would = orchestrate("run", root, "--fresh", "--dry-run", "--json").json
    assert ["T-01", "T-02"] == [each["id"] for each in would["tasks"]]
    fresh = orchestrate("run", root, "--fresh", "--json")
    assert 0 == fresh.returncode
    assert ["T-01", "T-02"] == fresh.started()
    assert 2 == runs(root)
    aside = root / "archive" / "001"
    assert result == (aside / "results" / "agent-01-result.md").read_text(encoding="utf-8")
    assert {"final_output.md", "logs", "master_plan.md", "results"} == {path.name for path in aside.iterdir()}
    assert (aside / "logs" / "agent-01.attempt-1.json").exists()
    journal = (root / "journal.md").read_text(encoding="utf-8")
    assert 3 == journal.count("· started · run ")
    assert not (root / "archive" / "002").exists()


def test_only_some_tasks_afresh(orchestrate: Orchestrate, root: Path) -> None:
    """What was made from them goes aside with them: it would be taken for what is made from their new answers."""
    orchestrate("run", root)
    answer = orchestrate("run", root, "--fresh", "--only", "T-01", "--json")
    assert ["T-01"] == answer.started()
    moved = {path.name for path in root.glob("archive/001/results/*")}
    assert {"agent-01-result.md", "agent-02-result.md"} == moved


def test_what_nobody_did_yet_needs_no_archive(orchestrate: Orchestrate, root: Path) -> None:
    assert 0 == orchestrate("run", root, "--fresh").returncode
    assert not (root / "archive").exists()
