"""A plan directory in the making, for the tests of the workspace."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.executors.exit_record import write_record
from orchestrator.store.fingerprint import is_settled
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import render_result
from orchestrator.store.workspace import Workspace

S = TaskStatus
PLAN = """# A plan

| ID | Task | Dependencies | Status |
|----|------|--------------|--------|
| T-01 | Look | - | |
| T-02 | Think | T-01 | |
"""


def make_root(tmp_path: Path) -> Path:
    """An empty plan directory with a plan of two tasks."""
    for name in ("agent_tasks", "results", "logs"):
        (tmp_path / name).mkdir()
    (tmp_path / "master_plan.md").write_text(PLAN)
    return tmp_path


def workspace(root: Path) -> Workspace:
    return Workspace(Layout(str(root)))


def load(root: Path, *, is_live: bool = False) -> PlanSnapshot:
    return workspace(root).load(is_live=is_live)


def told(board: PlanSnapshot) -> dict[str, tuple[S, str]]:
    return {id: (each.status, each.reason) for id, each in board.standing.items()}


def text(task: str, status: S, number: int = 1, answer: str = "Found it.", **inputs: int) -> str:
    attempt = Attempt(number=number, charge=number, status=status.value, started=1.0, ended=2.0, duration=1.0)
    result = Result(task=task, agent="claude", status=status, attempts=(attempt,), inputs=inputs)
    return render_result(result, label="Agent", answer=answer)


def result(root: Path, stem: str, written: str) -> Path:
    path = root / f"results/{stem}-result.md"
    path.write_text(written)
    return path


def record(root: Path, key: str, task: str = "T-01", number: int = 1, run: str = "") -> Path:
    """Leave what the guard writes when an attempt is over."""
    facts = {
        "task": task, "attempt": number, "charge": number, "run": run, "agent": "claude", "inputs": {},
        "pid": 7, "exit": 0, "signal": None, "stopped": None, "error": "", "started": 1.0, "ended": 2.0,
        "duration": 1.0, "max_rss": 0, "cpu": 0.0,
    }  # fmt: skip
    path = root / f"logs/{key}.json"
    assert not write_record(str(path), facts)
    return path


def completed(root: Path, stem: str = "agent-01", task: str = "T-01") -> Path:
    record(root, f"{stem}.attempt-1", task)
    return result(root, stem, text(task, S.COMPLETED))


def settle(path: Path) -> None:
    """Wait until a file is so old that its times can be trusted; that takes some hundredths of a second."""
    while not is_settled(os.stat(path)):
        os.sched_yield()
