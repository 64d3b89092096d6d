"""Seed 004, rows about the heartbeat: what a check finds, how plans move on by themselves, what is said of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.store.index import read_cache, write_cache
from tests.mission.task_engine import TaskEngine

#: Characters of a token at least, on average, in what `check` prints.
_PER_TOKEN = 3


@pytest.fixture
def task(engine: TaskEngine) -> str:
    """A plan at work: two tasks of development, one test of both."""
    made = engine.plan("IN_PROGRESS")
    engine.set_front(made, "agent: shell")
    engine.add_rows(
        made,
        "subtask_01 | echo models | dev | claude-code | P1 | None",
        "subtask_02 | echo api | dev | claude-code | P1 | None",
        "subtask_03 | echo tests | test | eva | P1 | subtask_01, subtask_02",
    )
    return made


def test_s4_16_17_check_all_or_one(engine: TaskEngine, task: str) -> None:
    """Every plan that is not over in a line, or one; nothing is wrong: exit status 0."""
    engine.plan("REJECTED")
    engine.plan(title="Other")
    checked = engine("check")
    assert (0, "") == (checked.returncode, checked.stderr)
    assert ["TASK-001", "TASK-003", "2"] == [line.split()[0] for line in checked.stdout.splitlines()]
    assert ["TASK-001"] == [each["task_id"] for each in engine(f"check {task} --json").json["tasks"]]


def test_s4_18_quiet_for_cron(engine: TaskEngine, task: str) -> None:
    """Nothing as long as all is well, then the alerts and exit status 1."""
    silent = engine("check --quiet")
    assert (0, "", "") == (silent.returncode, silent.stdout, silent.stderr)
    engine(f'subtask {task} subtask_01 fail --note "Schema mismatch"')
    loud = engine("check --quiet")
    assert (1, 1) == (loud.returncode, len(loud.stdout.splitlines()))
    assert "failed TASK-001/subtask_01: " in loud.stdout
    assert "Schema mismatch" in loud.stdout


def test_s4_19_digest_for_a_chat(engine: TaskEngine, task: str) -> None:
    """One message about everything that is under way."""
    said = engine("check --discord").stdout
    assert re.search(r"💓 .*1 active", said)
    assert f"**{task}** [░░░░░░░░░░] 0% Implement feature X" in said


def test_s4_20_a_check_is_cheap(engine: TaskEngine, task: str) -> None:
    """Three plans with tasks under way and an alert each: below 500 tokens."""
    rows = engine.file(task).read_text(encoding="utf-8")
    for title in ("A rather long title of a plan that somebody has written " * 3, "Third"):
        made = engine.plan("IN_PROGRESS", title)
        engine.add_rows(made, *(row.strip("| \n") for row in rows.splitlines() if "subtask_0" in row))
    for made in ("TASK-001", "TASK-002", "TASK-003"):
        engine(f"subtask {made} subtask_01 start --progress 10")
        engine(f"subtask {made} subtask_02 fail --note '{'no such table ' * 30}'")
    checked = engine("check")
    assert 1 == checked.returncode
    assert len(checked.stdout) < 500 * _PER_TOKEN
    assert len(engine("check --json").stdout) < 4 * 500 * _PER_TOKEN


def test_s4_20_what_is_over_is_not_opened(engine: TaskEngine, task: str) -> None:
    """The index says that it is over; a check that opened anything of it would wait at the pipe for ever."""
    over = engine.plan("COMPLETED")
    os.mkfifo(engine.root / over / "index.json")
    engine("status")
    index = engine.root / "index.json"
    known = read_cache(str(index))
    known["plans"][over]["title"] = "As the index says"
    write_cache(str(index), known)
    assert 0 == engine("check").returncode
    assert over not in engine("status").stdout
    assert "As the index says" in index.read_text(encoding="utf-8"), "it was not read again"


def test_s4_36_37_a_host_can_import_it(engine: TaskEngine, task: str) -> None:
    """As the seed's heartbeat does; whatever is wrong with a plan, it does not raise."""
    program = (
        "import json, sys\n"
        "try:\n"
        "    from orchestrator import check_all_tasks\n"
        "    print(json.dumps(check_all_tasks()))\n"
        "except ImportError:\n"
        "    sys.exit(9)\n"
    )

    def host(cwd: Path) -> dict[str, object]:
        answer = subprocess.run(
            [sys.executable, "-c", program], cwd=cwd, env=engine.orchestrate.environment, capture_output=True, text=True
        )
        assert (0, "") == (answer.returncode, answer.stderr)
        found = json.loads(answer.stdout)
        assert isinstance(found, dict)
        return found

    where = engine.orchestrate.where
    assert {"alerts": [], "summary": "1 active task (1 IN_PROGRESS), all well", "skipped": {}} == host(where)
    engine(f"subtask {task} subtask_01 fail --note Mismatch")
    assert 1 == len(host(where)["alerts"])  # type: ignore[arg-type]
    engine.file(task).write_bytes(b"\xff\xff")
    assert [task] == list(host(where)["skipped"])  # type: ignore[call-overload]
    (engine.root / "index.json").unlink()
    assert {"alerts": [], "summary": "", "skipped": {}} == host(Path("/"))


def test_s4_41_42_plans_move_on_by_themselves(engine: TaskEngine, task: str) -> None:
    """All of development done: TESTING. All tests done: REVIEW. A check finds what was done by other ways, too."""
    engine(f"subtask {task} subtask_01 done")
    assert "IN_PROGRESS" == engine.state(task)
    done = engine(f"subtask {task} subtask_02 done --json").json
    assert ["IN_PROGRESS → TESTING"] == done["transitions"]
    engine(f"complete subtask_03 tested --dir {engine.root / task}")
    assert "TESTING" == engine.state(task)
    moved = engine("check --json").json["tasks"]
    assert ["TESTING → REVIEW"] == moved[0]["transitions"]
    assert "REVIEW" == engine.state(task)
    engine(f"retry subtask_01 --dir {engine.root / task}")
    engine("check")
    assert "REVIEW" == engine.state(task)


def test_s4_43_45_failed_and_overdue(engine: TaskEngine, task: str) -> None:
    """A person is told of each."""
    engine.set_front(task, "eta: 2020-01-01T12:00Z")
    engine(f"subtask {task} subtask_01 fail --note Mismatch")
    checked = engine("check --json")
    assert (1, False, "alerts") == (checked.returncode, checked.json["ok"], checked.json["code"])
    assert f"orchestrator status {task}" == checked.json["hint"]
    assert [("failed", task, "subtask_01"), ("overdue", task, "")] == [
        (each["type"], each["task_id"], each["subtask_id"]) for each in checked.json["alerts"]
    ]


def test_s4_44_stuck_after_three_heartbeats(engine: TaskEngine, task: str) -> None:
    """Without progress in between; with any, it counts anew. A look that is no heartbeat counts nothing."""
    engine(f"subtask {task} subtask_01 start --progress 30")
    assert [0, 0] == [engine("check").returncode for _ in range(2)]
    engine("notify digest")
    engine(f"subtask {task} subtask_01 start --progress 40")
    assert [0, 0, 1] == [engine("check").returncode for _ in range(3)]
    assert "stuck TASK-001/subtask_01: no progress in 4 heartbeats" in engine("check").stdout
    (engine.root / task / "heartbeats.json").unlink()
    assert 0 == engine("check").returncode


def test_heartbeats_that_cannot_be_kept_hide_no_alert(engine: TaskEngine, task: str) -> None:
    """What failed needs a person all the same; that what is stuck is not noticed is said, too."""
    (engine.root / task / "heartbeats.json").mkdir()
    engine(f"subtask {task} subtask_01 fail --note Mismatch")
    checked = engine("check")
    assert (1, True) == (checked.returncode, "failed TASK-001/subtask_01: " in checked.stdout)
    assert "heartbeat not counted: " in checked.stderr
    assert ["failed"] == [each["type"] for each in engine(f"check {task} --json").json["alerts"]]


def test_s4_63_passive_progress(engine: TaskEngine, task: str, tmp_path: Path) -> None:
    """Whoever works without a word shows it in the project: a changed file, a commit."""
    engine(f"subtask {task} subtask_01 start")
    for number in range(3):
        assert [0, 0] == [engine("check").returncode for _ in range(2)]
        (tmp_path / "src").mkdir(exist_ok=True)
        (tmp_path / "src/models.py").write_text(f"x = {number}\n", encoding="utf-8")
    assert [0, 0] == [engine("check").returncode for _ in range(2)]
    (tmp_path / ".git/logs").mkdir(parents=True)
    (tmp_path / ".git/logs/HEAD").write_text("a commit\n", encoding="utf-8")
    assert [0, 0, 1] == [engine("check").returncode for _ in range(3)]


def test_s4_63_silent_for_six_heartbeats_is_blocked(engine: TaskEngine, task: str) -> None:
    """What somebody took into their own hands and never mentioned again; its journal says why."""
    engine(f"subtask {task} subtask_01 start")
    checks = [engine("check --json") for _ in range(7)]
    kinds = [[each["type"] for each in check.json["alerts"]] for check in checks]
    assert [[], [], ["stuck"], ["stuck"], ["stuck"], ["blocked"], ["blocked"]] == kinds
    shown = engine(f"status {task} --json").json["subtasks"][0]
    assert ("BLOCKED", "by orchestrator: no progress in 6 heartbeats") == (shown["status"], shown["note"])
    assert 0 == engine(f"subtask {task} subtask_01 unblock").returncode
    assert 0 == engine("check").returncode


def test_s4_61_a_broken_plan_is_passed_over(engine: TaskEngine, task: str) -> None:
    """With a warning; the others are checked."""
    broken = engine.plan()
    engine.file(broken).write_text("no plan at all\n", encoding="utf-8")
    checked = engine("check")
    assert (0, True) == (checked.returncode, task in checked.stdout)
    assert f"warning: {broken} skipped: " in checked.stderr
    answer = engine("check --json").json
    assert ([task], [broken]) == (
        [each["task_id"] for each in answer["tasks"]],
        [each["task_id"] for each in answer["skipped"]],
    )


def test_s4_28_52_digest(engine: TaskEngine, task: str) -> None:
    """Everything that is under way, and what a person should look at."""
    engine(f"subtask {task} subtask_01 start")
    engine(f"subtask {task} subtask_02 fail --note Mismatch")
    said = engine("notify digest").stdout
    assert "1 active, 1 alert\n" in said
    assert "🚨 failed TASK-001/subtask_02: " in said
    assert "🔵 subtask_01" in said


def test_s4_29_47_created(engine: TaskEngine) -> None:
    """Title, priority, what is wanted."""
    engine('create "Implement feature X" --priority P0 --plan "3 phases: models, API, tests"')
    said = engine("notify TASK-001 created").stdout
    assert "📋 **New task TASK-001**: Implement feature X\n" in said
    assert "Priority P0" in said
    assert "> 3 phases: models, API, tests" in said


def test_s4_30_48_53_status(engine: TaskEngine, task: str) -> None:
    """A bar, and the tree of subtasks in the words of the seed."""
    engine(f"subtask {task} subtask_01 done")
    engine(f"subtask {task} subtask_02 start")
    engine.add_rows(
        task, "subtask_04 | echo docs | docs | - | P2 | None", "subtask_05 | echo more | dev | - | P2 | None"
    )
    engine(f"subtask {task} subtask_04 done")
    said = engine(f"notify {task} status").stdout
    assert "[████░░░░░░] 40%" in said
    assert "├─ ✅ subtask_01 echo models · DONE · claude-code\n" in said
    assert "├─ 🔵 subtask_02 echo api · IN_PROGRESS · claude-code\n" in said
    assert "├─ ⏸️ subtask_03 echo tests · PENDING · eva\n" in said
    assert "└─ 🟡 subtask_05 echo more · PENDING\n" in said


def test_s4_31_49_transition(engine: TaskEngine) -> None:
    """The last one, with both states, who, and why."""
    engine.plan()
    assert "was never moved" in engine("notify TASK-001 transition").stdout
    engine('transition TASK-001 approve --note "Plan approved" --as eva')
    assert "🔄 **TASK-001** 📝 PLANNING → 👍 APPROVED (approve by eva): Plan approved" in (
        engine("notify TASK-001 transition").stdout
    )


def test_s4_32_51_completed(engine: TaskEngine, task: str) -> None:
    """The final report, with what came of each subtask."""
    for number in (1, 2, 3):
        engine(f"subtask {task} subtask_0{number} done --note 'all of it'")
    engine(f'transition {task} complete --note "All verified"')
    said = engine(f"notify {task} completed").stdout
    assert said.startswith(f"🎉 **{task} COMPLETED**: Implement feature X\n")
    assert "3 of 3 subtasks" in said
    assert re.search(r"Took .+ in 3 attempts", said)
    assert 3 == said.count(" · DONE")


def test_s4_33_50_alert(engine: TaskEngine, task: str) -> None:
    """Calls a person, and says what to type; whom it calls is nobody's business but the caller's."""
    engine(f"subtask {task} subtask_01 start")
    for _ in range(3):
        engine("check")
    line = f"notify {task} alert --type stuck --subtask-id subtask_01"
    said = engine(line).stdout
    assert said.startswith(f"🚨 @here **STUCK** {task}/subtask_01\n")
    assert "no progress in 3 heartbeats" in said
    assert f"`orchestrator status {task}`" in said
    assert engine(f"{line} --ping '<@1234>'").stdout.startswith("🚨 <@1234> **STUCK**")


def test_s4_46_messages_are_only_strings(engine: TaskEngine) -> None:
    """Nothing of the network is loaded for them; what a plan says pings nobody and fits into a message."""
    program = (
        "import sys; import orchestrator.views.messages; "
        "print([name for name in ('socket', 'ssl', 'http', 'httpx', 'urllib.request') if name in sys.modules])"
    )
    environment = engine.orchestrate.environment
    loaded = subprocess.run(
        [sys.executable, "-c", program],
        # What measures coverage loads more than what is measured.
        env={name: environment[name] for name in environment if not name.startswith("COVERAGE_")},
        capture_output=True,
        text=True,
    )
    assert ("[]\n", "") == (loaded.stdout, loaded.stderr)
    made = engine.plan("IN_PROGRESS", "@everyone `**look**` <@1234> " + "long " * 100)
    engine.add_rows(made, *(f"subtask_{n:02} | {'@here ' * 30} | dev | - | P1 | -" for n in range(60)))
    for kind in ("created", "status", "transition", "completed", "alert --type overdue"):
        said = engine(f"notify {made} {kind} --ping ''").stdout
        assert len(said) <= 2000
        assert not re.search(r"@(everyone|here|\d)|<@", said), kind
