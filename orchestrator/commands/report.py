"""The command ``report``: work, agents, time and cost of the last days, archived plans included."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, WholeNumber, option
from orchestrator.commands.reply import passed_over, terminal_width
from orchestrator.core.event import read_line
from orchestrator.core.plan import Plan
from orchestrator.core.snapshot import NAMES
from orchestrator.core.timestamp import epoch, iso
from orchestrator.core.usage import DAY, Booking, Figures, Share, bookings, figures, within
from orchestrator.store.collection import every_plan, read_each
from orchestrator.store.journal import journal_lines
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace
from orchestrator.views.report import day_text, report_csv, report_markdown, report_text, summary

_FORMATS = ("text", "json", "csv", "markdown")


def days_option() -> Any:
    """Declare ``--days``; a hundred years at most."""
    return option("How far back, from now.", metavar="N", default=7, shown_default="7", read=WholeNumber(1, 36_500))


@dataclass(frozen=True)
class ReportParams:
    """Since when, and in what form."""

    days: int = days_option()
    format: str = option("csv: one row for each attempt.", choices=_FORMATS, default="text", shown_default="text")


class Ledger(NamedTuple):
    """Every attempt in a time, what they come to, and which plans could not be read, and why."""

    booked: Sequence[Booking]
    figures: Figures
    broken: Mapping[str, str]


def look_back(layout: Layout, days: float, now: float) -> Ledger:
    """Return what was done in the last days; *now* is in seconds since the epoch.

    Raises:
        NotFoundError: there is no plan.
        PlanError, StoreError: the only plan there is cannot be read; of several, it is left out, and named.
    """
    since = now - days * DAY
    places = dict(every_plan(layout, since))
    if not places:
        Workspace(layout).load_plan()  # says best that there is none
    found, broken = read_each(places, lambda name, place: (list(_booked(name, place)), list(_added(place))))
    booked = [each for of_plan, _ in found.values() for each in of_plan]
    added = [each for _, of_plan in found.values() for each in of_plan]
    usage = figures(booked, added, since=since, until=now)
    return Ledger(within(booked, since), usage, broken)


def _booked(name: str, place: Layout) -> Iterator[Booking]:
    # What was put away when its plan was gone is of no row, and was paid for all the same.
    plan = None if os.path.lexists(place.plan) else Plan(tasks={})
    board = Workspace(place).load(keep_cache=False, plan=plan)
    for result in board.paid_for():
        task = board.plan.tasks.get(result.task)
        yield from bookings(name, result, task, NAMES.get(result.task, ""))


def _added(place: Layout) -> Iterator[float]:
    for text in journal_lines(place.journal, " · added"):
        line = read_line(text)
        if line is not None and line.what == "added" and (timestamp := epoch(line.time)):
            yield timestamp


class _Report(NamedTuple):
    ledger: Ledger
    format: str


def execute(call: Call, params: ReportParams) -> _Report:
    """Say what was done in the last days.

    Tasks that were completed, failed and added, day by day; attempts, time and money of each agent and assignee; the
    longest tasks and those that were repeated most. For a directory of plans: all of them, and what was put away.

    Examples:
      orchestrator report
      orchestrator report --days 30 --format csv > attempts.csv
      orchestrator report --format markdown > report.md

    Days are those of UTC. An attempt counts on the day it ended.
    """
    form = "json" if call.is_json else params.format
    return _Report(look_back(call.plan(), params.days, time.time()), form)


def text(report: _Report) -> str:
    """Return the report for people, or as CSV or markdown."""
    found = report.ledger
    if report.format == "csv":
        return report_csv(found.booked)
    if report.format == "markdown":
        return report_markdown(found.figures, broken=found.broken)
    return report_text(found.figures, terminal_width(), broken=found.broken)


def remarks(report: _Report) -> Iterator[str]:
    """Yield a warning for each plan that could not be read; the text for people has them already."""
    if report.format != "text":
        yield from broken_warnings(report.ledger.broken)


def broken_warnings(broken: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for each plan that could not be read, with the reason."""
    for name, why in broken.items():
        yield f"warning: {name} is left out: {why}"


def share_facts(done: Share) -> dict[str, Any]:
    """Return what some attempts come to, for programs."""
    return {
        "attempts": done.attempts,
        "completed": done.completed,
        "simulated": done.simulated,
        "failed": done.failed,
        "success": None if done.success is None else round(done.success, 4),
        "seconds": round(done.seconds, 3),
        "median_seconds": None if done.median is None else round(done.median, 3),
        "cost_usd": round(done.cost, 6),
        "unknown_costs": done.unknown,
    }


def facts(report: _Report) -> Facts:
    """Return the report as JSON."""
    found = report.ledger
    usage = found.figures
    return {
        "message": summary(usage),
        "since": iso(usage.since),
        "until": iso(usage.until),
        "total": _with_tasks(usage.total, usage.added),
        "days": [{"day": day_text(day), **_with_tasks(done, added)} for day, (done, added) in usage.days.items()],
        "agents": {name: share_facts(each) for name, each in usage.agents.items()},
        "assignees": {name: share_facts(each) for name, each in usage.assignees.items()},
        "longest": [_task_facts(*each) for each in usage.longest],
        "repeated": [_task_facts(*each) for each in usage.repeated],
        "skipped": passed_over(found.broken),
    }


def _with_tasks(done: Share, added: int) -> dict[str, Any]:
    return {**share_facts(done), "tasks_failed": done.lost, "tasks_added": added}


def _task_facts(last: Booking, done: Share) -> dict[str, Any]:
    return {
        "plan": last.plan,
        "task": last.task,
        "name": last.name,
        "attempts": done.attempts,
        "seconds": round(done.seconds, 3),
    }


COMMAND = Command(ReportParams, execute, facts, text, remarks=remarks, takes=(DIRECTORY, DIR, JSON))
