"""Seed 000, the row about cancelling: pending or running, the state says who and why."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import front_of, write_plan
from tests.executors.harness import is_alive, read_pid, wait_until


def test_s0_14_cancel_what_is_pending_and_what_runs(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """`to cancel <task-id>`: what is pending never starts, the process of what runs ends, and the run ends, too."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": f"echo $$ > {tmp_path}/pid; sleep 1000", "T-02": "echo two"})
    assert 0 == orchestrate("cancel", "T-02", "not today", "--as", "bob").returncode
    run = orchestrate.start("run")
    wait_until(lambda: read_pid(tmp_path / "pid"))
    assert 0 == orchestrate("cancel", "T-01", "too slow", "--as", "alice").returncode
    assert not is_alive(read_pid(tmp_path / "pid"))
    ended = orchestrate.finish(run)
    assert 1 == ended.returncode
    for task, note in (("T-01", "by alice: too slow"), ("T-02", "by bob: not today")):
        assert ("cancelled", note) == (front_of(root, task)["status"], front_of(root, task)["note"])
    assert [] == front_of(root, "T-02")["attempts"]
    journal = (root / "journal.md").read_text(encoding="utf-8")
    assert "T-02 · cancelled · by bob: not today" in journal
    assert "T-02 · started" not in journal
