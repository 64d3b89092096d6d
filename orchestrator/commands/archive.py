"""The command ``archive``: put a plan away that is over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, JSON, Command, Facts, argument, with_help
from orchestrator.commands.reply import program
from orchestrator.errors import ScheduleError
from orchestrator.services import plans
from orchestrator.services.schedules import entries
from orchestrator.store.collection import plan_id
from orchestrator.store.layout import Layout
from orchestrator.wiring import schedulers


@dataclass(frozen=True)
class ArchiveParams:
    """Which plan."""

    task: str = argument("ID")


class Archived(NamedTuple):
    """A plan that was put away."""

    id: str
    directory: str
    schedules: Sequence[str]
    """Schedules that still run it."""
    is_json: bool


def execute(call: Call, params: ArchiveParams) -> Archived:
    """Put a plan away that is completed, failed or rejected.

    Its directory moves into archive/ beside it, with everything in it. A run that waits for its time is stopped first:
    `stop`. Schedules of it are named, for they stay.

    Examples:
      orchestrator archive TASK-001
    """
    layout = call.plan(params.task)
    moved = plans.archive(layout)
    return Archived(plan_id(layout), moved, _schedules_of(layout), call.is_json)


def _schedules_of(layout: Layout) -> list[str]:
    """Return the schedules that would start a plan, as far as they can be read."""
    with suppress(ScheduleError):
        found, _ = entries(list(schedulers().values()))
        return [each.name for each in found if each.plan == layout.root]
    return []


def facts(archived: Archived) -> Facts:
    """Return where the plan is now as JSON."""
    return {
        "message": f"Archived {archived.id}",
        "task_id": archived.id,
        "status": "ARCHIVED",
        "directory": archived.directory,
        "schedules": archived.schedules,
    }


def remarks(archived: Archived) -> Iterator[str]:
    """Yield what was done, and which schedules stay."""
    if archived.is_json:
        return
    yield f"Archived {archived.id}"
    for name in archived.schedules:
        end = f"`{program()} schedule remove {name}` ends that"
        yield f"warning: schedule {name} still runs it; {end}"


COMMAND = Command(
    ArchiveParams,
    execute,
    facts,
    lambda archived: f"{archived.directory}\n",
    remarks=remarks,
    takes=(with_help(DIR, "The directory of plans."), JSON),
)
