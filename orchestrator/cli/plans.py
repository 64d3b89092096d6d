"""``create``, ``transition``, ``archive`` and ``rebuild-index``, and what ``status`` says of many plans."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import click

from orchestrator.cli.options import takes_caller, takes_directory, takes_json
from orchestrator.cli.texts import TakesProse
from orchestrator.commands.reply import (
    as_called,
    caller,
    passed_over,
    plan_directory,
    program,
    say_json,
    talk,
    terminal_width,
    write,
)
from orchestrator.core.plan import PlanHeader
from orchestrator.core.plan_status import PlanState, Step
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import pluralize
from orchestrator.core.timestamp import iso
from orchestrator.errors import ScheduleError
from orchestrator.services import plans
from orchestrator.store.collection import plan_id
from orchestrator.store.layout import Layout
from orchestrator.views.plans import header_lines, plans_text, word_of


@click.command("create", cls=TakesProse)
@click.argument("title")
@click.option("--priority", default="P2", metavar="P0..P3", help="How urgent it is (default P2).")
@click.option("--plan", "request", default="", metavar="TEXT", help="What is wanted, in words.")
@click.option("--eta", default="", metavar="WHEN", help="When it is to be done: 2026-03-01, 2h.")
@click.option("--dir", "option", metavar="DIR", help="The directory of plans.")
@takes_caller
@takes_json
def create_command(
    title: str,
    priority: str,
    request: str,
    eta: str,
    *,
    option: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Make a plan that waits for approval, in a directory of its own.

    Prints its id: TASK-001, TASK-002 and so on. Its tasks come with `dispatch` or `add`, or by hand.

    \b
      orchestrator create "Implement feature X" --priority P0 --plan "3 phases: models, API, tests"
      orchestrator transition TASK-001 approve
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plans.create(
        plan_directory(None, option, must_exist=False),
        title,
        priority=priority,
        request=request,
        eta=eta,
        who=caller(name),
        now=time.time(),
    )
    made = plan_id(layout)
    if as_json:
        state = PlanState.PLANNING.word
        say_json(f"Created {made}", task_id=made, status=state, directory=layout.root)
        return
    write(f"{made}\n")
    talk(as_called(f"next: orchestrator transition {made} approve"))


@click.command("transition")
@click.argument("task", metavar="ID")
@click.argument("event")
@click.option("--note", default="", metavar="TEXT", help="Why; it goes into the journal.")
@click.option("--dir", "option", metavar="DIR", help="The directory of plans.")
@takes_caller
@takes_json
def transition_command(
    task: str, event: str, note: str, option: str | None, name: str | None, *, as_json: bool
) -> None:
    """Move a plan to another state.

    Events: approve, reject, start, test, review, complete, block, unblock, reopen, fail. A run that is at work goes on;
    `stop` ends it.

    \b
      orchestrator transition TASK-001 approve --note "Plan approved"
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(task, option)
    step = plans.transition(layout, event, who=caller(name), note=note, now=time.time())
    task = plan_id(layout)
    message, run = f"{task}: {move(step)}", plans.goes_on(layout, step)
    if as_json:
        facts: dict[str, Any] = {
            "from": step.before,
            "event": step.event,
            "note": step.note,
            "by": step.who,
            "run": run or None,
        }
        say_json(message, task_id=task, status=step.after, **facts)
        return
    write(f"{message}\n")
    if run:
        talk(as_called(f"run {run} is at work and goes on; to end it: orchestrator stop {task}"))


@click.command("archive")
@click.argument("task", metavar="ID")
@click.option("--dir", "option", metavar="DIR", help="The directory of plans.")
@takes_json
def archive_command(task: str, option: str | None, *, as_json: bool) -> None:
    """Put a plan away that is completed, failed or rejected.

    Its directory moves into archive/ beside it, with everything in it. A run that waits for its time is stopped first:
    `stop`. Schedules of it are named, for they stay.

    \b
      orchestrator archive TASK-001
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(task, option)
    moved = plans.archive(layout)
    message = f"Archived {plan_id(layout)}"
    left = _schedules_of(layout)
    if as_json:
        name = plan_id(layout)
        say_json(message, task_id=name, status="ARCHIVED", directory=moved, schedules=left)
        return
    write(f"{moved}\n")
    talk(message)
    for name in left:
        talk(
            f"warning: schedule {name} still runs it; `{program()} schedule remove {name}` ends that"
        )


def _schedules_of(layout: Layout) -> list[str]:
    """Return the entries that somebody else would start a plan by, as far as that can be known."""
    from orchestrator.actions.scheduling import entries
    from orchestrator.wiring import schedulers

    with suppress(ScheduleError):
        found, _ = entries(list(schedulers().values()))
        return [each.name for each in found if each.plan == layout.root]
    return []


@click.command("rebuild-index")
@takes_directory
@takes_json
def rebuild_index_command(directory: str | None, option: str | None, *, as_json: bool) -> None:
    """Look at every plan again, and say which cannot be read.

    The index is a cache: it may be deleted at any time.

    \b
      orchestrator rebuild-index --json
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    root = plan_directory(directory, option)
    found = plans.rebuild_index(root)
    skipped = passed_over(found.broken)
    message = f"Rebuilt the index: {pluralize(len(found.plans), 'plan')}, {len(skipped)} skipped"
    if as_json:
        say_json(message, tasks=list(found.plans), skipped=skipped, index=root.index)
        return
    write(f"{message}\n")
    for each in skipped:
        talk(f"skipped {each['task_id']}: {each['reason']}")


# ── `status` of a directory of plans ─────────────────────────────────────────────────────────────────────────────────


def say_plans(root: Layout, *, everything: bool, as_json: bool, is_below: bool = False) -> None:
    """Answer ``status`` for a directory of plans: those at work, or with ``--all`` all of them.

    *is_below*: a plan of its own was told of already; that there is no other is no news then.
    """
    found = plans.overview(root, everything=everything)
    if as_json:
        say_json(
            pluralize(len(found.rows), "task" if everything else "active task"),
            directory=root.root,
            tasks=[plan_facts(*row) for row in found.rows],
            skipped=passed_over(found.broken),
        )
        return
    if found.rows:
        write(("\n" if is_below else "") + plans_text(found.rows, terminal_width()))
    elif not is_below:
        talk("No tasks." if everything else "No active tasks.")
    for name, why in found.broken.items():
        talk(f"warning: {name} skipped: {why}")


def move(step: Step) -> str:
    """Return a transition as it is told: ``APPROVED → IN_PROGRESS``."""
    return f"{step.before} → {step.after}"


def plan_facts(
    name: str, plan_header: PlanHeader, state: PlanState, counts: Mapping[TaskStatus, int]
) -> dict[str, Any]:
    """Return what a plan says of itself, for programs, with the seed's keys."""
    total, done = sum(counts.values()), counts.get(TaskStatus.COMPLETED, 0)
    return {
        "task_id": name,
        "status": state.word,
        "title": plan_header.title,
        "priority": plan_header.priority,
        "eta": iso(plan_header.eta),
        "created": iso(plan_header.created),
        "total": total,
        "done": done,
        "progress": 100 * done // total if total else 0,
    }


def subtask_facts(board: PlanSnapshot, only: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the tasks of a plan for programs, or some of them, with the seed's keys and words."""
    tasks = board.plan.tasks
    return [
        {
            "id": task.id,
            "title": task.name,
            "status": word_of(board, task),
            "agent": task.assignee or task.agent,
            "type": task.type,
            "deps": task.needs,
            "priority": task.shown_priority,
            "progress": _progress_of(board, task.id),
            "note": _note_of(board, task.id),
        }
        for task in (map(tasks.__getitem__, only) if only else tasks.values())
    ]


def _note_of(board: PlanSnapshot, task_id: str) -> str:
    """Return why it stands there, or what whoever has done it remarked."""
    result = board.results.get(task_id)
    is_done = board.status(task_id) is TaskStatus.COMPLETED
    return board.why(task_id) or (result.note if result is not None and is_done else "")


def _progress_of(board: PlanSnapshot, task_id: str) -> int:
    if board.status(task_id) is TaskStatus.COMPLETED:
        return 100
    result = board.results.get(task_id)
    return (result.progress if result is not None else None) or 0


def detail(layout: Layout, board: PlanSnapshot) -> str:
    """Return what ``status`` says of a plan with a state, above what it says of every plan."""
    return "\n".join([*header_lines(plan_id(layout), board, plans.history(layout)), "", ""])
