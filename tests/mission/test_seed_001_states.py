"""Seed 001, rows about states: who may start what and when, blocked and back, cancelled."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import front_of, write_plan


def status(orchestrate: Orchestrate, task: str) -> str:
    return str(orchestrate("show", task, "--json").json["task"]["status"])


def test_s1_29_a_dependent_cannot_start_before_its_dependency(orchestrate: Orchestrate, root: Path) -> None:
    """API, then its tests: completing the one lets the other start."""
    write_plan(root, {"api": "echo api", "tests": ("echo tests", "api")})
    for verb in ("start", "claim", "complete"):
        refused = orchestrate(verb, "tests")
        assert 2 == refused.returncode
        assert "Dependency not DONE: api (pending)" in refused.stderr
    for words in (["start", "api"], ["complete", "api", "42 endpoints"], ["start", "tests"]):
        assert 0 == orchestrate(*words).returncode
    assert "running" == status(orchestrate, "tests")


def test_s1_23_s1_32_a_fallback_is_held_back_by_hand(orchestrate: Orchestrate, root: Path) -> None:
    """Approach B is blocked; when A has failed it is let go, and nothing is run twice."""
    write_plan(root, {"A": "echo try A; exit 1", "B": "echo B works"})
    assert 0 == orchestrate("block", "B", "only if A fails").returncode
    first = orchestrate("run")
    assert (1, True) == (first.returncode, "B is blocked by" in first.stderr)
    assert ("failed", "blocked") == (status(orchestrate, "A"), status(orchestrate, "B"))
    assert 0 == orchestrate("unblock", "B").returncode
    assert 2 == orchestrate("cancel", "A").returncode, "a failed task is over already"
    assert 0 == orchestrate("run", "--only", "B").returncode
    assert "completed" == status(orchestrate, "B")
    assert 1 == len(front_of(root, "A")["attempts"])


def test_s1_34_pending_in_progress_completed_blocked_cancelled(orchestrate: Orchestrate, root: Path) -> None:
    """Pending → in_progress → completed; in_progress → blocked → cancelled."""
    write_plan(root, {"one": "echo 1", "two": "echo 2"})
    seen = [status(orchestrate, "one")]
    for words in (["start", "one"], ["complete", "one"]):
        orchestrate(*words)
        seen.append(status(orchestrate, "one"))
    for words in (["start", "two"], ["block", "two", "no key"], ["cancel", "two"]):
        orchestrate(*words)
        seen.append(status(orchestrate, "two"))
    assert ["pending", "running", "completed", "running", "blocked", "cancelled"] == seen
    listed = orchestrate("list", "--status", "in_progress")
    assert (0, "") == (listed.returncode, listed.stdout.strip())
    refused = orchestrate("start", "one")
    assert (2, True) == (refused.returncode, "Invalid transition: completed + 'start'" in refused.stderr)
