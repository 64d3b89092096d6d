"""What a run shares with others on its machine: it asks at each start, and again a little later."""

from __future__ import annotations

import math

from orchestrator.core.agent import Capacity, Crew
from orchestrator.core.result import Verdict
from orchestrator.scheduler.budget import Account, Budget
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import (
    Begun,
    Delay,
    Ended,
    Finish,
    Instruction,
    Launch,
    Recorded,
    StopRequested,
    Ticked,
)
from orchestrator.scheduler.node import Node
from tests.scheduler.engine_play import check, tell


class OneMachine:
    """A machine of which a test says what is left."""

    def __init__(self, **left: float) -> None:
        self.left = left

    def take(self, names: Crew) -> str:
        if lacking := next((name for name in names if self.left.get(name, 1) < 1), ""):
            return lacking
        for name in names:
            self.left[name] = self.left.get(name, math.inf) - 1
        return ""

    def give_back(self, names: Crew) -> None:
        for name in names:
            self.left[name] += 1


def engine(machine: OneMachine, *entries: Node) -> Engine:
    widths = dict.fromkeys(("db", "gpu"), 3)
    return Engine(
        entries, max_parallel=2, accounts={"claude": Account()}, budget=Budget(10.0), capacity=Capacity(widths, machine)
    )


def launched(todo: list[Instruction]) -> list[str]:
    return [each.task for each in todo if isinstance(each, Launch)]


def delayed(todo: list[Instruction]) -> list[tuple[str, str]]:
    return [each for each in todo if isinstance(each, Delay)]


def test_what_others_use_is_asked_for_again() -> None:
    """It keeps no slot meanwhile, reserves no money, and is told once; what needs none of it goes on."""
    machine = OneMachine(db=0)
    run = engine(machine, Node("A", pool=("db",), account="claude"), Node("B"), Node("C"))
    todo = tell(run, Begun())
    assert [("A", "db")] == delayed(todo)
    assert ["B", "C"] == launched(todo)
    assert 0 == run.budget.reserved
    check(run)
    assert 2.0 == run.wake_at
    for task in ("B", "C"):
        tell(run, Ended(task, 1, Verdict.COMPLETED), now=1.0)
        todo = tell(run, Recorded(task), now=1.0)
    assert not run.is_finished
    todo = tell(run, Ticked(), now=2.0)
    assert [] == todo
    assert 4.0 == run.wake_at
    machine.left["db"] = 1
    assert ["A"] == launched(tell(run, Ticked(), now=4.0))
    tell(run, Ended("A", 1, Verdict.COMPLETED), now=5.0)
    assert 1 == machine.left["db"]
    assert isinstance(tell(run, Recorded("A"), now=5.0)[-1], Finish)


def test_all_or_none_and_what_is_given_back_is_there_at_once() -> None:
    machine = OneMachine(db=1, gpu=1)
    run = engine(machine, Node("A", pool=("db",)), Node("B", pool=("gpu", "db")), Node("C", pool=("gpu",)))
    todo = tell(run, Begun())
    assert [("B", "db")] == delayed(todo)
    assert ["A", "C"] == launched(todo)
    tell(run, Ended("C", 1, Verdict.COMPLETED), now=0.5)
    todo = tell(run, Ended("A", 1, Verdict.COMPLETED), now=0.5)
    assert ["B"] == launched(todo)
    assert {"db": 0, "gpu": 0} == machine.left


def test_a_run_that_is_stopped_waits_for_nothing() -> None:
    run = engine(OneMachine(db=0), Node("A", pool=("db",)))
    tell(run, Begun())
    assert not run.is_finished
    tell(run, StopRequested())
    assert run.is_finished


def test_a_slot_that_was_kept_for_what_is_not_on_disk() -> None:
    """Its turn came before its needs were written; by then others have what it takes."""
    machine = OneMachine(db=1)
    run = engine(machine, Node("A"), Node("B", ("A",), pool=("db",)))
    tell(run, Begun())
    tell(run, Ended("A", 1, Verdict.COMPLETED), now=1.0)
    machine.left["db"] = 0
    assert [("B", "db")] == delayed(tell(run, Recorded("A"), now=1.0))
    check(run)
    machine.left["db"] = 1
    assert ["B"] == launched(tell(run, Ticked(), now=3.0))
