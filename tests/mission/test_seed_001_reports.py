"""Seed 001, row S1-38U: reports, exports, templates, the wizard, and agents as a team."""

from __future__ import annotations

import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.result import Attempt, Result
from orchestrator.core.state import TaskStatus
from orchestrator.executors.record import write_record
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import render_result
from orchestrator.store.stamp import iso
from tests.acceptance.orchestrate import Orchestrate
from tests.mission.seed_script import run_script

pytestmark = pytest.mark.slow

DAY = 86400.0
TABLE = """\
| Task ID | Task Name | Dependencies | Assignee |
|---------|-----------|--------------|----------|
| T-01 | Look | None | ann |
| T-02 | =HYPERLINK("http://x") | T-01 | bob |
| T-03 | Old | None | |
"""


def write_result(root: Path, task: str, *attempts: Attempt) -> None:
    """The outcome of a task as a run leaves it, with the record of its last attempt."""
    layout, stem = Layout(str(root)), task.replace("T-", "agent-")
    last = attempts[-1]
    status = TaskStatus.COMPLETED if last.status == "completed" else TaskStatus.FAILED
    result = Result(task, "claude", status, attempts)
    for directory in ("results", "logs"):
        (root / directory).mkdir(exist_ok=True)
    Path(layout.result_file(stem)).write_text(
        render_result(result, label=task, answer="It is **done**."), encoding="utf-8"
    )
    facts = {
        "task": task, "attempt": last.number, "charge": 1, "run": "", "agent": "claude",
        "inputs": {}, "pid": 7, "exit": 0, "signal": None, "stopped": None, "error": "",
        "started": last.started, "ended": last.ended, "duration": last.duration,
        "max_rss": 0, "cpu": 0.0,
    }  # fmt: skip
    assert not write_record(layout.attempt(stem, last.number).record, facts)


def attempt(number: int, status: str, ago: float, seconds: float, **more: Any) -> Attempt:
    """An attempt that ended so many days ago."""
    ended = time.time() - ago * DAY
    return Attempt(
        number, number, status=status, started=ended - seconds, ended=ended, duration=seconds
    )._replace(**more)


@pytest.fixture
def past(orchestrate: Orchestrate, root: Path) -> Orchestrate:
    """A plan of which one task was done a day ago, one failed two days ago, and one was done a month ago."""
    root.mkdir()
    (root / "master_plan.md").write_text(f"# Shop\n\n{TABLE}", encoding="utf-8")
    write_result(
        root, "T-01", attempt(1, "failed", 1.1, 60), attempt(2, "completed", 1, 90, cost=0.5)
    )
    write_result(root, "T-02", attempt(1, "fatal", 2, 30, cost=None, agent="eva"))
    write_result(root, "T-03", attempt(1, "completed", 30, 600))
    (root / "journal.md").write_text(
        "# Journal\n\n"
        f"- {iso(time.time() - 1 * DAY)} · T-02 · added · by ann · Look · T-9 · added · by eve\n"
        f"- {iso(time.time() - 9 * DAY)} · T-01 · added · by ann · Look\n",
        encoding="utf-8",
    )
    return orchestrate


def test_s1_38_report_of_the_last_days(past: Orchestrate) -> None:
    """`tm report --days 7 --format csv`, word for word, into a file; and the same as text and for programs."""
    told = run_script(past, "./tm report --days 7 --format csv > attempts.csv", "./tm")
    assert (0, "", "") == (told.returncode, told.stdout, told.stderr)
    rows = list(csv.DictReader(io.StringIO((past.where / "attempts.csv").read_text("utf-8"))))
    assert [("T-02", "1"), ("T-01", "1"), ("T-01", "2")] == [
        (row["task"], row["attempt"]) for row in rows
    ]
    assert '\'=HYPERLINK("http://x")' == rows[0]["name"]
    assert ("eva", "bob", "fatal", "30", "") == tuple(
        rows[0][name] for name in ("agent", "assignee", "status", "seconds", "cost_usd")
    )
    assert ("ann", "completed", "90", "0.5") == tuple(
        rows[2][name] for name in ("assignee", "status", "seconds", "cost_usd")
    )
    said = past("report", "--json").json
    total = said["total"]
    assert (3, 1, 2, 1, 1) == tuple(
        total[name] for name in ("attempts", "completed", "failed", "tasks_failed", "tasks_added")
    )
    assert (180.0, 0.5, 1) == (total["seconds"], total["cost_usd"], total["unknown_costs"])
    assert {"claude", "eva"} == set(said["agents"])
    assert 0.5 == said["agents"]["claude"]["success"]
    assert ["T-01", "T-02"] == [each["task"] for each in said["longest"]]
    assert ["T-01"] == [each["task"] for each in said["repeated"]]
    assert 4 == past("report", "--days", "31", "--json").json["total"]["attempts"]
    assert (
        "1 task completed, 1 failed, 1 added · 3 attempts · 3m00s of work" in past("report").stdout
    )
    drawn = past("report", "--format", "markdown").stdout
    assert "| ann | 2 | 1 | 1 | 50% | 1m30s | 2m30s | $0.5000 |" in drawn
    wrong = past("report", "--days", "0", "--json")
    assert (2, "usage") == (wrong.returncode, wrong.json["code"])


def test_s1_38_report_of_many_plans(past: Orchestrate, root: Path) -> None:
    """Of a directory of plans all of them count, what was put away too; one that cannot be read is told."""
    where = root.parent / "plans"
    root.rename(where / "x" if where.exists() else where)
    for name in ("TASK-001", "TASK-002", "archive/TASK-000"):
        plan = where / name
        plan.mkdir(parents=True)
        (plan / "master_plan.md").write_text(f"# Shop\n\n{TABLE}", encoding="utf-8")
        write_result(plan, "T-01", attempt(1, "completed", 1, 10))
    (where / "TASK-002" / "master_plan.md").write_text("no table\n", encoding="utf-8")
    found = past("report", where, "--format", "csv")
    plans = [row["plan"] for row in csv.DictReader(io.StringIO(found.stdout))]
    assert sorted([".", ".", ".", "TASK-001", "archive/TASK-000"]) == sorted(plans)
    assert "TASK-002 is left out" in found.stderr
    assert 1 == past("report", where / "TASK-001", "--json").json["total"]["attempts"]
    broken = past("report", where / "TASK-002", "--json")
    assert (2, False) == (broken.returncode, broken.json["ok"])


def test_s1_38_report_of_what_was_done_again(orchestrate: Orchestrate) -> None:
    """A plan that is run afresh every day is reported with all of its runs."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "true")
    for flags in ((), ("--fresh",), ("--fresh",)):
        assert 0 == orchestrate("run", *flags).returncode
    assert 3 == orchestrate("report", "--json").json["total"]["completed"]
