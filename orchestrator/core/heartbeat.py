"""What a look at a plan finds that a person should know, and how long each task was seen without progress.

A heartbeat is one look, however far apart they are (seed 004, "Auto-transitions").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.brief import Brief, Phase
from orchestrator.core.duration import roughly
from orchestrator.core.event import STOP, hold_of
from orchestrator.core.plan_status import ITSELF, PlanState
from orchestrator.core.snapshot import PlanSnapshot, held
from orchestrator.core.status import ACTIVE, TaskStatus
from orchestrator.core.text import one_line

#: Looks in a row that found a task as it was, until a person is notified, and until it is taken to be blocked.
STUCK_AFTER, BLOCKED_AFTER = 3, 6
#: What ends a run when the machine goes down, or a terminal closes. Ctrl-C is a person's, who knows it.
_FROM_OUTSIDE = frozenset({"SIGTERM", "SIGHUP"})


class AlertKind(StrEnum):
    """What a person is called for."""

    STUCK = "stuck"
    OVERDUE = "overdue"
    FAILED = "failed"
    BLOCKED = "blocked"
    DIED = "died"
    """The last run did not come to its end, and no one goes on."""
    HELD = "held"
    """Nothing goes on before a person logs in, raises a budget or starts the next run."""


class Alert(NamedTuple):
    """Something for a person to look at."""

    kind: AlertKind
    task_id: str
    """The plan."""
    subtask_id: str
    """The task; empty when it is about the plan."""
    text: str

    def __str__(self) -> str:
        """``stuck TASK-001/subtask_02: no progress in 3 heartbeats``."""
        where = f"{self.task_id}/{self.subtask_id}" if self.subtask_id else self.task_id
        return f"{self.kind} {where}: {self.text}"


class Pulse(NamedTuple):
    """How often a task was seen unchanged."""

    sign: str
    """Stands for everything that changes when there is progress."""
    silent: int = 1


def beat(before: Mapping[str, Pulse], signs: Mapping[str, str]) -> dict[str, Pulse]:
    """Count one more look. *signs* are those of the tasks under way; any other is forgotten."""
    return {
        task_id: Pulse(sign, before[task_id].silent + 1)
        if task_id in before and before[task_id].sign == sign
        else Pulse(sign)
        for task_id, sign in signs.items()
    }


def run_alerts(plan_id: str, brief: Brief) -> Iterator[Alert]:
    """Yield why nothing of a plan goes on by itself although there is work left; who stops a run knows it."""
    counts = brief.board.counts()
    is_left = brief.is_over and not brief.begins
    has_work = bool(counts[TaskStatus.PENDING] or counts[TaskStatus.WAITING] or brief.is_merge_left)
    # What it had completed it has not put together where its final output is missing.
    if brief.phase is Phase.DIED and is_left and (has_work or brief.is_outdated):
        yield Alert(AlertKind.DIED, plan_id, "", f"run {brief.run} died with work left")
    if is_left and has_work and (signal := _signal_of(brief)):
        text = f"run {brief.run} was ended by {signal} with work left"
        yield Alert(AlertKind.DIED, plan_id, "", text)
    for hold in held(brief.board.everything()):
        if is_left or hold.needs_person:  # an active run waits for the moment it knows
            text = one_line(f"{hold.name} is held: {hold.reason}", limit=100)
            yield Alert(AlertKind.HELD, plan_id, "", text)
    money = hold_of(brief.about_run)
    if is_left and has_work and money is not None and money.what in {"unaffordable", "overspent"}:
        yield Alert(AlertKind.HELD, plan_id, "", one_line(money.text, limit=100))


def _signal_of(brief: Brief) -> str:
    """Return the signal that ended the last run, unless a person is known to have sent it."""
    is_told = any(line.what == STOP for line in brief.about_run)
    is_cut = brief.phase is Phase.STOPPED and not is_told and brief.why_over in _FROM_OUTSIDE
    return brief.why_over if is_cut else ""


def alerts(
    plan_id: str, board: PlanSnapshot, state: PlanState, pulses: Mapping[str, Pulse], now: float
) -> Iterator[Alert]:
    """Yield what a person should look at in a plan itself, the worst first."""
    groups = board.by_status()
    for task_id in groups.get(TaskStatus.FAILED, ()):
        reason = one_line(board.standing[task_id].reason or "no reason given", limit=100)
        yield Alert(AlertKind.FAILED, plan_id, task_id, reason)
    for task_id, pulse in pulses.items():
        is_under_way = board.status(task_id) in ACTIVE
        if is_under_way and pulse.silent >= STUCK_AFTER:
            text = f"no progress in {pulse.silent} heartbeats"
            yield Alert(AlertKind.STUCK, plan_id, task_id, text)
    for task_id in groups.get(TaskStatus.BLOCKED, ()):
        # What a person has blocked is no news to people.
        result = board.results.get(task_id)
        if result is not None and result.note.startswith(f"by {ITSELF}:"):
            yield Alert(AlertKind.BLOCKED, plan_id, task_id, one_line(result.note, limit=100))
    for task_id in board.overdue(now):
        task = board.plan.tasks[task_id]
        late = roughly(now - task.deadline)
        text = f"{board.status(task_id).value}, {late} past its deadline"
        yield Alert(AlertKind.OVERDUE, plan_id, task_id, text)
    eta = board.plan.header.eta
    if eta and now > eta:
        late = roughly(now - eta)
        yield Alert(AlertKind.OVERDUE, plan_id, "", f"{state.word}, {late} past its ETA")
