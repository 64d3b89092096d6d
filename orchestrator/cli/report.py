"""``report``, and what it says in figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import click

from orchestrator.actions.report import Ledger, look_back
from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.reply import (
    passed_over,
    plan_directory,
    say_json,
    talk,
    terminal_width,
    write,
)
from orchestrator.core.timestamp import iso
from orchestrator.core.usage import Booking, Share
from orchestrator.views.report import (
    day_text,
    report_csv,
    report_markdown,
    report_text,
    summary,
)

_DAYS = 7
#: A hundred years.
_MOST = 36_500


def takes_days(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command its ``--days``."""
    return click.option(
        "--days",
        type=click.IntRange(1, _MOST),
        default=_DAYS,
        show_default=True,
        metavar="N",
        help="How far back, from now.",
    )(function)


@click.command("report")
@takes_directory
@takes_days
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "csv", "markdown"]),
    default="text",
    show_default=True,
    help="csv: one row for each attempt.",
)
@takes_json
def report_command(
    directory: str | None, option: str | None, days: int, form: str, *, as_json: bool
) -> None:
    """Say what was done in the last days.

    Tasks that were completed, failed and added, day by day; attempts, time and money of each agent and assignee; the
    longest tasks and those that were repeated most. For a directory of plans: all of them, and what was put away.

    \b
      orchestrator report
      orchestrator report --days 30 --format csv > attempts.csv
      orchestrator report --format markdown > report.md

    Days are those of UTC. An attempt counts on the day it ended.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    found = look_back(plan_directory(directory, option), days, time.time())
    if as_json or form == "json":
        say_json(summary(found.figures), **_facts(found))
    elif form == "csv":
        write(report_csv(found.booked))
    elif form == "markdown":
        write(report_markdown(found.figures, broken=found.broken))
    else:
        write(report_text(found.figures, terminal_width(), broken=found.broken))
        return
    say_broken(found.broken)


def say_broken(broken: Mapping[str, str]) -> None:
    """Warn of plans that could not be read, and say why."""
    for name, why in broken.items():
        talk(f"warning: {name} is left out: {why}")


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


def _facts(found: Ledger) -> dict[str, Any]:
    told = found.figures
    return {
        "since": iso(told.since),
        "until": iso(told.until),
        "total": _with_tasks(told.total, told.added),
        "days": [
            {"day": day_text(day), **_with_tasks(done, added)}
            for day, (done, added) in told.days.items()
        ],
        "agents": {name: share_facts(each) for name, each in told.agents.items()},
        "assignees": {name: share_facts(each) for name, each in told.assignees.items()},
        "longest": [_task_facts(*each) for each in told.longest],
        "repeated": [_task_facts(*each) for each in told.repeated],
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
