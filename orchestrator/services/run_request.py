"""What a user asked of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestrator.core.ids import suggestion
from orchestrator.core.readiness import kept_back, needs_open
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.errors import UsageError
from orchestrator.store.layout import Layout


class RunRequest(NamedTuple):
    """What a user asked ``run`` to do. ``flags`` are settings given on the command line, already read."""

    layout: Layout
    flags: Mapping[str, Any] = MappingProxyType({})
    simulate: bool = False
    only: Sequence[str] = ()
    tags: Sequence[str] = ()
    """Only tasks with one of these, also those that are added while it runs."""
    is_fresh: bool = False
    """What is completed is done again, and its outcome before is moved to the archive."""
    raised_budget: float | None = None
    """What the whole plan may cost in this run, USD, also where the plan says less; 0: no limit."""
    grows: bool = False
    """``only`` grows by what ``auto-dispatch`` asks for while it is active."""
    params: Mapping[str, Any] = MappingProxyType({})
    """Values for the parameters of the plan, as they were given."""


# ── selection ────────
#
# Which tasks a run is for: all of the plan, or those that ``--only`` and ``--tag`` name.

#: Tasks with one of these statuses are not run again by themselves.
KEPT_AS_THEY_ARE = frozenset(
    {
        TaskStatus.COMPLETED,
        TaskStatus.BLOCKED,
        TaskStatus.CANCELLED,
        TaskStatus.RUNNING,  # before a run that is a user who took it into their own hands
    }
)
#: Nor with one of these, when what is completed is done again.
KEPT_WHEN_FRESH = KEPT_AS_THEY_ARE - {TaskStatus.COMPLETED}
#: Tags named to a user who asks for one that there is not.
_NAMED = 12


def asked_for(order: RunRequest, board: PlanSnapshot) -> Collection[str]:
    """Return the tasks that a run is to complete."""
    if not order.tags:
        return order.only or board.plan.tasks
    tagged = _with_children(_having(order.tags, board), board)
    named = _with_children(order.only, board) if order.only else tagged
    return [task_id for task_id in tagged if task_id in named]


def startable(order: RunRequest, board: PlanSnapshot) -> list[str]:
    """Return the tasks that were asked for, are not done and not kept from running, in order.

    An umbrella is never started.

    Raises:
        UsageError: ``--only`` names a task that is not there, or that needs one which is neither named nor completed.
    """
    tasks = board.plan.tasks
    kept = KEPT_WHEN_FRESH if order.is_fresh else KEPT_AS_THEY_ARE
    found: dict[str, None] = {}
    for task_id in board.shape.order:
        if board.status(task_id) in kept or tasks[task_id].children:
            continue
        is_decided = not order.is_fresh and (task_id in board.omitted or board.is_covered(task_id))
        if not is_decided or any(need in found for need in tasks[task_id].needs):
            found[task_id] = None
    chosen = list(found)
    if order.only:
        chosen = _only(order.only, chosen, board)
    return _tagged(order.tags, chosen, board) if order.tags else chosen


def require_tagged(order: RunRequest, board: PlanSnapshot) -> None:
    """Refuse tags that leave nothing: a typo must not look like a run that had nothing to do.

    It is not asked again while the run is active: then a person may have taken the last one away.
    """
    if not order.tags:
        return
    tags = {tag.casefold(): tag for task in board.plan.tasks.values() for tag in task.tags}
    shown = [tag for _, tag in sorted(tags.items())]
    listed = [*shown[:_NAMED], *(["…"] if len(tags) > _NAMED else [])]
    hint = f"its tags are {', '.join(listed)}" if tags else "no task of it has a tag"
    for tag in order.tags:
        if tag.casefold() not in tags:
            raise UsageError(f"--tag: no task of the plan has the tag {tag!r}", hint=hint)
    if not asked_for(order, board):
        raise UsageError("no task that --only names has a tag that --tag names", hint=hint)


def _only(only: Sequence[str], to_run: Sequence[str], board: PlanSnapshot) -> list[str]:
    for task_id in only:
        if task_id not in board.plan.tasks:
            hint = suggestion(task_id, board.plan.tasks, "`orchestrator list` shows all tasks")
            raise UsageError(f"--only names {task_id}, which is not in the plan", hint=hint)
    chosen = _with_children(only, board)
    for task_id in chosen:
        for need, _ in needs_open(board, board.plan.tasks[task_id]):
            if need not in chosen:
                raise UsageError(
                    f"--only {task_id} needs {need}, which is not completed",
                    hint=f"add {need} to --only or run it first",
                )
    return [task_id for task_id in to_run if task_id in chosen]


def _tagged(tags: Sequence[str], to_run: Sequence[str], board: PlanSnapshot) -> list[str]:
    """Return the tasks with one of the tags that need nothing outside of them: others wait for a run that does it."""
    chosen = _with_children(_having(tags, board), board)
    asked = [task_id for task_id in to_run if task_id in chosen]
    causes = kept_back(board, asked)
    return [task_id for task_id in asked if task_id not in causes]


def _having(tags: Sequence[str], board: PlanSnapshot) -> list[str]:
    asked = {tag.casefold() for tag in tags}
    return [task.id for task in board.plan.tasks.values() if not asked.isdisjoint(tag.casefold() for tag in task.tags)]


def _with_children(only: Sequence[str], board: PlanSnapshot) -> dict[str, None]:
    """Return what was named, and everything under it."""
    chosen: dict[str, None] = {}
    stack = list(reversed(only))
    while stack:
        if (task_id := stack.pop()) not in chosen:
            chosen[task_id] = None
            stack += reversed(board.plan.tasks[task_id].children)
    return chosen
