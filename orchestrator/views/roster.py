"""The agents as a table (seed row S4-54): plain text, one line for each."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.roster import Listed
from orchestrator.core.workload import Load
from orchestrator.views.columns import plain, table

_HEADER = ("AGENT", "RUNNING", "TYPES", "BEST FOR", "FROM", "USABLE")
#: Columns of a cell at most; the last one takes what is left.
_MOST = 40


def roster_text(listed: Sequence[Listed], width: int | None = None) -> str:
    """Return the table; without *width*, as wide as it comes."""
    return table([_HEADER, *map(_row, listed)], width, _MOST)


def _row(each: Listed) -> tuple[str, ...]:
    member = each.member
    running = f"{each.running}/{member.max_parallel or '–'}"
    usable = each.lacks or "yes"
    cells = (member.key, running, ", ".join(member.types), member.best_for, member.where, usable)
    return tuple(map(plain, cells))


def workload_text(loads: Sequence[Load], width: int | None = None) -> str:
    """Return how much everybody has to do, one line for each."""
    rows: list[Sequence[str]] = [("NAME", "ACTIVE", "PENDING", "WAITING", "BLOCKED", "IS")]
    for each in loads:
        active = f"{each.active}/{each.capacity or '–'}"
        counts = map(str, (each.pending, each.waiting, each.blocked))
        rows.append((plain(each.name), active, *counts, "agent" if each.is_agent else "assignee"))
    return table(rows, width, _MOST)
