"""``status``."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.commands.reply import (
    as_called,
    meant,
    plan_directory,
    program,
    say_json,
    terminal_width,
    write,
)
from orchestrator.core.cost import cost_facts, total_cost
from orchestrator.core.snapshot import PlanSnapshot, held, is_merging
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import join_first
from orchestrator.core.timestamp import iso
from orchestrator.errors import OrchestratorError
from orchestrator.services.status import STILL_ASKED, Overview, brief_of, find_orphans, status
from orchestrator.store import collection
from orchestrator.store.journal import journal_tail
from orchestrator.store.layout import Layout
from orchestrator.store.lock import suspended
from orchestrator.views.status import status_text
from orchestrator.views.terminal import MERGES

if TYPE_CHECKING:
    from orchestrator.core.brief import Brief

#: Failed tasks named in the JSON answer at most: it must fit an agent's context.
_MOST = 20


@click.command("status")
@takes_directory
@click.option("--all", "everything", is_flag=True, help="Every plan here, those that are over too.")
@click.option("--brief", is_flag=True, help="In a few lines, whatever the size of the plan.")
@takes_json
def status_command(
    directory: str | None, option: str | None, *, everything: bool, brief: bool, as_json: bool
) -> None:
    """Show where a plan stands.

    What is done, what runs, what failed and why, what comes next. For a directory of plans: those at work.

    \b
      orchestrator status
      orchestrator status --brief
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(directory, option)
    has_plans = collection.has_plans(layout)
    if collection.is_root_only(layout) or (everything and as_json and has_plans):
        from orchestrator.cli.plans import say_plans

        say_plans(layout, everything=everything, as_json=as_json)
        return
    if brief:
        from orchestrator.cli.following import say_brief

        say_brief(layout, as_json=as_json)
        return
    overview = status(layout)
    if as_json:
        say_json(overview.board.progress(), **_facts(layout, overview))
        return
    write(_text(layout, overview))
    if has_plans:
        from orchestrator.cli.plans import say_plans

        say_plans(layout, everything=everything, as_json=False, is_below=True)


def _text(layout: Layout, overview: Overview) -> str:
    """Return where a plan stands, for people."""
    board = overview.board
    parts = []
    if board.plan.header.state is not None:
        from orchestrator.cli.plans import detail

        parts.append(detail(layout, board))
    news, width = _news(layout, board), terminal_width()
    parts.append(status_text(board, now=time.time(), width=width, running=news))
    parts.append(_at_work(overview) or _ending(layout, overview))
    if overview.waiting:
        from orchestrator.cli.repeating import local

        for each in overview.waiting:
            run = f"A run waits until {local(each.until)} (pid {each.process['pid']})"
            parts.append(", ".join(filter(None, [run, suspended(each.process)])) + "\n")
    return "".join(parts)


def _facts(layout: Layout, overview: Overview) -> dict[str, Any]:
    """Return the same for programs, and what they alone ask for."""
    now, board = time.time(), overview.board
    plan_header = board.plan.header
    spent = total_cost(board.paid_for())
    by_status = board.by_status()
    facts: dict[str, Any] = {}
    if plan_header.state is not None:
        from orchestrator.cli.plans import plan_facts, subtask_facts
        from orchestrator.core.snapshot import really_done

        real = really_done(board)  # as among all plans; the rest tells what was played, too
        facts = plan_facts(
            collection.plan_id(layout), plan_header, plan_header.state, real.counts()
        )
        facts["subtasks"] = subtask_facts(real)
    return {
        **facts,
        "total": len(board.plan.tasks),
        "directory": layout.root,
        "counts": board.told_counts(),
        "simulated": board.simulated(),
        "batch": board.current_batch(),
        "batches": max(board.shape.batch.values(), default=0),
        "running": by_status.get(TaskStatus.RUNNING, []),
        "news": _news(layout, board),
        "failed": [
            {"id": task_id, "reason": board.standing[task_id].reason}
            for task_id in by_status.get(TaskStatus.FAILED, [])[:_MOST]
        ],
        "held": [
            {
                "agent": hold.agent,
                "model": hold.model,
                "until": iso(hold.until),
                "reason": hold.reason,
            }
            for hold in held(board.everything())
            if hold.lasts(now)
        ],
        "overdue": [
            {"id": task_id, "deadline": iso(board.plan.tasks[task_id].deadline)}
            for task_id in board.overdue(now)[:_MOST]
        ],
        "estimate": _outlook(board),
        "cost_usd": round(spent.known, 6),
        "budget_usd": board.plan.budget or None,
        "costs": cost_facts(spent, _MOST),
        "unknown_costs": spent.unknown,
        "run": overview.holder,
        **_last_run(layout, overview),
        "waiting": [
            {"pid": each.process["pid"], "until": iso(each.until)} for each in overview.waiting
        ],
        "log": journal_tail(layout.journal, 5),
    }


def _at_work(overview: Overview) -> str:
    """Say which run is at work, and that it merges the results, which is no task; empty where none is."""
    if overview.holder is None:
        return ""
    run = f"Run {overview.holder['run']} is at work (pid {overview.holder['pid']})"
    said = ", ".join(filter(None, [run, suspended(overview.holder)])) + "\n"
    return f"{said}{MERGES}\n" if is_merging(overview.board) else said


def _ending(layout: Layout, overview: Overview) -> str:
    """Say how the last run ended, where the tasks do not show it, and what to do next."""
    from orchestrator.views.brief import ending

    brief = brief_of(layout, overview)
    lines = [ending(brief)]
    plan_header = brief.board.plan.header
    if plan_header.state is not None:
        from orchestrator.core.plan_status import TERMINAL  # most plans have none
        from orchestrator.services.plans import what_keeps

        if plan_header.state not in TERMINAL:
            lines.append(as_called(what_keeps(layout, plan_header)))
    # A plan that was never run may be a list for people, or wait for approval; and `status` is being looked at.
    if brief.about_run and brief.next_step() != ("status",):
        lines.append(f"next: {_next(layout, brief)}")
    if asked := find_orphans(layout):
        lines.insert(1, f"{STILL_ASKED}{join_first(asked, 3)}")
    return "".join(f"{line}\n" for line in lines if line)


def _last_run(layout: Layout, overview: Overview) -> dict[str, Any]:
    """Return the same by the names that ``--brief`` has for it."""
    from orchestrator.views.brief import word

    brief = brief_of(layout, overview)
    step = _next(layout, brief)
    return {"phase": brief.phase.value, "word": word(brief), "next": step}


def _next(layout: Layout, brief: Brief) -> str:
    from orchestrator.views.brief import next_command

    return next_command(brief, meant(), os.path.relpath(layout.final_output), program())


def _outlook(board: PlanSnapshot) -> dict[str, float] | None:
    """Say in hours how much there is to do; None where nobody estimated anything."""
    from orchestrator.core.critical_path import estimate
    from orchestrator.core.duration import hours

    found = estimate(board)
    if found is None:
        return None
    seconds = {"total": found.total, "left": found.left, "path_left": found.path_left}
    in_hours = {f"{name}_hours": hours(each) for name, each in seconds.items()}
    return {**in_hours, "estimated_tasks": found.known}


def _news(layout: Layout, board: PlanSnapshot) -> dict[str, str]:
    """Return what is known of each task under way: who has it in hand and how far, or what its agent is doing."""
    how_far = board.how_far()
    running = board.by_status().get(TaskStatus.RUNNING, [])
    if all(board.results[task_id].is_manual for task_id in running):
        return how_far
    from orchestrator.services.status import news_of_running
    from orchestrator.wiring import plugins

    try:
        agents = plugins(layout=layout).agents
    except OrchestratorError:
        return how_far  # a file of an agent that makes no sense is no reason to say nothing at all
    news = news_of_running(layout, board, agents)
    return {
        task_id: " · ".join(filter(None, (how_far.get(task_id), news.get(task_id))))
        for task_id in how_far | news
    }
