"""The command ``transition``: another state of a plan."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.plan_facts import move
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, option, with_help
from orchestrator.commands.reply import with_program
from orchestrator.core.plan_status import Step
from orchestrator.services import plans
from orchestrator.store.collection import plan_id


@dataclass(frozen=True)
class TransitionParams:
    """Which plan, and what happened to it."""

    task: str = argument("ID")
    event: str = argument("EVENT")
    note: str = option("Why; it goes into the journal.", metavar="TEXT", default="")


class Moved(NamedTuple):
    """A plan in its new state."""

    id: str
    step: Step
    run: str
    """The active run, which goes on; empty: none."""
    is_json: bool


def execute(call: Call, params: TransitionParams) -> Moved:
    """Move a plan to another state.

    Events: approve, reject, start, test, review, complete, block, unblock, reopen, fail. An active run goes on;
    `stop` ends it.

    Examples:
      orchestrator transition TASK-001 approve --note "Plan approved"
    """
    layout = call.plan(params.task)
    who, note = call.caller(), params.note
    step = plans.transition(layout, params.event, who=who, note=note, now=time.time())
    run = plans.active_run_after(layout, step)
    return Moved(plan_id(layout), step, run, call.is_json)


def facts(moved: Moved) -> Facts:
    """Return the transition as JSON."""
    step = moved.step
    return {
        "message": f"{moved.id}: {move(step)}",
        "task_id": moved.id,
        "status": step.after,
        "from": step.before,
        "event": step.event,
        "note": step.note,
        "by": step.who,
        "run": moved.run or None,
    }


def remarks(moved: Moved) -> Iterator[str]:
    """Yield that a run goes on."""
    if moved.run and not moved.is_json:
        stop = f"orchestrator stop {moved.id}"
        yield with_program(f"run {moved.run} is at work and goes on; to end it: {stop}")


COMMAND = Command(
    TransitionParams,
    execute,
    facts,
    lambda moved: f"{moved.id}: {move(moved.step)}\n",
    remarks=remarks,
    takes=(with_help(DIR, "The directory of plans."), CALLER, JSON),
)
