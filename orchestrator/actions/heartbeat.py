"""Look at every plan that is not over: what moves on by itself, what a person should know (seed 004, "check")."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from orchestrator.core.heartbeat import BLOCKED_AFTER, Alert, Pulse, alerts, beat, run_alerts
from orchestrator.core.plan_status import ITSELF, TERMINAL, PlanState, Step
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.status import ACTIVE, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.core.text import pluralize
from orchestrator.errors import BusyError, OrchestratorError, StoreError
from orchestrator.runner.task_commands import intervene
from orchestrator.services.plans import advance
from orchestrator.services.status import brief_of, status
from orchestrator.store import collection
from orchestrator.store.collection import keep_pulses, load_pulses, signs_of
from orchestrator.store.layout import Layout
from orchestrator.store.lock import broken_off
from orchestrator.store.workspace import Workspace
from orchestrator.views.plans import state_of


class PlanCheck(NamedTuple):
    """What a look at one plan found."""

    id: str
    board: PlanSnapshot
    state: PlanState
    alerts: Sequence[Alert]
    steps: Sequence[Step]
    """How it moved on by itself."""
    uncounted: str = ""
    """Why what earlier looks saw could not be read, or this one kept; mostly empty."""


@dataclass(slots=True)
class Checkup:
    """What a look at all plans found."""

    poll: list[PlanCheck] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    """Plans that cannot be read, and why; they were passed over."""

    @property
    def alerts(self) -> list[Alert]:
        """Everything a person should look at."""
        return [alert for look in self.poll for alert in look.alerts]

    def summary(self) -> str:
        """Say it in a line: ``2 active tasks (1 IN_PROGRESS, 1 PLANNING), 1 alert``."""
        count, found = len(self.poll), len(self.alerts)
        states = Counter(look.state.word for look in self.poll)
        listed = ", ".join(f"{number} {word}" for word, number in states.items())
        parts = [f"{pluralize(count, 'active task')}{f' ({listed})' if listed else ''}"]
        if found or count or not self.broken:
            parts.append(pluralize(found, "alert") if found else "all well")
        parts += [f"{len(self.broken)} skipped"] if self.broken else []
        return ", ".join(parts)


def check(layout: Layout, now: float, *, counts: bool = True) -> Checkup:
    """Look at a plan, or at every plan of a directory that is not over. A plan that is broken is passed over.

    With *counts* the look is a heartbeat: it is counted, and plans move on as far as the facts lead them.

    Raises:
        NotFoundError: there is no such directory.
        StoreError: it cannot be read.
        PlanError: the one plan that was asked for is broken.
    """
    found = Checkup()
    survey = collection.survey(layout)
    found.broken |= survey.broken
    below = [
        name for name, plan_header in survey.plans.items() if plan_header.state not in TERMINAL
    ]
    places = {name: Layout(f"{layout.root}/{name}") for name in below}
    if os.path.lexists(layout.plan):
        places = {collection.plan_id(layout): layout, **places}
    elif not places and not collection.is_root_only(layout):
        Workspace(layout).load_plan()  # says best what is missing
    for name, place in places.items():
        try:
            look = _look(name, place, now, counts=counts)
        except OrchestratorError as error:
            if place is layout and len(places) == 1:
                raise  # it is what was asked for, and not one among others
            found.broken[name] = str(error)
            continue
        if look.uncounted:
            found.broken[name] = look.uncounted
        if look.state not in TERMINAL or look.alerts:
            found.poll.append(look)
    return found


def look_at(layout: Layout, now: float) -> PlanCheck:
    """Look at one plan without counting it as a heartbeat; also when it is over.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    return _look(collection.plan_id(layout), layout, now, counts=False)


def _look(name: str, layout: Layout, now: float, *, counts: bool) -> PlanCheck:
    seen = status(layout)
    board = really_done(seen.board)
    pulses: Mapping[str, Pulse] = {}
    uncounted = ""
    try:
        pulses = load_pulses(layout)
        if counts:
            pulses = beat(pulses, _signs(layout, board))
            keep_pulses(layout, pulses)
    except StoreError as error:
        uncounted = f"heartbeat not counted: {error}"  # a task that failed is told all the same
    steps: Sequence[Step] = ()
    if counts:
        if _block_silent(layout, board, pulses, now):
            board = really_done(Workspace(layout).load())
        steps = advance(layout, board, now)
    state = state_of(board)
    state = PlanState(steps[-1].after.lower()) if steps else state
    found: list[Alert] = []
    # Where nobody says when a plan is over, one whose tasks are completed still lacks what puts their answers together.
    if state not in TERMINAL or (state is PlanState.COMPLETED and board.plan.header.state is None):
        found += run_alerts(name, brief_of(layout, seen._replace(board=board)))
    if state not in TERMINAL:
        found += alerts(name, board, state, pulses, now)
    return PlanCheck(name, board, state, found, steps, uncounted)


def _block_silent(
    layout: Layout, board: PlanSnapshot, pulses: Mapping[str, Pulse], now: float
) -> bool:
    """Block what somebody took into their own hands and was never heard of again (S4-63U); say whether there was any.

    What a run does is left to the run: it has its timeouts, and a process is not ended because somebody looks often.
    """
    silent = [
        task_id
        for task_id, pulse in pulses.items()
        if pulse.silent >= BLOCKED_AFTER and board.results[task_id].is_manual
    ]
    if not silent or state_of(board) in TERMINAL or broken_off(layout.lock):
        return False  # what a dead run left comes first, and the next run looks after that
    note = f"no progress in {BLOCKED_AFTER} heartbeats"
    for task_id in silent:
        wanted = TaskCommand(Verb.BLOCK, task_id, by=ITSELF, time=now, note=note)
        intervene(layout, wanted, _nobody)
    return True


def _nobody(_: Layout) -> NoReturn:
    raise BusyError("a run has just died here", hint="`orchestrator run` looks after what it left")


def _signs(layout: Layout, board: PlanSnapshot) -> dict[str, str]:
    groups = board.by_status()
    running = {
        task_id: (board.plan.tasks[task_id].stem, board.results[task_id].number)
        for status in ACTIVE
        for task_id in groups.get(status, ())
        if task_id in board.results
    }
    workdir = layout.workdir(str(board.plan.settings.get("workdir", "")))
    return signs_of(layout, running, workdir)
