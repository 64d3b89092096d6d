"""The agents as a table: plain text, one line for each."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.agent import Listed, Load
from orchestrator.views.terminal import plain, table

_HEADER = ("AGENT", "RUNNING", "USABLE", "TYPES", "FROM", "BEST FOR")
#: Columns of a cell at most; the last one takes what is left.
_MOST = 40


def agents_text(listed: Sequence[Listed], width: int | None) -> str:
    """Return the table, and below it why some cannot work here; without *width*, as wide as it comes."""
    lacking = [f"{plain(each.member.key)}: {plain(each.lacks)}\n" for each in listed if each.lacks]
    rows = table([_HEADER, *map(_row, listed)], width, _MOST)
    return "".join([rows, *(["\n", *lacking] if lacking else [])])


def _row(each: Listed) -> tuple[str, ...]:
    member = each.member
    running = f"{each.running}/{member.max_parallel or '–'}"
    usable = "no" if each.lacks else "yes"
    cells = (member.key, running, usable, ", ".join(member.types), member.where, member.best_for)
    return tuple(map(plain, cells))


def workload_text(loads: Sequence[Load], width: int | None) -> str:
    """Return how much everybody has to do, one line for each."""
    rows: list[Sequence[str]] = [("NAME", "ACTIVE", "PENDING", "WAITING", "BLOCKED", "IS")]
    for each in loads:
        active = f"{each.active}/{each.capacity or '–'}"
        counts = map(str, (each.pending, each.waiting, each.blocked))
        rows.append((plain(each.name), active, *counts, "agent" if each.is_agent else "assignee"))
    return table(rows, width, _MOST)
