"""Tables for spreadsheets: CSV in which no text is taken for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from orchestrator.core.text import one_line

#: What makes a cell a formula when a text begins with it, also in its wide form.
_FORMULA = frozenset("=+-@＝＋－＠")
#: Characters of a cell.
_MOST = 1000


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows below a head; a text that a spreadsheet would compute is quoted as a text, a number stays one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, (int, float)):
        return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if value is None:
        return ""
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    line = one_line(text, _MOST)
    # A dash alone stands for nothing, and computes nothing.
    return f"'{line}" if line[:1] in _FORMULA and line != "-" else line
