"""Where a plan stands, on disk and as it is told: files, drawn sections, ``status``, ``list``, ``show``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.status import TaskStatus
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, everything, front_of, result_of, write_plan
from tests.executors.harness import wait_until

TASKS = {
    "T-01": "echo one; echo '# big' ; echo noise >&2",
    "T-02": ("echo half; echo bad luck >&2; exit 3", "T-01"),
    "T-03": ("echo three", "T-01"),
    "T-04": ("echo four", "T-02,T-03"),
}


@pytest.fixture
def ended(orchestrate: Orchestrate, tmp_path: Path) -> Path:
    """A plan that ran: two tasks completed, one failed, one was skipped."""
    root = tmp_path / ".orchestrator"
    write_plan(root, TASKS, more="## Original Request\n> make it\n", retries=1)
    assert 1 == orchestrate("run").returncode
    return root


def drawn(root: Path) -> dict[str, str]:
    """The drawn sections of a plan, by name."""
    text = (root / "master_plan.md").read_text(encoding="utf-8")
    sections = re.findall(
        r"^<!-- orchestrator:(\w+) -->\n(.*?)^<!-- /orchestrator:\1 -->\n", text, re.MULTILINE | re.DOTALL
    )
    return dict(sections)


def rows(table: str) -> list[list[str]]:
    """The rows of a markdown table, without header and dashes."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


# ── the commands that look ────────────────────────────────────────────────────────────────────────────────────────


def test_status_says_where_the_plan_stands(orchestrate: Orchestrate, ended: Path) -> None:
    """Counts, what failed and why, what was skipped because of it; people and programs get the same."""
    before = everything(ended)
    told = orchestrate("status", "--json")
    assert (0, True, "2 of 4 tasks completed") == (told.returncode, told.json["ok"], told.json["message"])
    command = {
        "directory": str(ended),
        "total": 4,
        "counts": dict.fromkeys(TaskStatus, 0) | {"completed": 2, "failed": 1, "skipped": 1},
        "batches": 3,
        "running": [],
        "failed": [{"id": "T-02", "reason": "exit 3: bad luck"}],
        "run": None,
    }
    assert command == {name: told.json[name] for name in command}
    assert "2 of 4 tasks completed" in told.json["log"][-1]
    text = orchestrate("status").stdout
    assert "50%  Completed 2/4 · Failed 1 · Skipped 1" in text
    assert re.search(r"^T-02 +❌ Failed .*\n +exit 3: bad luck · 2 attempts · logs/", text, re.MULTILINE)
    assert "Skipped because of T-02: T-04" in text
    assert "\x1b" not in text
    after = everything(ended)
    for name in (".", "index.json"):
        before.pop(name), after.pop(name)
    assert before == after


def test_list_has_one_line_per_task(orchestrate: Orchestrate, ended: Path) -> None:
    """In the order of the plan; with ``--status`` only some, in the seeds' words too."""
    lines = orchestrate("list").stdout.splitlines()
    assert ["T-01", "T-02", "T-03", "T-04"] == [line.split()[0] for line in lines]
    assert lines[3].endswith("← T-02, T-03")
    tasks = orchestrate("list", "--json").json["tasks"]
    assert {
        "id": "T-04",
        "name": "echo four",
        "status": "skipped",
        "reason": "T-02 failed",
        "agent": "",
        "assignee": "",
        "parent": "",
        "tags": [],
        "type": "",
        "priority": "P2",
        "needs": ["T-02", "T-03"],
        "children": [],
        "estimated_hours": None,
        "deadline": "",
        "duration": 0.0,
        "cost_usd": 0.0,
        "unknown_costs": 0,
        "result": "",
    } == tasks[3]
    for word, ids in (("failed", ["T-02"]), ("done", ["T-01", "T-03"]), ("running", [])):
        listed = orchestrate("list", "--status", word, "--json").json["tasks"]
        assert ids == [task["id"] for task in listed]
    refused = orchestrate("list", "--status", "lost", "--json")
    assert (2, "usage") == (refused.returncode, refused.json["code"])
    assert "skipped" in refused.json["hint"]


def test_show_tells_everything_about_one_task(orchestrate: Orchestrate, ended: Path) -> None:
    """Its attempts, its answer and its files, of which every one exists."""
    task: dict[str, Any] = orchestrate("show", "T-02", "--json").json["task"]
    assert ("failed", "exit 3: bad luck", ["T-01"]) == (task["status"], task["reason"], task["needs"])
    assert [1, 2] == [attempt["number"] for attempt in task["attempts"]]
    for attempt in task["attempts"]:
        assert ("failed", "exit 3") == (attempt["status"], attempt["exit"])
        assert attempt["start"] <= attempt["end"]
    assert {"task", "result", "log", "errors"} == set(task["files"])
    assert "half\n" == Path(task["files"]["log"]).read_text()
    assert "bad luck\n" == Path(task["files"]["errors"]).read_text()
    text = orchestrate("show", "T-01").stdout
    assert text.startswith("T-01: echo one; ")
    assert "\n✅ Completed\n" in text
    assert "one\n# big" in text
    missing = orchestrate("show", "T-99", "--json")
    assert (2, "not_found") == (missing.returncode, missing.json["code"])
    assert missing.json["hint"]


def test_before_the_first_run_everything_is_pending_or_waiting(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """A status is derived: a plan that never ran has one, and looking writes no more than the cache."""
    root = tmp_path / ".orchestrator"
    write_plan(root, TASKS)
    told = orchestrate("status", "--json")
    assert {"pending": 1, "waiting": 3} == told.counts
    assert 1 == told.json["batch"]
    waiting = orchestrate("list", "--json").json["tasks"][3]
    assert ("waiting", "needs T-02, T-03") == (waiting["status"], waiting["reason"])
    assert {"master_plan.md", "agent_tasks"} >= {path.name for path in root.iterdir()} - {"index.json"}


def test_status_of_a_run_under_way(orchestrate: Orchestrate, tmp_path: Path, gate: Gate) -> None:
    """What runs, since when, and which process runs it; the plan file and the result file say it too."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": gate.wait, "T-02": ("echo two", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    result = root / "results" / "agent-01-result.md"
    wait_until(result.exists)
    wait_until(lambda: "🔵 Running" in drawn(root).get("status", ""))
    told = orchestrate("status", "--json")
    assert ({"running": 1, "waiting": 1}, ["T-01"]) == (told.counts, told.json["running"])
    assert run.pid == told.json["run"]["pid"]
    assert f"(pid {run.pid})" in orchestrate("status").stdout
    post = front_of(root, "T-01")
    assert ("running", "running") == (post["status"], post["attempts"][0]["status"])
    assert "Batch 1 of 2: 🔵 T-01" in drawn(root)["progress"]
    assert ":::running" in drawn(root)["graph"]
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "All 2 batches are completed." in drawn(root)["progress"]


# ── the files ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_sections_that_are_drawn(ended: Path) -> None:
    """Status table, progress, graph, log tail and errors, each true at the end of the run (S2-20, S2-68)."""
    sections = drawn(ended)
    assert ["status", "progress", "graph", "log", "errors"] == list(sections)
    table = {row[0]: row for row in rows(sections["status"])}
    assert ["T-01", "T-02", "T-03", "T-04"] == list(table)
    assert ("✅ Completed", "1", "[result](results/agent-01-result.md)") == (
        table["T-01"][3],
        table["T-01"][4],
        table["T-01"][8],
    )
    assert ("❌ Failed", "2") == (table["T-02"][3], table["T-02"][4])
    assert ["⏭️ Skipped", "-", "-", "-", "-", "T-02 failed"] == table["T-04"][3:]
    assert "Completed 2/4 · Failed 1 · Skipped 1" in sections["progress"]
    assert 4 == len(re.findall(r"^    n\d --> n\d$", sections["graph"], re.MULTILINE))
    assert "```mermaid\nflowchart" in sections["graph"]
    assert 2 == sections["errors"].count("exit 3: bad luck")
    journal = (ended / "journal.md").read_text(encoding="utf-8").splitlines()
    lines = [line for line in sections["log"].splitlines() if line.startswith("- ")]
    assert [line for line in journal if line.startswith("- ")] == lines


def test_the_journal_has_one_line_per_thing_that_happened(orchestrate: Orchestrate, ended: Path) -> None:
    """It is only ever appended to, and a last line that a crash tore is mended (promise 7)."""
    journal = ended / "journal.md"
    first = journal.read_text(encoding="utf-8")
    assert first.startswith("# Journal\n\n- ")
    lines = first.splitlines()[2:]
    told = [re.fullmatch(r"- \d{4}-\d\d-\d\dT[\d:.]+Z · (\S+) · ([a-z]+ ?(?:attempt \d)?).*", line) for line in lines]
    assert all(told)
    words = [(match[1], match[2].strip()) for match in told if match]
    assert ("run", "started") == words[0]
    for word in ("started attempt 1", "retrying attempt 1", "started attempt 2", "failed attempt 2"):
        assert ("T-02", word) in words
    assert ("T-04", "skipped") in words
    assert ("run", "ended") == words[-1]
    with journal.open("a", encoding="utf-8") as file:
        file.write("- 2026-01-01T00:00:00.000Z · torn")
    orchestrate("run")
    again = journal.read_text(encoding="utf-8")
    assert again.startswith(first)
    assert "· torn\n- " in again


def test_a_result_file(ended: Path) -> None:
    """Front matter for programs, the sections of the seed for people (S2-61 to S2-63)."""
    text = result_of(ended, "T-02")
    post = front_of(ended, "T-02")
    assert ("T-02", "shell", "failed", {"T-01": 1}) == (post["task"], post["agent"], post["status"], post["inputs"])
    for number, attempt in enumerate(post["attempts"], start=1):
        assert (number, number, "failed", "exit 3", "exit 3: bad luck") == tuple(
            attempt[name] for name in ("number", "charge", "status", "exit", "reason")
        )
        assert attempt["pid"] > 0
        assert attempt["duration"] >= 0
        record = json.loads((ended / "logs" / f"agent-02.attempt-{number}.json").read_text())
        assert (3, attempt["run"]) == (record["exit"], record["run"])
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert ["Execution Summary", "Output", "Statistics"] == sections
    assert "- **Status**: ❌ Failed\n- **Reason**: exit 3: bad luck\n" in text
    assert re.search(r"^\| Attempts \| 2 \|$", text, re.MULTILINE)


def test_the_final_output(orchestrate: Orchestrate, ended: Path) -> None:
    """Structured: summary, answers in dependency order, what is missing, timeline, links. Concat: the answers."""
    output = (ended / "final_output.md").read_text(encoding="utf-8")
    headings = [text for text in re.findall(r"^## (.+)$", output, re.MULTILINE) if not text.startswith("T-")]
    assert ["Original Request", "Summary", "Results", "What is missing", "Timeline", "Appendix"] == headings
    assert "> make it" in output
    summary = dict(rows(output.partition("## Summary")[2].partition("##")[0]))
    assert ("4", "2 (50%)", "1", "1") == tuple(summary[name] for name in ("Tasks", "Successful", "Failed", "Skipped"))
    for name in ("Duration", "Sum of task times", "Speed-up", "Parallel efficiency"):
        assert re.match(r"[\d.]+(m?s|×|%)", summary[name]), name
    assert output.index("## T-01") < output.index("## T-03")
    assert "\nhalf" not in output
    assert "█" in output
    assert "▒" in output
    for link in re.findall(r"\]\(((?:results|logs)/[^)]+)\)", output):
        assert (ended / link).exists(), link
    assert 1 == orchestrate("run", "--aggregate", "concat").returncode
    short = (ended / "final_output.md").read_text(encoding="utf-8")
    assert ["T-01", "T-03"] == re.findall(r"^## (T-\d+)", short, re.MULTILINE)
    assert "one\n# big" in short
    assert "Summary" not in short
    assert "Timeline" not in short


PERSON = (
    "\ufeff---\r\nagent: shell   # mine\r\nretries: 0\r\n---\r\n"
    "# Plan\t \r\n\r\nTabs\tand trailing blanks  \n\n"
    "```markdown\r\n<!-- orchestrator:status -->\r\nan example\r\n<!-- /orchestrator:status -->\r\n```\r\n"
    "| ID | Task | Deps | Owner |\tStatus |\r\n|:--|---|---|---|---|\r\n"
    "|T-01|  echo one  | None| | todo |\r\n| T-02 | echo two | T-01 | |  🟡 Pending  |\r\n\r\n"
    "## Agent Assignment\n"
    "| Task ID | Agent | Status | Start Time | End Time |\n|---|---|---|---|---|\n"
    "| T-01 | Agent-01 | 🟡 Pending | - | - |\n| T-02 | Agent-07 |   |   |   |\n\n"
    "last line without an end"
)  # fmt: skip


def test_what_a_person_wrote_stays_byte_for_byte(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Only cells of Status, Start and End that nobody filled change; our sections follow, with their line endings."""
    plan = tmp_path / ".orchestrator" / "master_plan.md"
    plan.parent.mkdir()
    plan.write_bytes(PERSON.encode())
    assert 0 == orchestrate("run").returncode
    drawn_once = plan.read_bytes().decode()
    mine, _, ours = drawn_once.partition("last line without an end")
    timestamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"
    assert 2 == len(
        re.findall(rf"^\| T-0\d \| Agent-0[17] \| ✅ Completed \| {timestamp} \| {timestamp} \|$", mine, re.MULTILINE)
    )
    cells = re.sub(rf" {timestamp} ", " - ", mine)
    command = (
        PERSON.partition("last line")[0]
        .replace("|  🟡 Pending  |", "| ✅ Completed |")
        .replace("| 🟡 Pending | - | - |", "| ✅ Completed | - | - |")
        .replace("|   |   |   |", "| ✅ Completed | - | - |")
    )
    assert command == cells
    assert ours.startswith("\r\n\r\n<!-- orchestrator:status -->\r\n")
    assert "\n" not in ours.replace("\r\n", "")
    assert "Agent-07" in ours
    # Drawn again, nothing moves and nothing is added.
    (plan.parent / "results" / "agent-02-result.md").unlink()
    assert 0 == orchestrate("run").returncode
    again = plan.read_bytes().decode()
    still = re.sub(rf" {timestamp} ", " - ", again.partition("last line without an end")[0])
    assert command == still
    assert 2 == again.count("<!-- orchestrator:status -->")


def test_words_typed_between_our_sections_stay(orchestrate: Orchestrate, ended: Path) -> None:
    """A person may write below and between the drawn sections too, and move a section elsewhere."""
    plan = ended / "master_plan.md"
    text = plan.read_text(encoding="utf-8")
    text = text.replace("<!-- orchestrator:graph -->", "My note.\n\n<!-- orchestrator:graph -->")
    text = text.replace("<!-- /orchestrator:log -->\n", "<!-- /orchestrator:log -->\nAnother.\n") + "Last."
    plan.write_text(text, encoding="utf-8")
    orchestrate("run")
    again = plan.read_text(encoding="utf-8")
    assert "\n\nMy note.\n\n<!-- orchestrator:graph -->\n" in again
    assert "<!-- /orchestrator:log -->\nAnother.\n" in again
    assert again.endswith("<!-- /orchestrator:errors -->\nLast.")
    assert ["status", "progress", "graph", "log", "errors"] == list(drawn(ended))


def test_a_plan_edited_by_hand_during_the_run_keeps_the_edit(
    orchestrate: Orchestrate, tmp_path: Path, gate: Gate
) -> None:
    """An editor that renames over the file in the middle of the run loses nothing (promise 10)."""
    root = tmp_path / ".orchestrator"
    plan = write_plan(root, {"T-01": gate.wait, "T-02": ("echo two", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: "🔵 Running" in drawn(root).get("status", ""))
    edited = plan.read_text(encoding="utf-8").replace("# Task Plan\n", "# Task Plan\n\nThought of it.\n")
    (tmp_path / "new").write_text(edited, encoding="utf-8")
    (tmp_path / "new").replace(plan)
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "# Task Plan\n\nThought of it.\n" in plan.read_text(encoding="utf-8")
    assert 2 == drawn(root)["status"].count("✅ Completed")
