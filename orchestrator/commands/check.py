"""The command ``check``: a health check of every plan that is not over."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from orchestrator.commands.call import Call
from orchestrator.commands.plan_facts import move, plan_facts
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, flag
from orchestrator.commands.reply import passed_over, with_program
from orchestrator.core.heartbeat import BLOCKED_AFTER, Alert, Pulse, alerts, beat, run_alerts
from orchestrator.core.plan_status import ITSELF, TERMINAL, PlanState, Step
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.status import ACTIVE, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.core.text import one_line, pluralize
from orchestrator.errors import BusyError, ExitStatus, OrchestratorError, StoreError
from orchestrator.runner.signals import end_in_order
from orchestrator.runner.task_commands import intervene
from orchestrator.services.plans import advance
from orchestrator.services.status import brief_of, status
from orchestrator.store import collection
from orchestrator.store.collection import keep_pulses, load_pulses, plan_id, signs_of
from orchestrator.store.layout import Layout
from orchestrator.store.lock import broken_off
from orchestrator.store.workspace import Workspace
from orchestrator.views import messages
from orchestrator.views.plans import check_text, state_of


class PlanCheck(NamedTuple):
    """What was found in one plan."""

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
    """What was found in all plans."""

    plans: list[PlanCheck] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    """Plans that cannot be read, and why; they were passed over."""

    @property
    def alerts(self) -> list[Alert]:
        """Everything that needs attention."""
        return [alert for each in self.plans for alert in each.alerts]

    def summary(self) -> str:
        """Say it in a line: ``2 active tasks (1 IN_PROGRESS, 1 PLANNING), 1 alert``."""
        count, found = len(self.plans), len(self.alerts)
        states = Counter(each.state.word for each in self.plans)
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
    index = collection.survey(layout)
    found.broken |= index.broken
    below = [name for name, plan_header in index.plans.items() if plan_header.state not in TERMINAL]
    places = {name: Layout(f"{layout.root}/{name}") for name in below}
    if os.path.lexists(layout.plan):
        places = {collection.plan_id(layout): layout, **places}
    elif not places and not collection.is_root_only(layout):
        Workspace(layout).load_plan()  # its error says best what is missing
    for name, place in places.items():
        try:
            one = _check_plan(name, place, now, counts=counts)
        except OrchestratorError as error:
            if place is layout and len(places) == 1:
                raise  # it is what was asked for, and not one among others
            found.broken[name] = str(error)
            continue
        if one.uncounted:
            found.broken[name] = one.uncounted
        if one.state not in TERMINAL or one.alerts:
            found.plans.append(one)
    return found


def check_one(layout: Layout, now: float) -> PlanCheck:
    """Look at one plan without counting it as a heartbeat; also when it is over.

    Raises:
        PlanError, NotFoundError, StoreError: the plan cannot be read.
    """
    return _check_plan(collection.plan_id(layout), layout, now, counts=False)


def _check_plan(name: str, layout: Layout, now: float, *, counts: bool) -> PlanCheck:
    overview = status(layout)
    board = really_done(overview.board)
    pulses: Mapping[str, Pulse] = {}
    uncounted = ""
    try:
        pulses = load_pulses(layout)
        if counts:
            pulses = beat(pulses, _signs(layout, board))
            keep_pulses(layout, pulses)
    except StoreError as error:
        uncounted = f"heartbeat not counted: {error}"  # a task that failed is reported all the same
    steps: Sequence[Step] = ()
    if counts:
        if _block_silent(layout, board, pulses, now):
            board = really_done(Workspace(layout).load())
        steps = advance(layout, board, now)
    state = state_of(board)
    state = PlanState(steps[-1].after.lower()) if steps else state
    found: list[Alert] = []
    # Where no one says when a plan is over, one whose tasks are completed still lacks what puts their answers together.
    if state not in TERMINAL or (state is PlanState.COMPLETED and board.plan.header.state is None):
        found += run_alerts(name, brief_of(layout, overview._replace(board=board)))
    if state not in TERMINAL:
        found += alerts(name, board, state, pulses, now)
    return PlanCheck(name, board, state, found, steps, uncounted)


def _block_silent(layout: Layout, board: PlanSnapshot, pulses: Mapping[str, Pulse], now: float) -> bool:
    """Block tasks that were claimed by hand and show no progress any more; say whether there are any.

    A run looks after its own tasks: it has timeouts, and a process is not ended because `check` is called often.
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
        command = TaskCommand(Verb.BLOCK, task_id, by=ITSELF, time=now, note=note)
        intervene(layout, command, _refuse_recovery)
    return True


def _refuse_recovery(_: Layout) -> NoReturn:
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


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class CheckParams:
    """How much is printed."""

    quiet: bool = flag("Say nothing when all is well; for cron.")
    discord: bool = flag("Print the digest as a chat message.")


class _Checked(NamedTuple):
    checkup: Checkup
    layout: Layout
    is_quiet: bool
    is_chat: bool


def execute(call: Call, params: CheckParams) -> _Checked:
    """Check every plan that is not over: one heartbeat.

    Plans move on as far as the facts lead them. Exits with 1 when something needs a person: a task that failed, one
    without progress for 3 heartbeats, a plan past its ETA, a run that died or was held.

    Examples:
      orchestrator check
      orchestrator check TASK-001 --json
      orchestrator check --quiet
    """
    if call.is_process:
        end_in_order()  # a command that waits for an active run is withdrawn
    layout = call.plan()
    return _Checked(check(layout, time.time()), layout, params.quiet, params.discord)


def facts(checked: _Checked) -> Facts:
    """Return the alerts and the plans as JSON."""
    found = checked.checkup
    hint = {}
    if found.alerts:
        first = found.alerts[0].task_id
        which = "" if first == plan_id(checked.layout) else f" {first}"  # else it is one among others
        hint["hint"] = with_program(f"orchestrator status{which}")
    return {
        "message": found.summary(),
        "ok": not found.alerts,
        "code": "alerts" if found.alerts else "ok",
        **hint,
        "alerts": [_alert(each) for each in found.alerts],
        "summary": found.summary(),
        "tasks": [_brief(each) for each in found.plans],
        "skipped": passed_over(found.broken),
    }


def _brief(plan: PlanCheck) -> dict[str, object]:
    facts = plan_facts(plan.id, plan.board.plan.header, plan.state, plan.board.counts())
    names = ("task_id", "status", "done", "total", "progress")
    kept: dict[str, object] = {name: facts[name] for name in names}
    if plan.steps:
        kept["transitions"] = list(map(move, plan.steps))
    return kept


def _alert(alert: Alert) -> dict[str, str]:
    return {"type": alert.kind.value, "task_id": alert.task_id, "subtask_id": alert.subtask_id, "message": alert.text}


def digest(found: Checkup) -> str:
    """Return the digest of all plans as a chat message."""
    plans = [(each.id, each.board, each.state) for each in found.plans]
    return messages.digest(plans, found.alerts, found.broken)


def text(checked: _Checked) -> str:
    """Return the plans and alerts for people, or as a chat message."""
    found = checked.checkup
    if checked.is_chat:
        return f"{digest(found)}\n" if found.alerts or not checked.is_quiet else ""
    summary = "" if checked.is_quiet else found.summary()
    return check_text(found.plans, found.alerts, summary)


def remarks(checked: _Checked) -> Iterator[str]:
    """Yield which plans were skipped."""
    for name, why in checked.checkup.broken.items():
        yield f"warning: {name} skipped: {one_line(why)}"


def exit_status(checked: _Checked) -> int:
    """Return 1 where something needs a person."""
    return int(ExitStatus.TASK_FAILED if checked.checkup.alerts else ExitStatus.DONE)


COMMAND = Command(CheckParams, execute, facts, text, remarks=remarks, status=exit_status, takes=(DIRECTORY, DIR, JSON))
