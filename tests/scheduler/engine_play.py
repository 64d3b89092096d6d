"""Plays an engine by hand: tell it what happens, look at what it wants."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from orchestrator.core.readiness import Ready, Skipped, Waiting
from orchestrator.core.result import StreamSignals, Verdict
from orchestrator.core.status import SETTLED, TaskStatus
from orchestrator.scheduler import replan
from orchestrator.scheduler.budget import Account, Budget
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import (
    ActivitySeen,
    Decided,
    Ended,
    Hold,
    Input,
    Instruction,
    Launch,
    Record,
    Recorded,
    Resume,
    Skip,
    Strain,
    Tick,
    Ticked,
)
from orchestrator.scheduler.node import Node


def engine(
    *entries: Node,
    slots: int = 10,
    stop_on_failure: bool = False,
    accounts: Mapping[str, Account] | None = None,
    budget: float | None = None,
) -> Engine:
    """An engine over these tasks; without *accounts*, one called claude is open."""
    return Engine(
        entries,
        max_parallel=slots,
        stop_on_failure=stop_on_failure,
        accounts={"claude": Account()} if accounts is None else accounts,
        budget=None if budget is None else Budget(budget),
    )


def check(engine: Engine, *, is_reopened: bool = False) -> None:
    """Hold an engine to its invariants.

    *is_reopened*: what a task needs may be open again after it was started, for an umbrella got one task more.
    """
    is_reopened = is_reopened or any(entry.is_umbrella for entry in engine.entries.values())
    assert len(engine._running) + len(engine._reserved) <= engine._max_parallel
    assert engine._unrecorded == sum(entry.unrecorded for entry in engine.entries.values())
    capacity = engine._admission.capacity
    pluralize = Counter(key for entry in engine._running.values() for key in entry.pool)
    assert pluralize == +capacity._under_way
    assert all(number <= capacity.widths[key] for key, number in pluralize.items())
    for entry in engine.entries.values():
        is_ours = entry.id in engine._running  # else a person or an outside agent is at it
        assert entry.status is TaskStatus.RUNNING or not is_ours
        assert is_ours or entry.intended is None
        met = all(
            replan.settles(engine.entries[need], entry) and not engine.entries[need].unrecorded
            for need in entry.needs
            # What was started goes on when an umbrella before it gets one task more.
            if entry.status is TaskStatus.PENDING or not engine.entries[need].is_umbrella
        )
        has_turn = is_ours or entry.status in {TaskStatus.PENDING, TaskStatus.RETRYING}
        if is_reopened or not entry.rule.is_plain:
            has_turn = entry.status is TaskStatus.PENDING
        assert met or not has_turn or entry.unrecorded or entry.intended is not None
        assert entry.charge <= entry.max_attempts
        check_readiness(engine, entry)
    if engine.is_finished and not engine.is_draining:
        kept = {TaskStatus.BLOCKED, TaskStatus.WAITING, TaskStatus.RUNNING}
        for entry in engine.entries.values():
            doors = engine._admission.accounts[entry.account].doors(entry.model)
            is_held = any(door.opens_at == math.inf for _, door in doors)
            is_kept = entry.status in kept or entry in engine._admission.unaffordable or is_held
            assert entry.status in SETTLED or is_kept


def check_readiness(engine: Engine, entry: Node) -> None:
    """The counters of a task say what the rule says."""
    assert entry.unmet == len(replan.left(entry, engine.entries))
    state = replan.ready_state(entry, engine.entries)
    is_open = isinstance(state, Waiting)
    if isinstance(state, Skipped):  # by one that is not over for it, or by all of them together
        is_open = not replan.settles(engine.entries[state.need], entry)
    assert is_open == bool(entry.unmet or entry.undurable)
    if entry.unrecorded or engine.is_draining or entry.is_umbrella:
        return
    assert entry.status is not TaskStatus.PENDING or isinstance(state, Ready)
    if entry.is_omitted:  # no branch is skipped but for its condition, or because all before it was
        assert entry.status is TaskStatus.SKIPPED
        assert not is_open
        assert not isinstance(state, Ready) or entry.condition
    elif entry.status is TaskStatus.WAITING and not is_open:
        assert entry.id in engine._asked
    # A task is skipped once the failure, and what a command changed, is recorded.
    if isinstance(state, Skipped) and not engine.entries[state.need].unrecorded:
        assert entry.status is not TaskStatus.WAITING


def tell(to: Engine, event: Input, now: float = 0.0, draw: float = 0.5) -> list[Instruction]:
    """Tell it one event, and hold it to its invariants."""
    instructions = to.handle(event, Tick(now, draw))
    check(to)
    return instructions


def ends(
    to: Engine,
    task: str,
    verdict: Verdict,
    now: float = 0.0,
    *,
    cost: float | None = 0.0,
    settles: bool = False,
    is_resumable: bool = False,
    until: float = 0.0,
    draw: float = 0.5,
    **more: Any,
) -> list[Instruction]:
    """The newest attempt of a task ends and its result reaches the disk; *more* is what else its ``Ended`` says."""
    ended = Ended(
        task,
        to.entries[task].attempt,
        verdict,
        cost=cost,
        settles=settles,
        is_resumable=is_resumable,
        until=until,
        **more,
    )
    told = tell(to, ended, now, draw)
    for record in [each for each in told if isinstance(each, Record)]:
        told += tell(to, Recorded(record.task), now)
    return told


def completes(to: Engine, task: str, now: float = 0.0, cost: float | None = 0.0) -> list[Instruction]:
    """The newest attempt of a task succeeds and its result reaches the disk."""
    return ends(to, task, Verdict.COMPLETED, now, cost=cost)


def fails(to: Engine, task: str, now: float = 0.0, draw: float = 0.5) -> list[Instruction]:
    """The newest attempt of a task fails and its result reaches the disk."""
    return ends(to, task, Verdict.FAILED, now, draw=draw)


def refused(to: Engine, task: str, words: str, now: float = 0.0, verdict: Verdict = Verdict.FATAL) -> list[Instruction]:
    """The newest attempt of a task fails without a turn of work."""
    return ends(to, task, verdict, now, reason=words, is_refused=True)


def breaks(to: Engine, task: str, now: float = 0.0) -> list[Instruction]:
    """The newest attempt of a task meets an outage of the service."""
    return ends(to, task, Verdict.HELD, now, is_outage=True, reason="529")


def shows(to: Engine, task: str, now: float = 0.0, **signs: Any) -> list[Instruction]:
    """The newest attempt of a task shows signs."""
    return tell(to, ActivitySeen(task, to.entries[task].attempt, StreamSignals(**signs)), now)


def launched(instructions: Iterable[Instruction]) -> list[str]:
    """Which tasks start."""
    return [each.task for each in instructions if isinstance(each, Launch)]


def caps(instructions: Iterable[Instruction]) -> dict[str, float]:
    """What the tasks that start may cost."""
    return {each.task: round(each.cap, 9) for each in instructions if isinstance(each, Launch)}


def skipped(instructions: Iterable[Instruction]) -> dict[str, str]:
    """Which tasks are given up, and why."""
    return {each.task: each.reason for each in instructions if isinstance(each, Skip)}


def told(instructions: Iterable[Instruction]) -> list[Instruction]:
    """What people are told about accounts."""
    return [each for each in instructions if isinstance(each, Hold | Resume | Strain)]


class Game(Protocol):
    """A state machine that plays executor, disk and clock."""

    engine: Engine
    now: float
    running: dict[str, int]
    unrecorded: list[str]
    undecided: dict[str, str]
    finished: bool

    def tell(self, event: Input) -> object:
        """Tell the engine, and take in what it wants."""


def play_to_the_end(game: Game) -> None:
    """Let everything that is left go well: every run ends."""
    for _ in range(1000):
        if game.finished:
            break
        if game.unrecorded:
            game.tell(Recorded(game.unrecorded.pop()))
        elif game.undecided:
            game.tell(Decided(*game.undecided.popitem(), is_met=True))
        elif game.running:
            task = next(iter(game.running))
            game.tell(Ended(task, game.running.pop(task), Verdict.COMPLETED))
        else:
            assert game.engine.wake_at is not None, "nothing runs, nothing is due, not finished"
            game.now = max(game.now, game.engine.wake_at)
            game.tell(Ticked())
    assert game.finished
    check(game.engine)
