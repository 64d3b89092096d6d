"""What a changed plan says to a run: everything that is new in it, once it makes sense."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

import pytest

from orchestrator.core.agent import AgentRegistry
from orchestrator.errors import PlanError
from orchestrator.runner.replan import Replanner
from orchestrator.services.run_request import RunRequest
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace

TABLE = "| ID | Task | Deps |\n|---|---|---|\n| T-01 | one | - |\n"
MORE = "| T-02 | two | T-01 |\n"
RESULT = """---
schema: 1
task: "T-02"
agent: "shell"
status: completed
attempts:
- {"number": 1, "charge": 1, "status": "completed", "start": "2026-01-05T14:00:00Z", "end": "2026-01-05T14:00:01Z"}
inputs: {}
---
## Output
<!-- orchestrator:answer -->
old
<!-- /orchestrator:answer -->
"""
MINUTES = count(1)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    save(tmp_path / "master_plan.md", TABLE)
    return tmp_path


def save(path: Path, text: str) -> None:
    """Write a file as if that had been done a while ago: nobody is in the middle of writing it."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    timestamp = 1_700_000_000 + 60 * next(MINUTES)
    os.utime(path, (timestamp, timestamp))


def replanner(root: Path) -> Replanner:
    layout = Layout(str(root))
    workspace = Workspace(layout)
    workspace.prepare()
    plan, _ = workspace.load_plan()
    order = RunRequest(layout=layout)
    return Replanner(order, workspace, AgentRegistry.of(), plan, workspace.plan_versions.newest())


def test_an_unchanged_plan_is_no_change(root: Path) -> None:
    """Nor is text around the table."""
    look = replanner(root).look
    assert look() is None
    save(root / "master_plan.md", f"# A title\n\n{TABLE}")
    assert look() is None


def test_a_result_without_logs_is_not_believed(root: Path) -> None:
    """A row comes back whose result lies there still, and the logs were tidied away: it is done again."""
    look = replanner(root).look
    save(root / "results" / "agent-02-result.md", RESULT)
    save(root / "master_plan.md", TABLE + MORE)
    change = look()
    assert change is not None
    assert change.results == {}
    assert change.plan.tasks.keys() == {"T-01", "T-02"}


def test_a_task_file_that_was_mended_lets_its_row_in(root: Path) -> None:
    """Until the run goes on with it each look reads it again; the plan itself need not be touched again."""
    look = replanner(root).look
    save(root / "agent_tasks" / "agent-02.md", "---\ntimeout: soon\n---\ndo it\n")
    save(root / "master_plan.md", TABLE + MORE)
    for _ in range(2):
        with pytest.raises(PlanError, match=r"agent-02\.md:2"):
            look()
    save(root / "agent_tasks" / "agent-02.md", "---\ntimeout: 5m\n---\ndo it\n")
    change = look()
    assert change is not None
    assert 300.0 == change.policies["T-02"].timeout
    assert change == look()


def test_a_run_of_some_tasks_takes_more_only_when_it_is_asked(root: Path) -> None:
    """Rows that are new are not for it; what somebody asks for is, and is asked for once."""
    found = replanner(root)
    found.order = found.order._replace(only=["T-01"], grows=True)
    save(root / "master_plan.md", TABLE + MORE)
    assert found.look() is None
    watch = found.watch(lambda: None, lambda _: None, lambda **_: None)
    assert watch.ask is not None
    watch.ask("T-02")
    change = found.look()
    assert change is not None
    assert (["T-02"], {"T-01", "T-02"}) == (list(change.also), set(change.plan.tasks))
    assert (root / "agent_tasks" / "agent-02.md").exists()


def test_a_run_that_a_person_asked_for_some_tasks_cannot_be_asked_for_more(root: Path) -> None:
    """Its exit status is about what they asked for."""
    found = replanner(root)
    found.order = found.order._replace(only=["T-01"])
    assert found.watch(lambda: None, lambda _: None, lambda **_: None).ask is None
