"""Commands that a run does not answer at once: it is suspended or dies, or whoever asked does not wait for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from orchestrator.core.heartbeat import BLOCKED_AFTER
from orchestrator.core.status import Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.store.requests import Requests, new_id
from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import Gate, journal, write_plan
from tests.executors.harness import wait_until


def ask_a_frozen_run(
    orchestrate: Orchestrate, root: Path, gate: Gate, *words: str
) -> tuple[subprocess.Popen[str], subprocess.Popen[str]]:
    """Start a run that cannot answer and a command whose request lies there; return both."""
    write_plan(root, {"T-01": gate.wait, "T-02": ("echo two", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    run.send_signal(signal.SIGSTOP)
    os.waitpid(run.pid, os.WUNTRACED)
    command = orchestrate.start(*words)
    wait_until(lambda: any((root / "requests").glob("*.request.json")))
    return run, command


def test_a_runner_that_dies_leaves_the_request_to_whoever_asked(
    orchestrate: Orchestrate, root: Path, gate: Gate
) -> None:
    """It is done once, after the dead run was taken over."""
    run, command = ask_a_frozen_run(orchestrate, root, gate, "block", "T-01", "--as", "bob")
    run.send_signal(signal.SIGKILL)
    run.wait()
    ok(orchestrate.finish(command))
    assert {"T-01": "blocked", "T-02": "waiting"} == orchestrate.statuses()
    assert 1 == journal(root).count("T-01 · blocked")
    assert [] == list((root / "requests").iterdir())


@pytest.mark.parametrize("is_run_alive", [True, False])
def test_a_commander_that_dies_is_served(orchestrate: Orchestrate, root: Path, gate: Gate, is_run_alive: bool) -> None:
    """By the run at work; or, when that dies too, by whoever comes next."""
    run, command = ask_a_frozen_run(orchestrate, root, gate, "cancel", "T-02", "--as", "bob")
    command.kill()
    command.wait()
    if is_run_alive:
        run.send_signal(signal.SIGCONT)
        wait_until(lambda: "T-02 · cancelled" in journal(root))
        gate.open()
        orchestrate.finish(run)
    else:
        run.kill()
        run.wait()
        ok(orchestrate("complete", "T-01"))
    assert {"T-01": "completed", "T-02": "cancelled"} == orchestrate.statuses()
    assert 1 == journal(root).count("T-02 · cancelled")
    assert [] == Requests(str(root / "requests")).look()


def test_what_is_still_asked_for_is_told_to_who_looks_before_the_next_run(
    orchestrate: Orchestrate, root: Path, gate: Gate
) -> None:
    """Of a run and of a commander that both died: what is looked at before a run is what it does."""
    run, command = ask_a_frozen_run(orchestrate, root, gate, "cancel", "T-02", "--as", "bob")
    for process in (command, run):
        process.kill()
        process.wait()
    said = "asked of a run that is gone, the next run does it first: cancel T-02 (by bob, "
    assert said in orchestrate("run", "--dry-run").stderr
    assert "tasks would run; what is still asked for comes first\n" in orchestrate("run", "--dry-run").stdout
    assert f"\n{said}" in orchestrate("status").stdout
    assert any(said in each for each in orchestrate("validate", "--json").json["warnings"])
    assert "never answered: cancel T-02 (by bob, " in orchestrate("doctor", "--plan").stdout
    ok(orchestrate("complete", "T-01"))
    assert {"T-01": "completed", "T-02": "cancelled"} == orchestrate.statuses()
    assert said not in orchestrate("status").stdout


def test_what_only_a_run_that_is_gone_could_take_on_is_told_to_nobody(orchestrate: Orchestrate, root: Path) -> None:
    """Nobody does it because `auto-dispatch` and the run it had started were killed: the next run forgets it."""
    write_plan(root, {"T-01": "echo one", "T-02": "echo two"})
    requests = Requests(str(root / "requests"))
    now = time.time()
    requests.leave(TaskCommand(Verb.LAUNCH, "T-02", "auto-dispatch", now, id=new_id(now)))
    assert "asked of" not in orchestrate("status").stdout
    assert "asked" not in orchestrate("run", "--dry-run", "--only", "T-01").stderr
    assert "never answered" not in orchestrate("doctor", "--plan").stdout
    ok(orchestrate("run", "--only", "T-01"))
    assert {"T-01": "completed", "T-02": "pending"} == orchestrate.statuses()
    assert [] == list((root / "requests").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "words", [["cancel", "T-02"], ["cancel", "T-02", "--json"], ["update", "T-02", "--status", "blocked"]], ids=" ".join
)
def test_whoever_gives_up_waiting_asks_for_nothing_any_more(
    orchestrate: Orchestrate, root: Path, gate: Gate, words: list[str], number: signal.Signals
) -> None:
    """Ctrl-C, `timeout` and a closed terminal: what the run has not looked at is withdrawn, and not done behind the
    back of whoever asked.
    """
    run, command = ask_a_frozen_run(orchestrate, root, gate, *words, "--as", "bob")
    command.send_signal(number)
    told = orchestrate.finish(command)
    assert (128 + number, "", False) == (told.returncode, told.stdout, "may still" in told.stderr)
    assert "T-02: what was asked of the run is withdrawn\n" in told.stderr
    assert [] == list((root / "requests").iterdir())
    run.send_signal(signal.SIGCONT)
    gate.open()
    ok(orchestrate.finish(run))
    assert {"T-01": "completed", "T-02": "completed"} == orchestrate.statuses()


def test_a_claim_in_vain_leaves_its_task_to_the_run(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Whoever ended by `timeout` never heard of a task that it has: else nobody would do it."""
    run, command = ask_a_frozen_run(orchestrate, root, gate, "claim", "--as", "bob")
    command.terminate()
    told = orchestrate.finish(command)
    assert (143, "") == (told.returncode, told.stdout)
    assert told.stderr.endswith("\nwhat was asked of the run is withdrawn\n")
    assert [] == list((root / "requests").iterdir())
    run.send_signal(signal.SIGCONT)
    gate.open()
    ok(orchestrate.finish(run))


def test_a_heartbeat_that_gives_up_waiting_blocks_nobody(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """It asks for what somebody took into their own hands and was never heard of again."""
    write_plan(root, {"T-01": gate.wait, "T-02": "echo two"})
    ok(orchestrate("start", "T-02", "--as", "bob"))
    run = orchestrate.start("run")
    gate.await_task(run)
    for _ in range(BLOCKED_AFTER - 1):
        orchestrate("check")
    run.send_signal(signal.SIGSTOP)
    os.waitpid(run.pid, os.WUNTRACED)
    checking = orchestrate.start("check")
    wait_until(lambda: any((root / "requests").glob("*.request.json")))
    checking.terminate()
    told = orchestrate.finish(checking)
    assert (143, "T-02: what was asked of the run is withdrawn\n") == (told.returncode, told.stderr)
    assert [] == list((root / "requests").iterdir())
    run.send_signal(signal.SIGCONT)
    gate.open()
    orchestrate.finish(run)
    assert "running" == orchestrate.statuses()["T-02"]


def test_what_a_caller_has_it_ignore_ends_no_command(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Under `nohup` it goes on waiting when the terminal is closed."""
    write_plan(root, {"T-01": gate.wait, "T-02": ("echo two", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    run.send_signal(signal.SIGSTOP)
    os.waitpid(run.pid, os.WUNTRACED)
    command = orchestrate.start("cancel", "T-02", under=["nohup"])
    wait_until(lambda: any((root / "requests").glob("*.request.json")))
    command.send_signal(signal.SIGHUP)
    run.send_signal(signal.SIGCONT)
    ok(orchestrate.finish(command))
    gate.open()
    orchestrate.finish(run)
    assert {"T-01": "completed", "T-02": "cancelled"} == orchestrate.statuses()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_gives_up_waiting_is_told_what_the_run_may_still_do(
    orchestrate: Orchestrate, root: Path, gate: Gate, number: signal.Signals
) -> None:
    """It has the request already, and waits for the end of what runs."""
    write_plan(root, {"T-01": f"trap '' TERM; {gate.wait}"}, grace="10m")
    run = orchestrate.start("run")
    gate.await_task(run)
    command = orchestrate.start("cancel", "T-01", "--as", "bob")
    wait_until(lambda: any((root / "requests").glob("*.taken")))
    command.send_signal(number)
    told = orchestrate.finish(command)
    assert 128 + number == told.returncode
    assert "T-01: the run that is at work has been told already, and may still do it" in told.stderr
    gate.open()
    orchestrate.finish(run)
    assert {"T-01": "cancelled"} == orchestrate.statuses()


@pytest.mark.skipif(sys.platform != "linux", reason="/proc says it")
def test_a_run_that_is_suspended_says_so(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Ctrl-Z in its terminal: nothing answers, and whoever looks or asks is told what to do."""
    run, command = ask_a_frozen_run(orchestrate, root, gate, "cancel", "T-02")
    way_out = f"suspended: `fg`, or kill -CONT {run.pid}"
    assert command.stderr is not None
    assert f"asking the run that is at work … {way_out}\n" == command.stderr.readline()
    assert f"is at work (pid {run.pid}), {way_out}\n" in orchestrate("status").stdout
    for words in (["status", "--brief"], ["wait", "--timeout", "0"]):
        assert f", {way_out} for" in orchestrate(*words).stdout
        assert way_out == orchestrate(*words, "--json").json["word"]
    run.send_signal(signal.SIGCONT)
    ok(orchestrate.finish(command))
    assert "suspended" not in orchestrate("status").stdout + orchestrate("status", "--brief").stdout
    gate.open()
    orchestrate.finish(run)
