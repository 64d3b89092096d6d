"""An agent that has answered and does not leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.result import StopReason
from orchestrator.core.status import TaskStatus
from orchestrator.runner.events import Event, Kind
from orchestrator.runner.run import run
from orchestrator.scheduler import node
from orchestrator.services.run_request import RunRequest
from orchestrator.store.layout import Layout
from orchestrator.wiring import plugins
from tests.acceptance.plans import answer_of, write_plan
from tests.executors.harness import is_alive
from tests.fakes.claude_calls import calls, install, script


def test_it_is_ended_and_its_answer_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given a while to leave by itself; what it holds is then free for the next one."""
    monkeypatch.setattr(node, "LINGER", 0.3)
    monkeypatch.setenv("FAKE_CLAUDE_DIR", str(tmp_path / "records"))
    claude = install(tmp_path / "bin")
    script(tmp_path / "records", {"*": {"do": "lingers", "answer": "there it is"}})
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "do", "T-02": ("go on", "T-01")}, agent="claude", timeout="20s")
    heard: list[Event] = []
    report = run(RunRequest(layout=Layout(str(root))), plugins(str(claude)), heard.append)
    assert {TaskStatus.COMPLETED: 2} == report.board.counts()
    assert "there it is" == answer_of(root, "T-01").strip()
    stops = [(each.task, each.text) for each in heard if each.kind is Kind.TASK_STOPPING]
    assert [(task, StopReason.LINGERING.words) for task in ("T-01", "T-02")] == stops
    assert not any(is_alive(call.pid) for call in calls(tmp_path / "records"))
