"""Who has a task in hand, how far they are, and how it is given back."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import Gate, front_of, write_plan
from tests.executors.harness import wait_until


def test_how_far_the_worker_of_a_run_is_is_told(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Wherever the task stands as running, as for one that somebody has in hand."""
    command = f"{sys.executable} -m orchestrator start T-01 --progress 40 && {gate.wait}"
    write_plan(root, {"T-01": command})
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: {"T-01": "40%"} == orchestrate("status", "--json").json["news"])
    assert " · 40%\n" in orchestrate("status").stdout
    assert orchestrate("list").stdout.endswith("  40%\n")
    assert "🔵 Running (40%)" in orchestrate("show", "T-01").stdout
    assert "40%" == orchestrate("show", "T-01", "--json").json["task"]["reason"]
    wait_until(lambda: "| 40% |" in (root / "master_plan.md").read_text(encoding="utf-8"))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "✅ Completed\n" in orchestrate("show", "T-01").stdout


def test_a_status_that_a_task_has_is_no_error(orchestrate: Orchestrate, root: Path) -> None:
    """Nothing is changed, and the answer says so; what somebody else has in hand is still theirs."""
    write_plan(root, {"T-01": "echo one", "T-02": ("echo two", "T-01")})
    before = ok(orchestrate("update", "T-01", "--status", "pending", "--as", "bob"))
    assert "T-01 is pending already\n" == before.stderr
    assert "T-02 is waiting already" == orchestrate("update", "T-02", "--status", "pending", "--json").json["message"]
    for said in ("T-01 is running", "T-01 is running already"):
        taken = ok(orchestrate("update", "T-01", "--status", "in_progress", "--as", "bob"))
        assert said == taken.stderr.strip()
    others = orchestrate("update", "T-01", "--status", "in_progress", "--as", "ana")
    assert (2, True) == (others.returncode, "hint: bob runs T-01" in others.stderr)
    assert 1 == len(front_of(root, "T-01")["attempts"])


def test_what_somebody_has_in_hand_is_given_back(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """With and without a run at work; never what that run is at."""
    write_plan(root, {"T-01": "echo one", "T-02": gate.wait, "T-03": "echo three"}, max_parallel=1)
    for task in ("T-01", "T-03"):
        ok(orchestrate("claim", task, "--as", "bob"))
    ok(orchestrate("update", "T-01", "--status", "pending", "--as", "bob"))
    assert "🟡 Pending (retry by bob)" in orchestrate("show", "T-01").stdout
    ok(orchestrate("claim", "T-01", "--as", "ana"))
    ok(orchestrate("retry", "T-01", "not mine", "--as", "ana"))
    assert ["interrupted", "interrupted"] == [each["status"] for each in front_of(root, "T-01")["attempts"]]
    ok(orchestrate("claim", "T-01", "--as", "ana"))
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: "running" == orchestrate.statuses()["T-02"])
    refused = orchestrate("update", "T-02", "--status", "pending", "--tag", "x")
    assert (2, True) == (refused.returncode, "running + 'retry'" in refused.stderr)
    for task in ("T-01", "T-03"):
        assert "pending" == ok(orchestrate("retry", task, "--json")).json["status"]
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert {"completed"} == set(orchestrate.statuses().values())
    assert ok(orchestrate("doctor", "--plan", "--json")).json["breaches"] == []
