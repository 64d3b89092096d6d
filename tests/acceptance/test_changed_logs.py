"""Logs that an agent empties, shortens or takes away while they are read: an answer is what its agent printed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, write_plan
from tests.executors.harness import wait_until

#: What an agent does to its log that was read already.
REWRITES = {
    "shorter": "printf '%s\\n' end > /dev/stdout",
    "as long": "echo HELLO > /dev/stdout",
    "longer": "seq 100 104 > /dev/stdout",
}


@pytest.mark.parametrize("rewrite", REWRITES.values(), ids=REWRITES)
def test_an_answer_begins_anew_with_its_log(orchestrate: Orchestrate, gate: Gate, root: Path, rewrite: str) -> None:
    """Of what was read before nothing is left, and nothing is cut: the answer is what the log holds (promise 6)."""
    write_plan(root, {"T-01": f"echo hello; {gate.wait}; {rewrite}", "T-02": ("cat", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    _await_news(root)
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    log = (root / "logs/agent-01.attempt-1.out").read_text(encoding="utf-8")
    assert "hello" not in log
    assert log.strip() == answer_of(root, "T-01") == answer_of(root, "T-02")


@pytest.mark.parametrize("wait", [True, False], ids=["read", "unread"])
def test_a_log_that_is_gone_completes_nothing(orchestrate: Orchestrate, gate: Gate, root: Path, *, wait: bool) -> None:
    """Nobody knows what its agent answered."""
    away = 'rm "$ORCHESTRATOR_DIR/logs/agent-01.attempt-1.out"'
    write_plan(root, {"T-01": f"echo hello; {gate.wait}; {away}; echo more", "T-02": ("cat", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    if wait:
        _await_news(root)
    gate.open()
    assert 1 == orchestrate.finish(run).returncode
    assert "its log is gone" in orchestrate("show", "T-01").stdout
    assert {"failed": 1, "skipped": 1} == orchestrate("status", "--json").counts


def _await_news(root: Path) -> None:
    """Wait until a run says what its task printed."""
    journal = root / "journal.md"
    wait_until(lambda: "news" in journal.read_text(encoding="utf-8"))
