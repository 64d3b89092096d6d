"""The command ``status``: where a plan stands."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

from orchestrator.commands.call import Call
from orchestrator.commands.plan_facts import PlanList, detail, plan_facts, subtask_facts
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, flag
from orchestrator.commands.reply import named_directory, program, say_json, talk, terminal_width, with_program, write
from orchestrator.commands.wait import print_update, read_update
from orchestrator.core.brief import Brief
from orchestrator.core.cost import cost_facts, total_cost
from orchestrator.core.critical_path import estimate
from orchestrator.core.duration import hours
from orchestrator.core.plan_status import TERMINAL
from orchestrator.core.snapshot import Held, PlanSnapshot, held, is_merging, really_done
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import join_first
from orchestrator.core.timestamp import format_local, iso
from orchestrator.errors import OrchestratorError
from orchestrator.plan.task_fields import DUE
from orchestrator.services.plans import what_keeps
from orchestrator.services.status import STILL_ASKED, Overview, brief_of, find_orphans, news_of_running, status, waits
from orchestrator.store import collection
from orchestrator.store.journal import journal_tail
from orchestrator.store.layout import Layout
from orchestrator.store.lock import suspended
from orchestrator.views.brief import ending, next_command, word
from orchestrator.views.status import status_text
from orchestrator.views.terminal import MERGES

#: Failed tasks named in the JSON answer at most: it must fit an agent's context.
_MOST = 20


@dataclass(frozen=True)
class StatusParams:
    """How much of it."""

    everything: bool = flag("Every plan here, those that are over too.", names=("--all",))
    brief: bool = flag("In a few lines, whatever the size of the plan.")


def execute(call: Call, params: StatusParams) -> Overview:  # noqa: ARG001 - they say what is printed
    """Show where a plan stands.

    What is done, what runs, what failed and why, what comes next. For a directory of plans: those active.

    Examples:
      orchestrator status
      orchestrator status --brief
    """
    return status(call.plan())


def main(call: Call, params: StatusParams) -> int:
    """Print the status of a plan, of the plans of a directory, or both."""
    layout = call.plan()
    has_plans = collection.has_plans(layout)
    if collection.is_root_only(layout) or (params.everything and call.is_json and has_plans):
        _print_plans(call, PlanList.of(layout, everything=params.everything))
    elif params.brief:
        print_update(layout, read_update(layout), "ok", is_json=call.is_json)
    elif call.is_json:
        overview = execute(call, params)
        say_json(overview.board.progress(), **_facts(call, layout, overview))
    else:
        write(_text(call, layout, execute(call, params)))
        if has_plans:
            below = PlanList.of(layout, everything=params.everything)
            _print_plans(call, below, is_below=True)
    return 0


def _print_plans(call: Call, plans: PlanList, *, is_below: bool = False) -> None:
    if call.is_json:
        say_json(**plans.facts())
    elif text := plans.text():
        write(("\n" if is_below else "") + text)
    for remark in plans.remarks(is_json=call.is_json, is_below=is_below):
        talk(remark)


def _text(call: Call, layout: Layout, overview: Overview) -> str:
    """Return the status of a plan for people."""
    board = overview.board
    parts = []
    if board.plan.header.state is not None:
        parts.append(detail(layout, board))
    activity, width = _activity(call, layout, overview), terminal_width()
    parts.append(status_text(board, now=time.time(), width=width, running=activity))
    parts.append(_active_run(overview) or _ending(layout, overview))
    if overview.waiting:
        for each in overview.waiting:
            run = f"A run waits until {format_local(each.until)} (pid {each.process['pid']})"
            parts.append(", ".join(filter(None, [run, suspended(each.process)])) + "\n")
    return "".join(parts)


def _facts(call: Call, layout: Layout, overview: Overview) -> dict[str, Any]:
    """Return the status of a plan as JSON."""
    now, board = time.time(), overview.board
    spent = total_cost(board.paid_for())
    by_status = board.by_status()
    return {
        **_header_facts(layout, board),
        "total": len(board.plan.tasks),
        "directory": layout.root,
        "counts": board.shown_counts(),
        "simulated": board.simulated(),
        "batch": board.current_batch(),
        "batches": max(board.shape.batch.values(), default=0),
        "running": by_status.get(TaskStatus.RUNNING, []),
        "news": _activity(call, layout, overview),
        "failed": [
            {"id": task_id, "reason": board.standing[task_id].reason}
            for task_id in by_status.get(TaskStatus.FAILED, [])[:_MOST]
        ],
        "held": [_hold_facts(hold) for hold in held(board.everything()) if hold.lasts(now)],
        "overdue": [
            {"id": task_id, DUE.keyword: DUE.facts(getattr(board.plan.tasks[task_id], DUE.name))}
            for task_id in board.overdue(now)[:_MOST]
        ],
        "estimate": _outlook(board),
        "cost_usd": round(spent.known, 6),
        "budget_usd": board.plan.budget or None,
        "costs": cost_facts(spent, _MOST),
        "unknown_costs": spent.unknown,
        "run": overview.holder,
        **_last_run(layout, overview),
        "waiting": [{"pid": each.process["pid"], "until": iso(each.until)} for each in overview.waiting],
        "log": journal_tail(layout.journal, 5),
    }


def _header_facts(layout: Layout, board: PlanSnapshot) -> dict[str, Any]:
    """Return what only a plan has that says its state (seed 004)."""
    header = board.plan.header
    if header.state is None:
        return {}
    real = really_done(board)  # as among all plans; the rest shows what was simulated, too
    facts = plan_facts(collection.plan_id(layout), header, header.state, real.counts())
    return {**facts, "subtasks": subtask_facts(real)}


def _hold_facts(hold: Held) -> dict[str, Any]:
    return {"agent": hold.agent, "model": hold.model, "until": iso(hold.until), "reason": hold.reason}


def _active_run(overview: Overview) -> str:
    """Say which run is active, and that it merges the results, which is no task; empty where none is."""
    if overview.holder is None:
        return ""
    run = f"Run {overview.holder['run']} is at work (pid {overview.holder['pid']})"
    line = ", ".join(filter(None, [run, suspended(overview.holder)])) + "\n"
    return f"{line}{MERGES}\n" if is_merging(overview.board) else line


def _ending(layout: Layout, overview: Overview) -> str:
    """Say how the last run ended, where the tasks do not show it, and what to do next."""
    brief = brief_of(layout, overview)
    lines = [ending(brief)]
    plan_header = brief.board.plan.header
    if plan_header.state is not None and plan_header.state not in TERMINAL:
        lines.append(with_program(what_keeps(layout, plan_header)))
    # A plan that was never run may be a list for people, or wait for approval; and `status` is being looked at.
    if brief.about_run and brief.next_step() != ("status",):
        lines.append(f"next: {_next(layout, brief)}")
    if asked := find_orphans(layout):
        lines.insert(1, f"{STILL_ASKED}{join_first(asked, 3)}")
    return "".join(f"{line}\n" for line in lines if line)


def _last_run(layout: Layout, overview: Overview) -> dict[str, Any]:
    """Return the same by the names that ``--brief`` has for it."""
    brief = brief_of(layout, overview)
    step = _next(layout, brief)
    return {"phase": brief.phase.value, "word": word(brief), "next": step}


def _next(layout: Layout, brief: Brief) -> str:
    return next_command(brief, named_directory(), os.path.relpath(layout.final_output), program())


def _outlook(board: PlanSnapshot) -> dict[str, float] | None:
    """Say in hours how much there is to do; None where no one estimated anything."""
    found = estimate(board)
    if found is None:
        return None
    seconds = {"total": found.total, "left": found.left, "path_left": found.path_left}
    in_hours = {f"{name}_hours": hours(each) for name, each in seconds.items()}
    return {**in_hours, "estimated_tasks": found.known}


def _activity(call: Call, layout: Layout, overview: Overview) -> dict[str, str]:
    """Return what is known of each task under way: who has it in hand and how far, or what its agent is doing; and
    what tasks wait for that could start.
    """
    board = overview.board
    how_far = {**board.how_far(), **(waits(layout, board) if overview.holder else {})}
    running = board.by_status().get(TaskStatus.RUNNING, [])
    if all(board.results[task_id].is_manual for task_id in running):
        return how_far
    try:
        agents = call.plugins(layout).agents
    except OrchestratorError:
        return how_far  # an invalid agent file is no reason to print nothing at all
    activity = news_of_running(layout, board, agents)
    return {
        task_id: " · ".join(filter(None, (how_far.get(task_id), activity.get(task_id))))
        for task_id in how_far | activity
    }


COMMAND = Command(StatusParams, execute, main=main, takes=(DIRECTORY, DIR, JSON))
