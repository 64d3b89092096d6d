"""The command ``create``: a plan that waits for approval."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, option, with_help
from orchestrator.commands.reply import with_program
from orchestrator.core.plan_status import PlanState
from orchestrator.services import plans
from orchestrator.store.collection import plan_id
from orchestrator.store.layout import Layout


@dataclass(frozen=True)
class CreateParams:
    """What the plan is for."""

    title: str = argument("TITLE", dash="prose")
    priority: str = option("How urgent it is (default P2).", metavar="P0..P3", default="P2")
    plan: str = option("What the plan is for, in words.", metavar="TEXT", default="")
    eta: str = option("When it is to be done: 2026-03-01, 2h.", metavar="WHEN", default="")


class _Created(NamedTuple):
    layout: Layout
    is_json: bool


def execute(call: Call, params: CreateParams) -> _Created:
    """Make a plan that waits for approval, in a directory of its own.

    Prints its id: TASK-001, TASK-002 and so on. Its tasks come with `dispatch` or `add`, or by hand.

    Examples:
      orchestrator create "Implement feature X" --priority P0 --plan "3 phases: models, API, tests"
      orchestrator transition TASK-001 approve
    """
    layout = plans.create(
        call.plan(must_exist=False),
        params.title,
        priority=params.priority,
        request=params.plan,
        eta=params.eta,
        who=call.caller(),
        now=time.time(),
    )
    return _Created(layout, call.is_json)


def facts(created: _Created) -> Facts:
    """Return the plan as JSON."""
    name = plan_id(created.layout)
    return {
        "message": f"Created {name}",
        "task_id": name,
        "status": PlanState.PLANNING.word,
        "directory": created.layout.root,
    }


def remarks(created: _Created) -> Iterator[str]:
    """Yield the next step."""
    if not created.is_json:
        yield with_program(f"next: orchestrator transition {plan_id(created.layout)} approve")


COMMAND = Command(
    CreateParams,
    execute,
    facts,
    lambda created: f"{plan_id(created.layout)}\n",
    remarks=remarks,
    takes=(with_help(DIR, "The directory of plans."), CALLER, JSON),
)
