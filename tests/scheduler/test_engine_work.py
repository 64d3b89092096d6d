"""How good the scheduler is, and what it costs: no timed assertions, only virtual time and counted work."""

from __future__ import annotations

import heapq
import math
import sys
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from types import FrameType
from typing import Any

import pytest

from orchestrator.core.result import StreamSignals, Verdict
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.scheduler.budget import Account, Budget
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import (
    ActivitySeen,
    Begun,
    Decide,
    Delay,
    Ended,
    Finish,
    Hold,
    Input,
    Instruction,
    Launch,
    Record,
    Recorded,
    Refuse,
    Resume,
    Skip,
    Stop,
    Strain,
    Tick,
)
from orchestrator.scheduler.node import Intervened, Node

# ── how long a run takes ──────────────────────────────────────────────────────────────────────────────────────────


def seconds_of(run: Engine, *, task: float, commit: float) -> float:
    """Play a run in which every task takes as long, and so does every commit; return when it finished."""
    happens: list[tuple[float, int, Input]] = []
    order = count()
    heapq.heappush(happens, (0.0, next(order), Begun()))
    while happens:
        now, _, event = heapq.heappop(happens)
        for each in run.handle(event, Tick(now)):
            match each:
                case Launch(id, attempt, _):
                    ended = Ended(id, attempt, Verdict.COMPLETED)
                    heapq.heappush(happens, (now + task, next(order), ended))
                case Record(id):
                    heapq.heappush(happens, (now + commit, next(order), Recorded(id)))
                case Finish():
                    return now
                case Stop() | Skip() | Decide() | Delay() | Hold() | Resume() | Strain() | Refuse():
                    raise AssertionError(each)
    raise AssertionError("the run never finished")


@pytest.mark.parametrize("slots", [2, 3, 4])
def test_a_long_chain_is_not_held_up_by_short_tasks(slots: int) -> None:
    """One chain among short tasks takes hardly longer than the chain alone, also when results take time to write."""
    length = 20
    chain = [Node(f"c{n}", (f"c{n - 1}",) if n else (), rank=float(length - n)) for n in range(length)]
    singles = [Node(f"s{n}", rank=1.0) for n in range(length * (slots - 1))]
    took = seconds_of(Engine([*singles, *chain], max_parallel=slots), task=60.0, commit=0.01)
    assert took <= 60.0 * length * 1.1


# ── work per event ────────────────────────────────────────────────────────────────────────────────────────────────


class Counted(float):
    """A rank that counts how often it is compared: what the queue of ready tasks costs."""

    comparisons = 0

    def __neg__(self) -> Counted:
        return Counted(-float(self))

    def __eq__(self, other: object) -> bool:
        Counted.comparisons += 1
        return float(self) == other

    def __lt__(self, other: float) -> bool:
        Counted.comparisons += 1
        return float(self) < float(other)

    __hash__ = float.__hash__


def work_of(call: Callable[[], list[Instruction]]) -> tuple[list[Instruction], int]:
    """Return what *call* answers, and its work: functions called, built-in ones too, and ranks compared."""
    calls = 0

    def note(frame: FrameType, what: str, argument: Any) -> None:
        nonlocal calls
        calls += what in {"call", "c_call"}

    before, profile = Counted.comparisons, sys.getprofile()
    sys.setprofile(note)
    try:
        answer = call()
    finally:
        sys.setprofile(profile)
    return answer, calls + Counted.comparisons - before


def most_work(entries: Sequence[Node]) -> int:
    """Run a plan to its end; return the work of its most laborious event after the first."""
    run = Engine(entries, max_parallel=4, accounts={"claude": Account()}, budget=Budget(len(entries) * 1.0))
    most, todo = 0, deque[Input]([Begun()])
    while todo:
        event = todo.popleft()
        answer, work = work_of(lambda event=event: run.handle(event, Tick(0.0)))  # type: ignore[misc]
        if not isinstance(event, Begun):
            most = max(most, work)
        for each in answer:
            if isinstance(each, Launch):
                cost = 0.1 if run.entries[each.task].account else 0.0
                if cost:
                    signs = StreamSignals(is_answered=True, is_delivered=True)
                    todo.append(ActivitySeen(each.task, each.attempt, signs))
                todo.append(Ended(each.task, each.attempt, Verdict.COMPLETED, cost=cost))
            elif isinstance(each, Record):
                todo.append(Recorded(each.task))
    assert {TaskStatus.COMPLETED} == {entry.status for entry in entries}
    return most


def independent(size: int) -> list[Node]:
    return [Node(f"t{n}", rank=Counted(n * 7919 % size)) for n in range(size)]


def layered(size: int) -> list[Node]:
    """Every task needs three of the layer before."""
    return [
        Node(
            f"t{n}",
            tuple(f"t{need}" for need in range(n - 100, n - 97) if need >= 0),
            rank=Counted(size - n),
            timeout=300.0,
        )
        for n in range(size)
    ]


def paid(size: int) -> list[Node]:
    """Every second task costs money, every fourth has a cap of its own; the rest shares an account of a budget."""
    entries = layered(size)
    for entry in entries:
        entry.idle_timeout = 60.0
        if int(entry.id[1:]) % 2 == 0:
            entry.account = "claude"
        if int(entry.id[1:]) % 4 == 0:
            entry.budget = 0.5
    return entries


@pytest.mark.parametrize("plan", [independent, layered, paid])
def test_work_per_event_does_not_grow_with_the_plan(plan: Callable[[int], list[Node]]) -> None:
    """Ten thousand tasks cost at most log₁₀ more per event than one hundred, never a hundred times as much."""
    small, big = most_work(plan(200)), most_work(plan(10_000))
    assert big <= small * math.log(10_000) / math.log(200) + 10


def commands_work(entries: Sequence[Node]) -> int:
    """Block, unblock, cancel, retry and complete tasks that wait far behind; return the work of the hardest event."""
    run = Engine(entries, max_parallel=4)
    run.handle(Begun(), Tick(0.0))
    most = 0
    for number, verb in enumerate(
        [Verb.BLOCK, Verb.UNBLOCK, Verb.CANCEL, Verb.RETRY, Verb.START, Verb.COMPLETE, Verb.RETRY]
    ):
        command = TaskCommand(verb, "t7", "bob", 0.0, id=str(number))
        for event in (Intervened(command, "bob"), Recorded("t7")):
            answer, work = work_of(lambda event=event: run.handle(event, Tick(0.0)))  # type: ignore[misc]
            assert not any(isinstance(each, Refuse) for each in answer)
            most = max(most, work)
    return most


def test_the_work_of_a_command_does_not_grow_with_the_plan() -> None:
    """A task is withdrawn from its queue without looking for it."""
    small, big = commands_work(independent(200)), commands_work(independent(10_000))
    assert big <= small * math.log(10_000) / math.log(200) + 10
