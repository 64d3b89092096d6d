"""A batch that stops: once a task of it failed, none that has not started is started."""

from __future__ import annotations

from orchestrator.core.result import Verdict
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import Begun, Recorded, Replanned
from orchestrator.scheduler.node import Intervened, Node
from tests.scheduler.engine_play import completes, ends, engine, fails, launched, skipped, tell


def nodes(max_attempts: int = 1) -> list[Node]:
    """A batch of four, and what depends on it."""
    ids = [f"b.{number}" for number in range(1, 5)]
    batch = [Node(each, stops="b", max_attempts=max_attempts) for each in ids]
    return [*batch, Node("b", needs=tuple(ids), is_umbrella=True), Node("after", needs=("b",)), Node("other")]


def begun(slots: int = 1, max_attempts: int = 1) -> Engine:
    to = engine(*nodes(max_attempts), slots=slots)
    tell(to, Begun())
    return to


def test_nothing_more_of_it_starts() -> None:
    to = begun()
    told = [*completes(to, "b.1"), *fails(to, "b.2")]
    assert {"b.3": "b.2 failed", "b.4": "b.2 failed", "after": "b skipped"}.items() <= skipped(told).items()
    assert ["b.2", "other"] == launched(told)
    completes(to, "other")
    assert to.is_finished


def test_what_has_started_goes_on() -> None:
    to = begun(slots=3)
    told = fails(to, "b.2")
    assert ["other"] == launched(told)
    completes(to, "b.1")
    assert TaskStatus.RUNNING is to.entries["b.3"].status
    completes(to, "b.3")
    assert TaskStatus.SKIPPED is to.entries["b.4"].status


def test_an_attempt_that_is_repeated_stops_nothing() -> None:
    to = begun(max_attempts=2)
    told = fails(to, "b.1")
    assert not skipped(told)
    assert TaskStatus.FAILED is not to.entries["b.1"].status


def test_a_retry_brings_all_of_it_back() -> None:
    to = begun()
    fails(to, "b.1")
    told = tell(to, Intervened(TaskCommand(Verb.RETRY, "b.1", "ana", 0.0, id="r")))
    told += tell(to, Recorded("b.1"))
    assert [TaskStatus.WAITING] * 2 == [to.entries[each].status for each in ("b", "after")]
    completes(to, "other")
    for number in range(1, 5):
        completes(to, f"b.{number}")
    completes(to, "after")
    assert {TaskStatus.COMPLETED} == {entry.status for entry in to.entries.values()}


def test_a_changed_plan_does_not_start_it_again() -> None:
    to = begun()
    fails(to, "b.1")
    told = tell(to, Replanned((*nodes(), Node("new"))))
    assert not [each for each in launched(told) if each.startswith("b")]
    ends(to, "other", Verdict.COMPLETED)
    completes(to, "new")
    assert [TaskStatus.SKIPPED] * 3 == [to.entries[f"b.{number}"].status for number in range(2, 5)]
    assert to.is_finished
