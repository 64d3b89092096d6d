"""Seed 004, rows about the tasks of a plan: handed out, reported on, started by themselves."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.acceptance.orchestrate import Answer
from tests.executors.harness import wait_until
from tests.mission.task_engine import TaskEngine


@pytest.fixture
def task(engine: TaskEngine) -> str:
    """An approved plan without tasks, whose agent runs commands."""
    made = engine.plan("APPROVED")
    engine.set_front(made, "agent: shell")
    return made


def words(engine: TaskEngine, task: str) -> list[str]:
    """Where the tasks of a plan stand."""
    return [each["status"] for each in engine(f"status {task} --json").json["subtasks"]]


def reasons(answer: Answer) -> dict[str, str]:
    """Why `auto-dispatch` skipped what it skipped."""
    return {each["subtask_id"]: each["reason"] for each in answer.json["skipped"]}


def dispatched(answer: Answer) -> list[str]:
    """What `auto-dispatch` dispatched."""
    return [each["subtask_id"] for each in answer.json["dispatches"]]


def test_s4_09_to_11_dispatch(engine: TaskEngine, task: str) -> None:
    """As the seed types it; the first one moves the plan from APPROVED to IN_PROGRESS."""
    first = engine(
        'python3 scripts/task_engine.py dispatch TASK-001 "Implement auth models" --agent claude-code --type dev --json'
    ).json
    expected = {
        "task_id": "TASK-001",
        "subtask_id": "subtask_01",
        "status": "ASSIGNED",
        "agent": "claude-code",
        "type": "dev",
        "transitions": ["APPROVED → IN_PROGRESS"],
    }
    assert expected == {key: first[key] for key in expected}
    journal = (engine.root / task / "journal.md").read_text(encoding="utf-8")
    moments = re.findall(r"^- (\S+) ·", journal, re.MULTILINE)
    assert sorted(moments) == moments, "as it happened"
    assert "subtask_02\n" == engine(f'dispatch {task} "A | bar, and `code`" --agent eva').stdout
    third = engine(
        f'dispatch {task} "Run integration tests" --agent eva --type test --deps subtask_01,subtask_02 --json'
    ).json
    assert ("PENDING", ["subtask_01", "subtask_02"], []) == (third["status"], third["deps"], third["transitions"])
    assert "IN_PROGRESS" == engine.state(task)
    names = [each["title"] for each in engine(f"status {task} --json").json["subtasks"]]
    assert ["Implement auth models", "A | bar, and `code`", "Run integration tests"] == names


def test_what_was_only_simulated_is_handed_out(engine: TaskEngine, task: str) -> None:
    """Neither `check` nor the overview calls it done, and nothing that needs it begins before it."""
    engine(f'dispatch {task} "true"')
    assert 0 == engine(f"run {task} --simulate").returncode
    assert "0%" in engine("check").stdout
    assert "0%" in engine("status").stdout
    assert "PENDING" == engine(f'dispatch {task} "true" --deps subtask_01 --json').json["status"]
    assert ["subtask_01"] == dispatched(engine(f"auto-dispatch {task} --dry-run --json"))


def test_a_misspelt_agent_is_refused_in_words_that_were_typed(engine: TaskEngine, task: str) -> None:
    """`dispatch` has no option by the name that `add` has for it."""
    refused = engine(f'dispatch {task} "echo hi" --agent shel')
    assert 2 == refused.returncode
    assert "error: 'shel' looks like the agent 'shell' misspelt\n" in refused.stderr


def test_s4_11_nothing_is_dispatched_before_approval(engine: TaskEngine) -> None:
    """Exit status 4, and what to type; after the end of a plan neither."""
    for state, status in (("PLANNING", 4), ("BLOCKED", 4), ("REJECTED", 2)):
        made = engine.plan(state)
        before = engine.file(made).read_bytes()
        assert status == engine(f'dispatch {made} "Do it"').returncode
        assert before == engine.file(made).read_bytes()


def test_nothing_is_begun_or_done_before_approval(engine: TaskEngine) -> None:
    """By whatever command; nothing is written."""
    for state in ("PLANNING", "BLOCKED"):
        made = engine.plan(state)
        engine.add_rows(made, "subtask_01 | Models | dev | - | P2 | None")
        for line in (
            f"subtask {made} subtask_01 start",
            f"subtask {made} subtask_01 done",
            f"claim --dir {made}",
            f"complete subtask_01 --dir {made}",
            f"update subtask_01 --type test --status done --dir {made}",
        ):
            refused = engine(f"{line} --json")
            assert (4, "not_approved") == (refused.returncode, refused.json["code"])
        assert ["PENDING"] == words(engine, made)
        assert "| dev |" in engine.file(made).read_text(encoding="utf-8")
        assert 0 == engine(f"cancel subtask_01 --dir {made}").returncode


def test_what_was_begun_may_be_ended_while_the_plan_is_blocked(engine: TaskEngine, task: str) -> None:
    """Somebody who works has to be able to report."""
    for title in ("Models", "API", "Docs"):
        engine(f"dispatch {task} {title} --agent eva")
    for each in ("subtask_01", "subtask_02", "subtask_03"):
        engine(f"subtask {task} {each} start --as eva")
    engine(f"subtask {task} subtask_03 block --as eva")
    engine(f"transition {task} block")
    assert 0 == engine(f"subtask {task} subtask_01 start --progress 30 --as eva").returncode
    assert 0 == engine(f"subtask {task} subtask_01 done --as eva").returncode
    assert 0 == engine(f"subtask {task} subtask_02 fail --as eva").returncode
    assert 0 == engine(f"subtask {task} subtask_03 done --as eva").returncode
    assert ["DONE", "FAILED", "DONE"] == words(engine, task)


def test_nothing_more_happens_to_the_tasks_of_a_plan_that_is_over(engine: TaskEngine, task: str) -> None:
    """Not to what somebody has in hand either, and no heartbeat blocks it."""
    engine(f"dispatch {task} Models --agent eva")
    engine(f"dispatch {task} API --agent eva")
    engine(f"subtask {task} subtask_01 start")
    engine(f"transition {task} fail")
    for line, event in (
        (f"subtask {task} subtask_01 done", "done"),
        (f"subtask {task} subtask_02 block", "block"),
        (f"claim --dir {task}", "start"),
        (f"cancel subtask_01 --dir {task}", "cancel"),
    ):
        refused = engine(line)
        assert (2, True) == (refused.returncode, f"error: Invalid transition: FAILED + '{event}'\n" in refused.stderr)
    assert [0] * 7 == [engine(f"check {task}").returncode for _ in range(7)]
    assert ["IN_PROGRESS", "ASSIGNED"] == words(engine, task)


def test_s4_12_to_15_subtask(engine: TaskEngine, task: str) -> None:
    """Start with progress, done and fail with a note, block and unblock."""
    for title in ("Models", "API"):
        engine(f"dispatch {task} {title} --agent eva")
    started = engine(f"subtask {task} subtask_01 start --progress 30 --json").json
    assert (True, "IN_PROGRESS", 30) == (started["ok"], started["status"], started["progress"])
    for look in (f"status {task}", f"notify {task} status", f"list {task}"):
        assert " · 30%\n" in engine(look).stdout  # seed row S4-48
    done = engine(f'subtask {task} subtask_01 done --note "Models complete" --json').json
    assert ("DONE", 100) == (done["status"], done["progress"])
    (told, _) = engine(f"status {task} --json").json["subtasks"]
    for each in (done, told):
        assert re.fullmatch(r"by \S+: Models complete", each["note"])
    assert "Models complete" in engine(f"show subtask_01 --dir {engine.root / task}").stdout
    blocked = engine(f'subtask {task} subtask_02 block --note "No key" --json').json
    assert ("BLOCKED", True) == (blocked["status"], "No key" in blocked["note"])
    assert "ASSIGNED" == engine(f"subtask {task} subtask_02 unblock --json").json["status"]
    failed = engine(f'subtask {task} subtask_02 fail --note "Schema mismatch" --json').json
    assert ("FAILED", True) == (failed["status"], "Schema mismatch" in failed["note"])
    assert ["DONE", "FAILED"] == words(engine, task)


def test_s4_56_a_refusal_is_in_the_words_of_the_seed(engine: TaskEngine, task: str) -> None:
    """Where a task stands is said as everywhere else in the command, and what was typed as it was."""
    engine(f"dispatch {task} Models")
    engine(f"dispatch {task} API --agent eva")
    engine(f"dispatch {task} Docs --deps subtask_01,subtask_02")
    engine(f"subtask {task} subtask_01 start --as eva")
    for line, message, hint in (
        ("subtask_01 start --as ana", "Invalid transition: IN_PROGRESS + 'start'", "eva runs"),
        (
            "subtask_02 unblock",
            "Invalid transition: ASSIGNED + 'unblock'",
            "a task that is ASSIGNED allows start, complete",
        ),
        (
            "subtask_03 done",
            "Dependency not DONE: subtask_01 (IN_PROGRESS), subtask_02 (ASSIGNED)",
            "subtask_03 can be done once they are completed",
        ),
    ):
        refused = engine(f"subtask {task} {line} --json").json
        assert message == refused["message"]
        assert hint in refused["hint"]
    engine(f"subtask {task} subtask_01 done --as eva")
    again = engine(f"subtask {task} subtask_01 done --json").json
    assert "Invalid transition: DONE + 'done'" == again["message"]


def test_what_no_action_does_is_answered_with_a_command(engine: TaskEngine, task: str) -> None:
    """It can be typed as it stands."""
    engine(f"dispatch {task} API --agent eva")
    engine(f"subtask {task} subtask_01 fail")
    refused = engine(f"subtask {task} subtask_01 start")
    assert (2, True) == (
        refused.returncode,
        f"hint: `orchestrator retry --dir {task} subtask_01` has it done again; " in refused.stderr,
    )


def test_s4_40_words_for_where_a_task_stands(engine: TaskEngine, task: str) -> None:
    """The six of the seed."""
    for title in ("Go", "Stop", "Fail", "Do"):
        engine(f"dispatch {task} {title} --agent eva")
    engine(f"dispatch {task} After --deps subtask_04")
    engine(f"dispatch {task} Given --agent eva")
    engine(f"subtask {task} subtask_01 start")
    engine(f"subtask {task} subtask_02 block")
    engine(f"subtask {task} subtask_03 fail")
    assert ["IN_PROGRESS", "BLOCKED", "FAILED", "ASSIGNED", "PENDING", "ASSIGNED"] == words(engine, task)
    engine(f"subtask {task} subtask_04 done")
    assert "DONE" == words(engine, task)[3]


def test_s4_60_dependency_not_done(engine: TaskEngine, task: str) -> None:
    """Nobody starts or completes what waits, by hand or not."""
    engine(f"dispatch {task} Models")
    engine(f"dispatch {task} API --deps subtask_01")
    for action in ("start", "done"):
        refused = engine(f"subtask {task} subtask_02 {action}")
        assert (2, True) == (refused.returncode, "Dependency not DONE: subtask_01" in refused.stderr)
    assert {"subtask_02": "Dependency not DONE: subtask_01"} == reasons(
        engine(f"auto-dispatch {task} --subtask subtask_02")
    )


def test_s4_63_a_cycle_is_refused(engine: TaskEngine, task: str) -> None:
    """A new task needs only what is there already, itself not among it; nothing is written."""
    engine(f"dispatch {task} Models")
    before = engine.file(task).read_bytes()
    for flags, code in (
        ("--deps subtask_02", "not_found"),
        ("--deps subtask_07", "not_found"),
        ("--agent simulatd", "usage"),
        ("--priority P9", "usage"),
    ):
        refused = engine(f"dispatch {task} API {flags} --json")
        assert (2, False, code) == (refused.returncode, refused.json["ok"], refused.json["code"])
    assert before == engine.file(task).read_bytes()


def test_s4_22_27_auto_dispatch_starts_what_is_ready(engine: TaskEngine, task: str) -> None:
    """Everything that waits for nothing, by a run of its own; what it did not start it names, with the reason."""
    for title in ("echo models", "echo api"):
        engine(f'dispatch {task} "{title}"')
    engine(f'dispatch {task} "echo tests" --type test --deps subtask_01,subtask_02')
    started = engine(f"auto-dispatch {task}")
    assert (0, True) == (started.returncode, started.json["ok"])
    assert ["subtask_01", "subtask_02"] == dispatched(started)
    assert {"subtask_03": "Dependency not DONE: subtask_01, subtask_02"} == reasons(started)
    wait_until(lambda: "TESTING" == engine.state(task))
    assert ["DONE", "DONE", "PENDING"] == words(engine, task)
    assert ["subtask_03"] == dispatched(engine(f"auto-dispatch {task}"))
    wait_until(lambda: "REVIEW" == engine.state(task))
    assert ([], {}) == (dispatched(again := engine(f"auto-dispatch {task}")), reasons(again))


def test_s4_27_both_arrays_are_there_however_it_ends(engine: TaskEngine) -> None:
    """Also where nothing is handed out at all: whoever reads the answer looks there for the reason."""
    waiting, over, blocked = engine.plan(), engine.plan("REJECTED"), engine.plan("BLOCKED")
    free = engine.plan("APPROVED")
    for words, task in (
        (waiting, waiting),
        (over, over),
        (blocked, blocked),
        (f"{waiting} --dry-run", waiting),
        ("TASK-009", "TASK-009"),
        (f"{free} --subtask subtask_09", free),
        ("", ""),
        (f"{free} --all", ""),
    ):
        refused = engine(f"auto-dispatch {words}")
        assert (True, False, []) == (refused.returncode in {2, 4}, refused.json["ok"], refused.json["dispatches"]), (
            words
        )
        named = [(each["task_id"], each["reason"]) for each in refused.json["skipped"]]
        assert ([(task, refused.json["message"])] if task else []) == named


def test_s4_23_dry_run(engine: TaskEngine, task: str) -> None:
    """Says the same, and starts nothing."""
    engine(f'dispatch {task} "echo models"')
    seen = engine(f"auto-dispatch {task} --dry-run").json
    assert (True, ["subtask_01"]) == (seen["dry_run"], [each["subtask_id"] for each in seen["dispatches"]])
    assert ["PENDING"] == words(engine, task)
    assert not (engine.root / task / "logs").exists()


def test_s4_24_all_plans(engine: TaskEngine, task: str) -> None:
    """What is not approved is named; a plan that cannot be read keeps nobody from working."""
    engine(f'dispatch {task} "echo one"')
    waiting = engine.plan()
    other = engine.plan("APPROVED")
    engine.set_front(other, "agent: shell")
    engine.add_rows(other, "subtask_01 | echo two | dev | - | P1 | None")
    broken = {engine.plan(): text for text in (b"\xff\xff", b"", b"x", b"| ID |\n|---|\n| T 1 |\n")}
    for made, text in broken.items():
        engine.file(made).write_bytes(text)
    answered = engine("auto-dispatch --all")
    assert (0, True) == (answered.returncode, answered.json["ok"])
    answer = answered.json
    assert [task, other] == [each["task_id"] for each in answer["dispatches"]]
    skipped = {each["task_id"]: each["reason"] for each in answer["skipped"]}
    assert {waiting, *broken} == set(skipped)
    assert "not approved: PLANNING" == skipped[waiting]
    for made in (task, other):
        wait_until(lambda made=made: "TESTING" == engine.state(made))  # type: ignore[misc]


def test_s4_25_one_task(engine: TaskEngine, task: str) -> None:
    """Only this one; of one that is done it says so; one that is not there is an error, in JSON too."""
    for title in ("echo models", "echo api"):
        engine(f'dispatch {task} "{title}"')
    assert ["subtask_02"] == dispatched(engine(f"auto-dispatch {task} --subtask subtask_02"))
    wait_until(lambda: ["PENDING", "DONE"] == words(engine, task))
    again = engine(f"auto-dispatch {task} --subtask subtask_02")
    assert ([], {"subtask_02": "already DONE"}) == (dispatched(again), reasons(again))
    missing = engine(f"auto-dispatch {task} --subtask subtask_09")
    assert (2, "Subtask subtask_09 not found") == (missing.returncode, missing.json["message"])


def test_s4_26_s4_63_context(engine: TaskEngine, task: str) -> None:
    """What an agent has to know: plan, files, criteria, constraints, how to report. Nothing is started."""
    engine(f'dispatch {task} "Implement auth models" --agent eva --priority P0')
    engine(f'dispatch {task} "Use them" --deps subtask_01')
    (shown,) = engine(f"auto-dispatch {task} --subtask subtask_02 --show-context").json["dispatches"]
    context = shown["context"]
    assert ("Implement feature X", "Use them", ["subtask_01"]) == (
        context["plan"]["title"],
        context["subtask"]["title"],
        context["subtask"]["deps"],
    )
    results = f"{engine.root}/{task}/results"
    assert f"{results}/subtask_01-result.md" == context["files"]["inputs"]["subtask_01"]
    assert str(engine.orchestrate.where) == context["files"]["workdir"]
    assert {"criteria", "constraints"} <= set(context)
    assert "5m00s" == context["constraints"]["timeout"]
    assert ["ASSIGNED", "PENDING"] == words(engine, task)
    for name in ("start", "done"):
        line = context["report"][name].replace("subtask_02", "subtask_01")
        # Whoever does it sits anywhere, and has no other name for us.
        env = engine.orchestrate.environment
        subprocess.run(["sh", "-c", line], cwd="/", env=env, check=True, capture_output=True)
    assert "DONE" == words(engine, task)[0]
