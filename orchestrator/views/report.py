"""What was done in some days, as text, as markdown and as a sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.cost import usd
from orchestrator.core.duration import format_duration
from orchestrator.core.text import cell, pluralize
from orchestrator.core.usage import DAY, Booking, Figures, Share
from orchestrator.views.listing import csv_text
from orchestrator.views.terminal import plain, table, timestamp

_COLUMNS = ("plan", "task", "name", "agent", "assignee", "status", "start", "end", "seconds", "cost_usd", "attempt")
#: Columns of a terminal that a name may take.
_MOST = 40
_OF_SHARE = ("completed", "failed", "attempts", "time", "cost")
_METRICS = ("attempts", "completed", "failed", "success", "median", "time", "cost")


class _Table(NamedTuple):
    """One table of a report; its cells come from outside and are made safe where they are drawn."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


#: Nothing was left out.
_NONE: Mapping[str, str] = {}


def report_text(found: Figures, width: int | None = None, *, broken: Mapping[str, str] = _NONE) -> str:
    """Return the report for a terminal; without *width*, as wide as it comes. *broken*: what is left out, and why."""
    parts = ["\n".join([_span(found), summary(found), *map(plain, _left_out(broken)), ""])]
    for each in _tables(found):
        head = (each.title.upper(), *(word.upper() for word in each.head))
        parts.append(table([head, *(tuple(map(plain, row)) for row in each.rows)], width, _MOST))
    return "\n".join(parts)


def report_markdown(found: Figures, *, broken: Mapping[str, str] = _NONE) -> str:
    """Return the report as a document. *broken*: what is left out, and why."""
    lines = [f"# Report, {_span(found)}", "", cell(summary(found))]
    for plan in _left_out(broken):
        lines += ["", cell(plan)]
    for each in _tables(found):
        is_group = each.title in _GROUPS
        first = each.title if is_group else "task"
        lines += ["", f"## {f'By {each.title}' if is_group else each.title.capitalize()}", ""]
        lines += _markdown([word.capitalize() for word in (first, *each.head)], each.rows)
    return "\n".join(lines) + "\n"


def report_csv(booked: Sequence[Booking]) -> str:
    """Return one row for each attempt, oldest first; moments in UTC, as spreadsheets read them."""
    return csv_text(
        _COLUMNS,
        (
            (
                each.plan,
                each.task,
                each.name,
                each.agent,
                each.assignee,
                each.status,
                csv_timestamp(each.started),
                csv_timestamp(each.ended),
                round(each.seconds, 3) if each.ended or each.seconds else None,
                each.cost,
                each.attempt,
            )
            for each in booked
        ),
    )


def csv_timestamp(seconds: float) -> str:
    """Write a moment, seconds since the epoch, as a cell that can be computed with: ``2026-01-05 14:03:09``, in UTC."""
    return timestamp(seconds).removesuffix("Z") if seconds else ""


def metrics_text(agents: Mapping[str, Share], width: int | None = None) -> str:
    """Return what each agent did, one line for each."""
    rows = [("AGENT", *(word.upper() for word in _METRICS))]
    rows += [(plain(name), *_metrics(each)) for name, each in agents.items()]
    return table(rows, width, _MOST)


def summary(found: Figures) -> str:
    """Return the report in a line: ``12 tasks completed, 1 failed, 3 added · 15 attempts · 1h02m of work · $1.24``."""
    total = found.total
    played = f" ({total.simulated} only simulated)" if total.simulated else ""
    parts = [
        f"{pluralize(total.completed, 'task')} completed{played}, {total.lost} failed, {found.added} added",
        pluralize(total.attempts, "attempt"),
        f"{format_duration(total.seconds)} of work",
    ]
    unknown = f"{pluralize(total.unknown, 'attempt')} of unknown cost" if total.unknown else ""
    cost = " and ".join(filter(None, (usd(total.cost) if total.cost else "", unknown)))
    return " · ".join(filter(None, (*parts, cost)))


def day_text(day: int) -> str:
    """Return a day as people write it; *day* is counted from the epoch, in UTC."""
    return timestamp(day * DAY + 1)[: len("2026-01-05")]


# ── the tables ───────────────────────────────────────────────────────────────────────────────────────────────────────

_GROUPS = ("day", "agent", "assignee")


def _tables(found: Figures) -> Iterator[_Table]:
    if found.days:
        rows = [(day_text(day), *_share(done, str(added))) for day, (done, added) in found.days.items()]
        yield _Table("day", (*_OF_SHARE[:2], "added", *_OF_SHARE[2:]), rows)
    for title, shares in (("agent", found.agents), ("assignee", found.assignees)):
        if shares:
            yield _Table(title, _METRICS, [(name, *_metrics(each)) for name, each in shares.items()])
    for title, tasks in (("longest", found.longest), ("most repeated", found.repeated)):
        if tasks:
            rows = [(_task(last), last.name, str(each.attempts), format_duration(each.seconds)) for last, each in tasks]
            yield _Table(title, ("name", "attempts", "time"), rows)


def _share(done: Share, added: str) -> tuple[str, ...]:
    counts = (str(done.completed), str(done.lost), added, str(done.attempts))
    return (*counts, format_duration(done.seconds), _cost(done))


def _metrics(done: Share) -> tuple[str, ...]:
    return (
        str(done.attempts),
        str(done.completed),
        str(done.failed),
        "-" if done.success is None else f"{100 * done.success:.0f}%",
        "-" if done.median is None else format_duration(done.median),
        format_duration(done.seconds),
        _cost(done),
    )


def _task(booking: Booking) -> str:
    return booking.task if booking.plan == "." else f"{booking.plan}/{booking.task}"


def _cost(done: Share) -> str:
    known = usd(done.cost) if done.cost else ""
    unknown = f"{done.unknown} unknown" if done.unknown else ""
    return " + ".join(filter(None, (known, unknown))) or "-"


def _left_out(broken: Mapping[str, str]) -> Iterator[str]:
    for name, why in broken.items():
        yield f"Left out: {name} ({why})"


def _span(found: Figures) -> str:
    return f"{timestamp(found.since)[:16]}Z to {timestamp(found.until)[:16]}Z"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(map(cell, row))} |"
