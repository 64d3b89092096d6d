"""Seed 001, what its tool has beyond the guide (row S1-38U): when a task is done, until when, and how long it takes."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.mission.seed_script import run_script

#: As the tool itself is called.
SCRIPT = """\
ID=$(./tm add "Implement auth of the API" \
    --criteria '[{"criterion":"All tests pass","measurable":"true"},
                 {"criterion":"No leaks","measurable":"leaks == 0"}]' \
    --deadline "2025-12-31T23:59:59Z" --estimated-hours 20)
./tm complete $ID --validate --summary "Tokens are signed" && echo done too early
./tm complete $ID --validate --met all --summary "Tokens are signed" && echo done
./tm critical-path --format graphviz
"""


def task_file(tmp_path: Path, stem: str = "agent-01") -> Path:
    return tmp_path / ".orchestrator" / "agent_tasks" / f"{stem}.md"


def hours(count: float) -> str:
    """A moment so many hours ago, as people write it."""
    return (datetime.now(UTC) - timedelta(hours=count)).isoformat(timespec="minutes")


def test_s1_38_the_words_of_the_tool(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """S1-38U: its own commands, word for word; the task is done once everything is met, and not before."""
    made = run_script(orchestrate, SCRIPT, "./tm")
    lines = made.stdout.splitlines()
    assert (0, ["done", "digraph plan {"]) == (made.returncode, lines[:2]), made
    assert "T-01: 2 of 2 success criteria are open: 1. All tests pass; 2. No leaks" in made.stderr
    assert (
        task_file(tmp_path)
        .read_text(encoding="utf-8")
        .endswith("## Success criteria\n- [x] All tests pass\n- [x] No leaks (leaks == 0)\n")
    )
    said = task_file(tmp_path).read_text(encoding="utf-8")
    assert "- **Estimated Time**: 20h00m\n- **Deadline**: 2025-12-31\n" in said
    assert "Tokens are signed" in orchestrate("show", "T-01").stdout


def test_s1_38_success_criteria(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """S1-38U: given, shown with their ticks, handed to the worker, ticked by hand or by name, and asked for."""
    words = ("--criterion", "All tests pass", "--criterion", "The docs say so")
    orchestrate("add", "Write the login page", *words)
    orchestrate("update", "T-01", "--criterion", "Somebody has read it")
    file = task_file(tmp_path)
    text = file.read_text(encoding="utf-8")
    assert text.endswith("- [ ] All tests pass\n- [ ] The docs say so\n- [ ] Somebody has read it\n")
    refused = orchestrate("complete", "T-01", "all of it", "--validate", "--json")
    assert (1, "criteria_open") == (refused.returncode, refused.json["code"])
    assert "`orchestrator complete T-01 --met 1,2,3`" in refused.json["hint"]
    file.write_text(text.replace("[ ] The docs", "[x] The docs"), encoding="utf-8")
    assert "   2  [x] The docs say so\n" in orchestrate("show", "T-01").stdout
    assert [False, True, False] == [
        each["met"] for each in orchestrate("show", "T-01", "--json").json["task"]["criteria"]
    ]
    refused = orchestrate("complete", "T-01", "--met", "1")
    assert (1, True) == (refused.returncode, "1 of 3 success criteria are open: 3. S" in refused.stderr)
    assert 1 == file.read_text(encoding="utf-8").count("[x]")
    assert "🟡 Pending" in orchestrate("show", "T-01").stdout
    done = orchestrate("complete", "T-01", "all of it", "--met", "1,3", "--json").json
    assert ("completed", [True] * 3) == (done["status"], [each["met"] for each in done["criteria"]])
    assert 3 == file.read_text(encoding="utf-8").count("[x]")


def test_s1_38_a_task_without_criteria_is_completed(orchestrate: Orchestrate) -> None:
    """S1-38U: there is nothing to hold it to, and that is said."""
    orchestrate("add", "Write the login page")
    done = orchestrate("complete", "T-01", "all of it", "--validate")
    assert (0, "T-01 is completed: it has no success criteria\n") == (done.returncode, done.stderr)


def test_s1_38_what_cannot_be_ticked_is_not_completed(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """S1-38U: a link is not written through, and what is no file is not read; the task stands where it stood."""
    orchestrate("add", "Write the login page", "--criterion", "It works")
    file, real = task_file(tmp_path), tmp_path / "real.md"
    file.rename(real)
    file.symlink_to(real)
    before = real.read_bytes()
    assert (2, 2) == (
        orchestrate("complete", "T-01", "--met", "all").returncode,
        orchestrate("update", "T-01", "--criterion", "It is fast").returncode,
    )
    assert before == real.read_bytes()
    file.unlink()
    os.mkfifo(file)
    assert 5 == orchestrate("complete", "T-01", "--validate").returncode
    assert "🟡 Pending" in orchestrate("show", "T-01").stdout
    file.unlink()
    file.write_bytes(b"## Success criteria\n" + b"- [ ] a\n" * 130_000)
    assert "has more than 120,000 lines" in orchestrate("complete", "T-01", "--validate").stderr


@pytest.mark.parametrize(
    ("damage", "status"), [("note: [half\n", 2), ("validate: perhaps\n", 2), ("a\0b\n", 2), (None, 5)]
)
def test_s1_38_what_cannot_be_read_may_ask_for_it(
    orchestrate: Orchestrate, tmp_path: Path, damage: str | None, status: int
) -> None:
    """S1-38U: nobody knows then that the criteria do not count, so the task is not completed."""
    orchestrate("add", "Write the login page", "--criterion", "It works")
    file = task_file(tmp_path)
    text = file.read_text(encoding="utf-8")
    if damage is None:
        file.unlink()
        os.mkfifo(file)
    else:
        file.write_text(f"---\nvalidate: true\n{damage}---\n{text}", encoding="utf-8")
    for words in (("complete", "T-01", "done"), ("update", "T-01", "--status", "completed")):
        refused = orchestrate(*words)
        assert (status, True) == (refused.returncode, "agent_tasks/agent-01.md" in refused.stderr)
    assert "🟡 Pending" in orchestrate("show", "T-01").stdout


def test_s1_38_a_plan_may_ask_for_it(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """S1-38U: every way to complete by hand asks then; a task may say otherwise, and a run goes by evidence."""
    orchestrate("init", "--agent", "shell")
    plan = tmp_path / ".orchestrator" / "master_plan.md"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("agent: shell", "agent: shell\nvalidate: true"), encoding="utf-8")
    for _ in range(3):
        orchestrate("add", "echo one", "--criterion", "It is one")
    for words in (
        ("complete", "T-01", "one"),
        ("update", "T-01", "--status", "completed"),
        ("subtask", ".orchestrator", "T-01", "done"),
    ):
        refused = orchestrate(*words, "--json")
        assert (1, "criteria_open") == (refused.returncode, refused.json["code"])
    other = task_file(tmp_path, "agent-02")
    other.write_text(f"---\nvalidate: false\n---\n{other.read_text('utf-8')}", encoding="utf-8")
    assert 0 == orchestrate("complete", "T-02", "one").returncode
    assert 0 == orchestrate("run", "--only", "T-03").returncode
    assert "[ ] It is one" in orchestrate("show", "T-03").stdout


def test_s1_38_the_worker_reads_the_criteria(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """S1-38U: they are in its assignment, and nothing of one is ever run."""
    bad = "$(touch bad) `touch bad`; touch bad"
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "cat .orchestrator/agent_tasks/agent-01.md", "--criteria", f'["{bad}"]')
    assert 0 == orchestrate("run").returncode
    assert f"- [ ] {bad}" in orchestrate("show", "T-01").stdout
    assert not list(tmp_path.rglob("bad"))


def test_s1_38_deadlines(orchestrate: Orchestrate) -> None:
    """S1-38U: a day, a moment or how long from now; told by show, list, status, and as an alert by check."""
    orchestrate("add", "Write the login page", "--deadline", hours(3))
    orchestrate("add", "Write the front page", "--deadline", "2d", "--depends-on", "T-01")
    orchestrate("add", "Write the last page", "--deadline", "2999-01-31")
    shown = orchestrate("show", "T-01").stdout
    assert re.search(r"^Deadline  \S+Z \(overdue by 3h0\dm\)$", shown, re.MULTILINE)
    assert orchestrate("list", "--format", "table").stdout.splitlines()[3].endswith("  due 2999-01-31")
    tasks = orchestrate("list", "--format", "json").json["tasks"]
    assert "2999-01-31T23:59:59.000Z" == tasks[2]["deadline"]
    assert re.search(r"^⏰ Overdue: T-01 by 3h0\dm$", orchestrate("status").stdout, re.MULTILINE)
    assert ["T-01"] == [each["id"] for each in orchestrate("status", "--json").json["overdue"]]
    checked = orchestrate("check", "--json")
    assert (1, [("overdue", "T-01")]) == (
        checked.returncode,
        [(each["type"], each["subtask_id"]) for each in checked.json["alerts"]],
    )
    orchestrate("update", "T-01", "--deadline", "")
    assert 0 == orchestrate("check", "--quiet").returncode
    assert "Overdue" not in orchestrate("status").stdout


def test_s1_38_estimated_hours(orchestrate: Orchestrate) -> None:
    """S1-38U: they weigh the longest path, so what it begins with starts first; shown, and added up."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "echo short", "--estimated-hours", "1")
    orchestrate("add", "echo long", "--estimated-hours", "20")
    orchestrate("update", "T-01", "--estimated-hours", "0.5")
    assert "Estimate  20h00m\n" in orchestrate("show", "T-02").stdout
    assert "└─ 🟡 T-02  echo long  est. 20h00m" in orchestrate("graph").stdout
    assert [0.5, 20] == [t["estimated_hours"] for t in orchestrate("list", "--json").json["tasks"]]
    told = "Estimated: 20h30m in all, 20h30m left, longest chain 20h00m\n"
    assert told in orchestrate("status").stdout
    assert ["T-02", "T-01"] == orchestrate("run", "--max-parallel", "1", "--json").started()
    left = orchestrate("status", "--json").json["estimate"]
    assert (20.5, 0) == (left["total_hours"], left["left_hours"])


def test_s1_38_critical_path(orchestrate: Orchestrate) -> None:
    """S1-38U: the chain that takes longest, what of it is done, as a list, for programs, and in a picture of it all."""
    orchestrate("add", 'Design "it"', "--estimated-hours", "2")
    orchestrate("add", "Build it", "--estimated-hours", "8", "--depends-on", "T-01")
    orchestrate("add", "Write of it", "--depends-on", "T-01", "--estimated-hours", "1")
    orchestrate("add", "Ship it", "--depends-on", "T-02,T-03", "--estimated-hours", "1")
    orchestrate("complete", "T-01", "done")
    listed = orchestrate("critical-path").stdout.splitlines()
    assert ["T-01", "T-02", "T-04"] == [line.split()[0] for line in listed[:3]]
    assert "critical path: 3 tasks, 11h00m; 1 done, 9h00m left" == listed[-1]
    found = orchestrate("critical-path", "--format", "json").json
    assert (["T-01", "T-02", "T-04"], 11, 9) == (found["critical_path"], found["hours"], found["hours_left"])
    drawn = orchestrate("critical-path", "--format", "graphviz").stdout
    thick = re.compile(r'^    "(.*?)" -> "(.*?)" \[.*penwidth=3\];$', re.MULTILINE)
    assert [("T-01", "T-02"), ("T-02", "T-04")] == thick.findall(drawn)
    assert (4, True) == (drawn.count(" -> "), 'Design \\"it\\"' in drawn)
    assert drawn == orchestrate("critical-path", "--format", "graphviz", "--json").json["graph"]
    assert "linkStyle 0,2 " in orchestrate("critical-path", "--format", "mermaid").stdout
    plain = orchestrate("graph", "--format", "graphviz").stdout
    assert (4, 0) == (plain.count(" -> "), plain.count("penwidth"))
    assert plain == orchestrate("graph", "--format", "dot").stdout
