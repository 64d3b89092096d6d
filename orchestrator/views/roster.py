"""The agents as a table (seed row S4-54): plain text, one line for each."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.roster import Listed
from orchestrator.views.columns import clip, display_width, fit, plain

_HEADER = ("AGENT", "RUNNING", "TYPES", "BEST FOR", "FROM", "USABLE")
#: Columns of a cell at most; the last one takes what is left.
_MOST = 40
_GAP = "  "


def roster_text(listed: Sequence[Listed], width: int | None = None) -> str:
    """Return the table; without *width*, as wide as it comes."""
    rows = [_HEADER, *map(_row, listed)]
    columns = [
        min(max(display_width(row[at]) for row in rows), _MOST) for at in range(len(_HEADER) - 1)
    ]
    lines = []
    for row in rows:
        *cells, last = row
        line = _GAP.join([*map(fit, cells, columns), last])
        lines.append((clip(line, width) if width else line).rstrip())
    return "\n".join(lines) + "\n"


def _row(each: Listed) -> tuple[str, ...]:
    member = each.member
    running = f"{each.running}/{member.max_parallel or '–'}"
    usable = each.lacks or "yes"
    cells = (member.key, running, ", ".join(member.types), member.best_for, member.where, usable)
    return tuple(map(plain, cells))
