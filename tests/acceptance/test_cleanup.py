"""``cleanup``: what nobody needs any more goes, and nothing else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, everything, front_of, write_plan
from tests.executors.harness import wait_until

#: Fails twice, then works.
FLAKY = 'echo x >> "$ORCHESTRATOR_DIR/count"; test $(wc -l < "$ORCHESTRATOR_DIR/count") -ge 3'


def logs(root: Path) -> set[str]:
    """What lies in ``logs/``."""
    return {path.name for path in (root / "logs").iterdir()}


def test_logs_of_replaced_attempts_go(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Not those of the newest, no record, and nothing that is younger than it says; afterwards all is healthy."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": FLAKY, "T-02": "echo good"}, retries=2)
    assert 0 == orchestrate("run").returncode
    before = logs(root)
    assert "0 old logs" in orchestrate("cleanup").stderr
    assert before == logs(root)
    rehearsed = orchestrate("cleanup", "--older", "0", "--dry-run", "--json").json
    assert before == logs(root)
    assert 0 == orchestrate("cleanup", "--older", "0").returncode
    gone = before - logs(root)
    assert {f"logs/{name}" for name in gone} == set(rehearsed["logs"])
    assert gone
    for name in gone:
        assert name.startswith(("agent-01.attempt-1.", "agent-01.attempt-2."))
        assert not name.endswith(".json")
    assert 0 == orchestrate("doctor", "--plan").returncode
    assert [] == orchestrate("run", "--json").started()
    assert 0 == orchestrate("history", "agent-01.attempt-1").returncode


def test_what_a_dead_run_left_goes(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """The attempt it had under way is pending again, and the file that it was writing is gone."""
    write_plan(root, {"T-01": gate.wait, "T-02": "echo good"})
    run = orchestrate.start("run")
    results = [root / f"results/agent-0{number}-result.md" for number in (1, 2)]
    wait_until(lambda: all(result.exists() for result in results))
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    torn = root / "results" / f".agent-02-result.md.{run.pid}.tmp"
    torn.write_text("---\nstatus: comp")
    wait_until(lambda: orchestrate("status", "--json").json["run"] is None)
    before = everything(root)
    rehearsed = orchestrate("cleanup", "--dry-run", "--json").json
    assert before == everything(root)
    told = {each["where"]: each["done"] for each in rehearsed["repaired"]}
    assert told[f"results/{torn.name}"].startswith("would be repaired: ")
    assert "leftovers of dead runs would be cleared" in rehearsed["message"]
    assert 0 == orchestrate("cleanup").returncode
    assert "completed" == front_of(root, "T-02")["status"]
    assert "pending" == orchestrate("show", "T-01", "--json").json["task"]["status"]
    assert not [name for name in os.listdir(root / "results") if name.endswith(".tmp")]


def test_a_run_at_work_is_left_alone(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Its logs are its own."""
    write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    for flags in ((), ("--dry-run",)):
        answer = orchestrate("cleanup", "--json", *flags)
        assert 3 == answer.returncode
        assert "busy" == answer.json["code"]
    run.send_signal(signal.SIGTERM)
    orchestrate.finish(run)


def test_a_name_that_nobody_gave_costs_no_time(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Agents may write into ``logs/``; what is there is looked at, not every number up to the highest."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": FLAKY}, retries=2)
    assert 0 == orchestrate("run").returncode
    (root / "logs/agent-01.attempt-99999999.out").touch()
    told = orchestrate("cleanup", "--older", "0", "--dry-run", "--json").json["logs"]
    assert {"logs/agent-01.attempt-1.out", "logs/agent-01.attempt-2.out"} <= set(told)
    assert not [name for name in told if "attempt-99999999." in name or "attempt-3." in name]


def test_several_at_once_do_not_mind_each_other(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """What another one has removed by then is no error; who comes while one repairs is told so."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": FLAKY}, retries=2)
    assert 0 == orchestrate("run").returncode
    calls = [orchestrate.start("cleanup", "--older", "0") for _ in range(4)]
    answers = [orchestrate.finish(each) for each in calls]
    assert {each.returncode for each in answers} <= {0, 3}, [each.stderr for each in answers]
    assert 0 in {each.returncode for each in answers}
    assert {f"agent-01.attempt-{n}.json" for n in (1, 2, 3)} <= logs(root)
    assert "agent-01.attempt-1.out" not in logs(root)
