"""A task may be called as its files are: ``agent-03`` is T-03, wherever a command takes an id."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan

PLAN = {"T-01": "echo one", "T-02": ("echo two", "T-01"), "T-03": "echo three"}


def test_every_command_knows_a_task_by_its_files(orchestrate: Orchestrate, root: Path) -> None:
    """And answers with its id."""
    write_plan(root, PLAN)
    for words, said in (
        (("run", "--only", "agent-01, Agent-03", "--dry-run"), "2 of 3 tasks would run"),
        (("run", "--only", "agent-01"), "1 of 3 tasks completed"),
        (("show", "Agent-01"), "T-01: echo one"),
        (("history", "agent-01"), "T-01: echo one"),
        (("share", "agent-01", "hello"), "shared on T-01"),
        (("share", "Agent-01", "hello", "--json"), '"task": "T-01"'),
        (("context", "agent-01", "--json"), "messages about T-01"),
        (("start", "agent-03", "--as", "ann"), "T-03"),
        (("complete", "agent-03", "by hand"), "T-03"),
        (("retry", "agent-03"), "T-03"),
        (("claim", "agent-03"), "T-03\n"),
        (("cancel", "AGENT-03"), "T-03"),
        (("update", "agent-02", "--priority", "high"), "T-02: priority: high"),
        (("update", "agent-02", "--status", "blocked"), "T-02 is blocked"),
        (("update", "T-02", "--add-dep", "agent-03 (order)"), "needs: T-01, T-03 (order)"),
        (("update", "T-02", "--remove-dep", "agent-03"), "needs: T-01"),
        (("add", "Write it", "--depends-on", "agent-03", "--id", "T-04"), "T-04"),
        (("add", "Write more", "--parent", "agent-04", "--id", "T-05"), "T-05"),
        (("list", "--parent", "agent-04"), "T-05"),
    ):
        answer = orchestrate(*words)
        assert 0 == answer.returncode, (words, answer)
        assert said in answer.stdout + answer.stderr, (words, answer)
    assert 2 == orchestrate("context", "T-01").stdout.count("hello")
    tasks = {each["id"]: each for each in orchestrate("list", "--json").json["tasks"]}
    assert ["T-03"] == tasks["T-04"]["needs"][:1]


def test_tasks_of_one_plan_among_many(orchestrate: Orchestrate) -> None:
    """`dispatch`, `subtask`, `auto-dispatch` and `notify` know them too."""
    orchestrate("create", "X")
    orchestrate("transition", "TASK-001", "approve")
    orchestrate("add", "Write the parser", "--id", "T-01", "--dir", "TASK-001")
    dispatched = orchestrate("dispatch", "TASK-001", "Test it", "--deps", "agent-01", "--json")
    assert ["T-01"] == dispatched.json["deps"]
    started = orchestrate("subtask", "TASK-001", "agent-01", "start")
    assert "T-01 is" in started.stdout
    alert = ("notify", "TASK-001", "alert", "--subtask-id", "agent-01")
    assert "T-01" in orchestrate(*alert).stdout
    handed = orchestrate("auto-dispatch", "TASK-001", "--subtask", "agent-01", "--dry-run").json
    assert "T-01" == handed["skipped"][0]["subtask_id"]


def test_a_name_that_may_be_several_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    """A row may say Agent-03 of a task that is not T-03; then both are told, and nothing is done."""
    write_plan(root, PLAN)
    assert 0 == orchestrate("update", "T-01", "--agent", "Agent-03").returncode
    refused = orchestrate("cancel", "agent-03")
    assert 2 == refused.returncode
    assert "agent-03 may be any of T-01, T-03" in refused.stderr
    assert "task agent-09 not found" in orchestrate("show", "agent-09").stderr
