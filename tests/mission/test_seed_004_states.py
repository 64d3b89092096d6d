"""Seed 004, rows about the states of a subtask, and the messages for what cannot be."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import front_of, write_plan


def test_s4_15_block_and_unblock(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """With a note that everybody sees; a blocked subtask is not run."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"subtask_01": "echo one", "subtask_02": ("echo two", "subtask_01")})
    assert 0 == orchestrate("block", "subtask_01", "Waiting on API key", "--as", "eva").returncode
    shown = orchestrate("show", "subtask_01").stdout
    assert "⛔ Blocked (by eva: Waiting on API key)" in shown
    assert 1 == orchestrate("run").returncode
    assert [] == front_of(root, "subtask_01")["attempts"]
    assert 0 == orchestrate("unblock", "subtask_01").returncode
    assert 0 == orchestrate("run").returncode


def test_s4_60_dependency_not_done(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """The message names what is missing and where it stands; the code is for programs."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "echo 1", "T-02": ("echo 2", "T-01")})
    refused = orchestrate("start", "T-02", "--json")
    assert (2, False, "dependency_not_done", "Dependency not DONE: T-01 (pending)") == (
        refused.returncode,
        refused.json["ok"],
        refused.json["code"],
        refused.json["message"],
    )
