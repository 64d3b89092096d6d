"""Conditions and trigger rules as the scheduler sees them: it asks, and goes by the answer."""

from __future__ import annotations

from orchestrator.core.readiness import Rule
from orchestrator.core.result import Verdict
from orchestrator.core.status import RunIf, TaskStatus
from orchestrator.scheduler.messages import Begun, Decide, Decided, Recorded, StopRequested
from orchestrator.scheduler.node import Node
from tests.scheduler.engine_play import completes, ends, engine, fails, launched, skipped, tell


def test_a_condition_is_asked_for_once_everything_before_it_is_on_disk() -> None:
    run = engine(Node("a"), Node("b", ("a",), condition="c"))
    tell(run, Begun())
    assert Decide("b", "c") in completes(run, "a")
    assert ["b"] == launched(tell(run, Decided("b", "c", is_met=True)))


def test_what_is_not_met_is_recorded_and_keeps_nobody_back() -> None:
    """What only depends on it is not needed either; a join goes on."""
    nodes = [Node("a"), Node("b", ("a",), condition="c"), Node("c", ("b",)), Node("d", ("a", "b", "c"))]
    run = engine(*nodes)
    tell(run, Begun())
    completes(run, "a")
    tell(run, Decided("b", "c", is_met=False))
    after = tell(run, Recorded("b"))
    assert {"c": "b skipped"} == skipped(after)
    assert ["d"] == launched(after)


def test_what_is_undecided_skips_what_depends_on_it() -> None:
    run = engine(Node("a"), Node("b", ("a",), condition="c"), Node("c", ("a", "b")))
    tell(run, Begun())
    completes(run, "a")
    tell(run, Decided("b", "c", is_met=None))
    assert {"c": "b skipped"} == skipped(tell(run, Recorded("b")))


def test_nothing_is_asked_in_a_run_that_ends() -> None:
    """Else a condition that cannot be looked at would be asked for again and again."""
    run = engine(Node("a"), Node("b", ("a",), condition="c"))
    tell(run, Begun())
    assert Decide("b", "c") in completes(run, "a")
    tell(run, StopRequested())
    assert not [each for each in tell(run, Decided("b", "", is_met=None)) if isinstance(each, Decide)]
    assert run.is_finished


def test_a_task_runs_whatever_came_of_another() -> None:
    rule = Rule(RunIf.ANY_FAILED)
    run = engine(Node("a"), Node("b", ("a",), rule=rule), Node("c", ("a",)))
    tell(run, Begun())
    after = fails(run, "a")
    assert ["b"] == launched(after)
    assert {"c": "a failed"} == skipped(after)


def test_a_fallback_stands_in() -> None:
    """What depends on the task that failed waits for the fallback, and is skipped if that fails, too."""
    for verdict, status in ((Verdict.COMPLETED, TaskStatus.RUNNING), (Verdict.FAILED, TaskStatus.SKIPPED)):
        nodes = [Node("a"), Node("f", ("a",), rule=Rule(fallback_for="a"))]
        run = engine(*nodes, Node("d", ("a", "f"), rule=Rule(covers={"a": "f"})))
        tell(run, Begun())
        assert ["f"] == launched(fails(run, "a"))
        ends(run, "f", verdict)
        assert status is run.entries["d"].status
