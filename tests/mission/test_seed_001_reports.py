"""Seed 001, row S1-38U: reports, exports, and agents as a team; templates and the wizard are in a file of their own."""

from __future__ import annotations

import csv
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus
from orchestrator.core.timestamp import iso
from orchestrator.executors.exit_record import write_record
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import render_result
from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.mission.seed_script import run_script

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
    return Attempt(number, number, status=status, started=ended - seconds, ended=ended, duration=seconds)._replace(
        **more
    )


@pytest.fixture
def past(orchestrate: Orchestrate, root: Path) -> Orchestrate:
    """A plan of which one task was done a day ago, one failed two days ago, and one was done a month ago."""
    root.mkdir()
    (root / "master_plan.md").write_text(f"# Shop\n\n{TABLE}", encoding="utf-8")
    write_result(root, "T-01", attempt(1, "failed", 1.1, 60), attempt(2, "completed", 1, 90, cost=0.5))
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
    assert [("T-02", "1"), ("T-01", "1"), ("T-01", "2")] == [(row["task"], row["attempt"]) for row in rows]
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
        "1 task completed, 1 failed, 1 added · 3 attempts · 3m00s of work"
        " · $0.5000 and 1 attempt of unknown cost\n" in past("report").stdout
    )
    assert " · cost unknown · " in past("show", "T-02").stdout
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
    for form in ("text", "markdown"):
        document = past("report", where, "--format", form).stdout
        assert "Left out: TASK-002 (" in document
        assert document.index("3 tasks completed") < document.index("Left out") < 400
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


def test_s1_38_what_a_plan_did_still_counts_when_it_is_put_away(orchestrate: Orchestrate) -> None:
    """With what it had moved aside itself, and of one that was never begun what was added."""
    for command in (
        ["create", "Twice"],
        ["transition", "TASK-001", "approve"],
        ["dispatch", "TASK-001", "true", "--agent", "shell"],
        ["run", "TASK-001"],
        ["run", "TASK-001", "--fresh"],
        ["transition", "TASK-001", "review"],
        ["transition", "TASK-001", "complete"],
        ["create", "Never"],
        ["add", "true", "--dir", "TASK-002"],
        ["transition", "TASK-002", "reject"],
    ):
        assert 0 == orchestrate(*command).returncode, command
    before = orchestrate("report", "--json").json["total"]
    assert (2, 2) == (before["attempts"], before["tasks_added"])
    assert 0 == orchestrate("archive", "TASK-001").returncode
    assert 0 == orchestrate("archive", "TASK-002").returncode
    assert before == orchestrate("report", "--json").json["total"]


def test_s1_38_what_lay_there_without_its_plan_counts_too(orchestrate: Orchestrate) -> None:
    """`init` puts results and logs away that no plan is left of."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "true")
    assert 0 == orchestrate("run").returncode
    before = orchestrate("report", "--json").json
    (orchestrate.where / ".orchestrator/master_plan.md").unlink()
    assert 0 == orchestrate("init", "--agent", "shell").returncode
    after = orchestrate("report", "--json").json
    assert (before["total"], []) == (after["total"], after["skipped"])
    (booked,) = csv.DictReader(io.StringIO(orchestrate("report", "--format", "csv").stdout))
    assert ("archive/001", "T-01") == (booked["plan"], booked["task"])


# ── agents ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_s1_38_agents_are_registered(orchestrate: Orchestrate, root: Path) -> None:
    """`tm agent-register`, `tm agent-list`: a file is written, listed, and obeyed by the next run."""
    orchestrate("init")
    made = orchestrate(
        "agent", "register", "eva",
        "--command", "sh -c 'cat >/dev/null; echo tested'",
        "--best-for", 'Test: "all" | of it', "--types", "test", "--max-parallel", "1",
    )  # fmt: skip
    assert (0, ".orchestrator/agents/eva.md\n") == (made.returncode, made.stdout), made.stderr
    listed = {each["key"]: each for each in orchestrate("agents", "--json").json["agents"]}
    assert ('Test: "all" | of it', ["test"], 1) == tuple(
        listed["eva"][name] for name in ("best_for", "types", "max_parallel")
    )
    again = orchestrate("agent", "register", "eva", "--role", "x", "--json")
    assert (2, "usage") == (again.returncode, again.json["code"])
    assert "--force" in again.json["hint"]
    (root / "master_plan.md").unlink()
    orchestrate("add", "Test it all", "--assignee", "eva")
    assert 0 == orchestrate("run").returncode
    assert "tested" in orchestrate("show", "T-01").stdout


def test_s1_33_s1_38_workload(orchestrate: Orchestrate) -> None:
    """`tm agent-workload`, and the seed's own check: who has less than three tasks under way gets the next one."""
    orchestrate("init", "--agent", "shell")
    for number in range(4):
        orchestrate("add", f"echo {number}", "--assignee", "db_specialist")
    orchestrate("add", "echo 4", "--assignee", "qa_specialist", "--depends-on", "T-01")
    for task in ("T-01", "T-02", "T-03"):
        orchestrate("start", task, "--as", "db_specialist")
    found = {each["name"]: each for each in orchestrate("agent", "workload", "--json").json["workload"]}
    assert (3, 1, 0) == tuple(found["db_specialist"][name] for name in ("active", "pending", "waiting"))
    assert (0, 1, False) == tuple(found["qa_specialist"][name] for name in ("active", "waiting", "is_agent"))
    # What somebody has taken into their own hands is not the shell's.
    assert (0, 1, 1) == tuple(found["shell"][name] for name in ("active", "pending", "waiting"))
    script = './tm add "echo 5" --assignee "$(./tm agent workload --below 3 | grep specialist | head -n 1)"'
    assert "T-06\n" == run_script(orchestrate, script, "./tm").stdout
    assert "qa_specialist" == orchestrate("show", "T-06", "--json").json["task"]["assignee"]


def test_s1_38_metrics(past: Orchestrate) -> None:
    """`tm agent-metrics`: attempts, success, median time and cost of each agent; the same figures as the report's."""
    told = past("agent", "metrics", "--days", "31", "--json").json["agents"]
    assert (3, 2, 1, 345.0, 0.5) == tuple(
        told["claude"][name] for name in ("attempts", "completed", "failed", "median_seconds", "cost_usd")
    )
    assert (0.0, None, 1) == tuple(told["eva"][name] for name in ("success", "median_seconds", "unknown_costs"))
    assert told == past("report", "--days", "31", "--json").json["agents"]
    assert "claude  3         2          1       67%      5m45s   12m30s  $0.5000" in (
        past("agent", "metrics", "--days", "31").stdout
    )


def test_s1_38_a_message_to_one_agent(claude: ClaudePlan) -> None:
    """`tm agent-message`: it is in the prompt of what starts after it, in the context, and watchers see it."""
    orchestrate = claude.orchestrate
    for text, who in (("Design", "db_specialist"), ("Build", "backend"), ("Index", "db_specialist")):
        assert 0 == orchestrate("add", text, "--assignee", who).returncode
    told = orchestrate("agent", "message", "db_specialist", "- use <b>SSDs</b> | ```", "--as", "ann", "--json")
    assert ["T-01", "T-03"] == [each["task"] for each in told.json["tasks"]], told.stderr
    seen = orchestrate("watch", "--once", "--as", "db_specialist").stdout
    assert "T-03 share ann: @db_specialist - use <b>SSDs</b> | ```" in seen
    assert "@db_specialist - use" in orchestrate("context", "T-01").stdout
    assert "@db_specialist" not in orchestrate("context", "T-02").stdout
    assert 0 == claude.run("--only", "T-01,T-02").returncode
    heard = {call.task: "> @db_specialist - use" in call.prompt for call in claude.calls()}
    assert {"T-01": True, "T-02": False} == heard
    after = orchestrate("agent", "message", "db_specialist", "more", "--json").json
    assert ["T-03"] == [each["task"] for each in after["tasks"]]
    nobody = orchestrate("agent", "message", "nobody", "hello", "--json")
    assert (2, "not_found") == (nobody.returncode, nobody.json["code"])


# ── export ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_s1_38_export(past: Orchestrate, root: Path) -> None:
    """`tm export --format markdown > tasks.md`: everything in one document; the same facts for programs."""
    past("share", "T-01", "Decided on PostgreSQL\n## with JSONB", "--as", "ann")
    past("note", "T-01", "only mine", "--as", "ann")
    (root / "agent_tasks").mkdir()
    (root / "agent_tasks/agent-01.md").write_text("Look at it.\n## Closely\n", encoding="utf-8")
    done = run_script(past, "./tm export --format markdown > tasks.md", "./tm")
    assert (0, "", "") == (done.returncode, done.stdout, done.stderr)
    text = (past.where / "tasks.md").read_text(encoding="utf-8")
    for part in (
        "# Shop\n", "Completed 2/3 · Failed 1", "| T-01 | Look | ✅ Completed | ann |",
        "```markdown\nLook at it.\n## Closely\n```", "> Decided on PostgreSQL\n> ## with JSONB",
        "It is **done**.",
    ):  # fmt: skip
        assert part in text
    assert "only mine" not in text
    told = past("export", "--format", "json").json
    assert ["T-01", "T-02", "T-03"] == [task["id"] for task in told["tasks"]]
    shown = past("show", "T-01", "--json").json["task"]
    assert [] == [name for name in shown.keys() - {"files"} if told["tasks"][0][name] != shown[name]]
    assert "Look at it.\n## Closely" == told["tasks"][0]["assignment"]
    assert ["ann"] == [each["by"] for each in told["tasks"][0]["messages"]]
    rows = list(csv.DictReader(io.StringIO(past("export", "--format", "csv").stdout)))
    assert ("2", "150", "0.5") == tuple(rows[0][name] for name in ("attempts", "seconds", "cost_usd"))
    assert '\'=HYPERLINK("http://x")' == rows[1]["name"]


def test_an_export_goes_where_its_file_name_says(past: Orchestrate) -> None:
    """`-` is standard output, an ending says the format unless an option does, and no name is a mistake."""
    sheet = ("export", "--format", "csv")
    assert past(*sheet).stdout == past(*sheet, "--output", "-").stdout
    assert not (past.where / "-").exists()
    for name, form in (("a.json", "json"), ("a.CSV", "csv"), ("a.md", "markdown")):
        assert form == past("export", "--output", name, "--json").json["format"]
    assert "Shop" == json.loads((past.where / "a.json").read_text("utf-8"))["title"]
    told = past("export", "--output", "b.json", "--format", "csv", "--json").json
    assert "csv" == told["format"]
    nameless = past("export", "--output", "", "--json")
    assert (2, "usage") == (nameless.returncode, nameless.json["code"])


def test_s1_38_export_loses_nothing(past: Orchestrate, root: Path) -> None:
    """A file that is there is replaced only when told to; one of the plan never; a broken plan is told, not written."""
    kept = past.where / "tasks.md"
    kept.write_text("mine\n", encoding="utf-8")
    refused = past("export", "--output", "tasks.md", "--json")
    assert (2, "usage", "mine\n") == (refused.returncode, refused.json["code"], kept.read_text())
    before = (root / "master_plan.md").read_bytes()
    inside = past("export", "--output", root / "master_plan.md", "--force")
    assert (2, before) == (inside.returncode, (root / "master_plan.md").read_bytes())
    (past.where / "link.md").symlink_to(root / "master_plan.md")
    assert 2 == past("export", "--output", "link.md", "--force").returncode
    assert before == (root / "master_plan.md").read_bytes()
    done = past("export", "--output", "tasks.md", "--force", "--json").json
    assert (str(kept), "markdown") == (done["file"], done["format"])
    assert kept.read_text(encoding="utf-8").startswith("# Shop\n")
    (root / "master_plan.md").write_text("no table\n", encoding="utf-8")
    assert 2 == past("export", "--output", "other.md").returncode
    assert not (past.where / "other.md").exists()
