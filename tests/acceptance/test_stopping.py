"""A run is ended by a command, from wherever somebody is: ``stop``."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, front_of, write_plan
from tests.executors.harness import is_alive, wait_until


def begin(orchestrate: Orchestrate, root: Path, command: str, **settings: str) -> list[int]:
    """Start a run on its own whose first task is done; return the processes of the second once it is at work."""
    pids = root.parent / "pids"
    tasks = {"T-01": "echo one", "T-02": f"echo $$ > {pids}; {command}"}
    write_plan(root, tasks, more="", retries=0, **settings)
    started = orchestrate("run", "--detach")
    assert 0 == started.returncode, started.stderr
    wait_until(lambda: pids.exists() and pids.read_text().endswith("\n"))
    wait_until((root / "results/agent-01-result.md").exists)
    return [int(pid) for pid in pids.read_text().split()]


def test_a_run_is_stopped_and_the_next_one_goes_on(orchestrate: Orchestrate, root: Path) -> None:
    """What is finished stays, what was cut short is not charged, and nothing of it is left."""
    go = root.parent / "go"
    agents = begin(orchestrate, root, f"test -e {go} || sleep 1000; echo two")
    stopped = orchestrate("stop")
    assert 0 == stopped.returncode, stopped.stderr
    assert f"run {stopped.stdout.strip()} was told to stop\n" == stopped.stderr
    assert not any(map(is_alive, agents))
    assert "completed" == front_of(root, "T-01")["status"]
    assert "interrupted" == front_of(root, "T-02")["attempts"][-1]["status"]
    looked = orchestrate("status", "--brief", "--json")
    assert "stopped" == json.loads(looked.stdout)["phase"]
    assert 0 == orchestrate("check").returncode  # whoever stops a run knows that there is work left
    go.touch()
    assert 0 == orchestrate("run").returncode
    assert "two" == answer_of(root, "T-02")
    assert [1] == [each["number"] for each in front_of(root, "T-01")["attempts"]]


def test_without_a_run_there_is_nothing_to_stop(orchestrate: Orchestrate, root: Path) -> None:
    """It is an error, for whoever calls meant something else; as text and as JSON."""
    write_plan(root, {"T-01": "echo one"})
    assert 0 == orchestrate("run").returncode
    told, as_json = orchestrate("stop"), orchestrate("stop", "--json")
    assert (2, 2) == (told.returncode, as_json.returncode)
    assert told.stderr.startswith("error: ")
    assert "no run is at work" in told.stderr
    assert "hint: `orchestrator status` shows" in told.stderr
    assert "not_found" == json.loads(as_json.stdout)["code"]


def test_in_a_directory_of_plans_those_at_work_are_named(orchestrate: Orchestrate, root: Path) -> None:
    """What ends nothing says so: whoever reads that no run is at work takes it to be over."""
    root.mkdir()
    names = [f"TASK-00{number}" for number in range(1, 6)]
    for name in names:
        write_plan(root / name, {"T-01": "sleep 1000"}, retries=0)
    assert 2 == orchestrate("stop", root / names[0]).returncode
    told = orchestrate("stop")
    assert (2, True) == (told.returncode, "no master_plan.md in this plan directory" in told.stderr)
    assert "--dir .orchestrator/TASK-001, " in told.stderr
    assert 0 == orchestrate("run", "--detach", names[4]).returncode
    told = orchestrate("stop")
    assert 2 == told.returncode
    assert "hint: name the plan that you mean: --dir .orchestrator/TASK-005\n" in told.stderr
    assert 0 == orchestrate("stop", "--dir", ".orchestrator/TASK-005").returncode


def test_agents_that_take_their_time_get_no_more_of_it_when_it_is_called_again(
    orchestrate: Orchestrate, root: Path
) -> None:
    """The first call says that it is not over yet."""
    agents = begin(orchestrate, root, "trap '' TERM; while :; do sleep 0.1; done", grace="10m")
    first = orchestrate("stop", "--timeout", "0.3s", "--json")
    assert 3 == first.returncode
    assert "busy" == json.loads(first.stdout)["code"]
    assert "once more" in json.loads(first.stdout)["hint"]
    assert all(map(is_alive, agents))
    second = orchestrate("stop", "--json")
    assert 0 == second.returncode
    assert {"ok": True, "run": json.loads(second.stdout)["run"]}.items() <= json.loads(second.stdout).items()
    assert not any(map(is_alive, agents))


def test_nothing_is_retrying_once_its_run_was_stopped(orchestrate: Orchestrate, root: Path) -> None:
    """The next attempt is one of the next run; the plan, which a person reads, says what `status` says."""
    own = "| ID | Description | Status |\n|----|-------------|--------|\n| T-01 | exit 3 | |\n"
    root.mkdir()
    plan = root / "master_plan.md"
    plan.write_text(f"---\nagent: shell\nretries: 3\nretry_delay: 1000s\n---\n{own}", encoding="utf-8")
    assert 0 == orchestrate("run", "--detach").returncode
    wait_until(lambda: "T-01 · retrying" in (root / "journal.md").read_text(encoding="utf-8"))
    assert 0 == orchestrate("stop").returncode
    assert "Pending 1" in orchestrate("status").stdout
    for file in (plan, root / "final_output.md"):
        text = file.read_text(encoding="utf-8")
        journal_free = "\n".join(line for line in text.split("\n") if " · " not in line)
        assert ("🟡 Pending" in text, "Retrying" in journal_free) == (True, False)


def test_a_run_that_is_suspended_ends_too(orchestrate: Orchestrate, root: Path) -> None:
    """Ctrl-Z in its terminal: told to end, it would only hear of it when it goes on."""
    agents = begin(orchestrate, root, "sleep 1000")
    holder = json.loads((root / "run.lock").read_text(encoding="utf-8").splitlines()[-1])
    os.kill(holder["pid"], signal.SIGSTOP)
    stopped = orchestrate("stop")
    assert 0 == stopped.returncode, stopped.stderr
    assert not any(map(is_alive, agents))


def test_what_was_cancelled_is_not_left(orchestrate: Orchestrate, root: Path) -> None:
    """After the stop: whoever follows ``next`` starts no run that has nothing to do."""
    begin(orchestrate, root, "sleep 1000")
    assert 0 == orchestrate("stop").returncode
    assert "next: orchestrator run --detach" in orchestrate("wait").stdout
    assert 0 == orchestrate("cancel", "T-02").returncode
    waited = orchestrate("wait")
    assert (1, True) == (waited.returncode, "next: orchestrator status\n" in waited.stdout)
    assert "next:" not in orchestrate("status").stdout


def test_whoever_is_stopped_with_nothing_left_has_left_nothing(orchestrate: Orchestrate, root: Path) -> None:
    """The signal came when the last task had ended: there is nothing to run again, and ``wait`` says so."""
    gate = Gate(root.parent / "gate")
    write_plan(root, {"T-01": f"{gate.wait}; echo one"})
    run = orchestrate.start("run")
    gate.await_task(run)
    os.kill(run.pid, signal.SIGSTOP)
    gate.open()
    wait_until((root / "logs" / "agent-01.attempt-1.json").exists)
    for number in (signal.SIGTERM, signal.SIGCONT):
        os.kill(run.pid, number)
    ended = orchestrate.finish(run)
    assert 128 + signal.SIGTERM == ended.returncode
    assert "1 of 1 tasks completed" in ended.stderr
    assert "run it again" not in ended.stderr
    waited = orchestrate("wait")
    assert 0 == waited.returncode
    assert "next: read .orchestrator/final_output.md" in waited.stdout
