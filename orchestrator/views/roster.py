"""The agents as a table (seed row S4-54): plain text, one line for each."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.roster import Listed
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
