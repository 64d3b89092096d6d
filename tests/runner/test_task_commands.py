"""What other commands build on: a status that somebody wants, and a caller who waits for nobody."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import TransitionError
from orchestrator.runner.task_commands import give_up, intervene, set_status
from orchestrator.services.plugins import Plugins
from orchestrator.store.layout import Layout
from orchestrator.store.requests import Reply, Requests, new_id
from orchestrator.store.result_file import render_result
from orchestrator.store.workspace import Workspace
from orchestrator.wiring import plugins as wired
from tests.runner.bench import write_plan

S = TaskStatus


def wants(task: str, verb: Verb = Verb.START, **more: object) -> TaskCommand:
    """What bob wants right now."""
    return TaskCommand(verb, task, "bob", time.time(), **more)  # type: ignore[arg-type]


def plugins(layout: Layout) -> Plugins:
    """What a command has."""
    return wired(layout=layout)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return write_plan(tmp_path, {"T-01": "", "T-02": "T-01"}).layout


def test_a_status_is_set_by_the_verb_that_leads_there(layout: Layout) -> None:
    """`update ID --status S`, seed row S1-23; with who and why."""
    for status in (S.BLOCKED, S.PENDING, S.RUNNING, S.COMPLETED, S.PENDING, S.CANCELLED):
        (reply,) = set_status(layout, status, wants("T-01", note="so"), plugins, lambda: None)
        assert (True, "T-01", status.value) == (reply.is_ok, reply.task, reply.status)
    assert "by bob: so" == Workspace(layout).load().standing["T-01"].reason
    with pytest.raises(TransitionError, match="nobody sets the status skipped"):
        set_status(layout, S.SKIPPED, wants("T-02"), plugins, lambda: None)


def test_a_skipped_task_is_brought_back_by_what_failed_before_it(layout: Layout) -> None:
    """Its own status only follows from others."""
    intervene(layout, wants("T-01", Verb.FAIL), plugins, lambda: None)
    assert S.SKIPPED is Workspace(layout).load().status("T-02")
    (reply,) = set_status(layout, S.PENDING, wants("T-02"), plugins, lambda: None)
    assert ("T-01", "pending") == (reply.task, reply.status)
    assert S.WAITING is Workspace(layout).load().status("T-02")
    intervene(layout, wants("T-01", Verb.CANCEL), plugins, lambda: None)
    with pytest.raises(TransitionError, match=r"Dependency not DONE: T-01 \(cancelled\)"):
        set_status(layout, S.PENDING, wants("T-02"), plugins, lambda: None)


def test_what_a_dead_run_left_without_a_record_is_done_by_hand(layout: Layout) -> None:
    """A power cut leaves a result that says running, and a log that was paid for: it stays, and the word counts."""
    dead = Attempt(1, 1, run="r1", agent="shell", started=5.0)
    left = Result("T-01", "shell", S.RUNNING, (dead,))
    text = render_result(left, label="Do T-01", answer="")
    Path(layout.result_file("agent-01")).write_text(text)
    paid = Path(layout.attempt("agent-01", 1).stdout)
    paid.write_text("half a chapter\n")
    intervene(layout, wants("T-01", Verb.COMPLETE, answer="I did it"), plugins, lambda: None)
    assert "half a chapter\n" == paid.read_text()
    Path(layout.index).unlink()  # only a cache: the result counts with its record
    board = Workspace(layout).load()
    assert S.COMPLETED is board.status("T-01")
    assert ["interrupted", "completed"] == [each.status for each in board.results["T-01"].attempts]


def test_nobody_is_asked_when_the_plan_is_free(layout: Layout) -> None:
    """No request is left, no guard started, nothing but the result and its evidence written."""
    intervene(layout, wants("T-01"), plugins, pytest.fail)
    names = {path.name for path in Path(layout.root).iterdir()}
    assert names == {
        "agent_tasks", "commands.lock", "index.json", "journal.md", "logs", "master_plan.md", "plan.lock",
        "results", "run.lock",
    }  # fmt: skip
    assert "" == Path(layout.lock).read_text()


def test_whoever_gives_up_hears_what_was_done_meanwhile(layout: Layout) -> None:
    """The run has answered, and nobody had come for it."""
    requests, command = (Requests(layout.requests), wants("T-01", Verb.BLOCK)._replace(id=new_id(1.0)))
    requests.leave(command)
    assert [command.id] == requests.look()
    requests.answer(command.id, Reply.done("T-01", S.BLOCKED))
    given_up = KeyboardInterrupt()
    give_up(requests, command, given_up)
    assert ["T-01 is blocked"] == given_up.__notes__
    assert [] == os.listdir(requests.directory)
