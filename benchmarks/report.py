"""What was measured, as a row, and all rows as text for people, as markdown, as JSON."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.measure import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure with its aim. Values are never judged but by ``≤ aim``, and nothing fails because of them."""

    case: str
    what: str
    aim: float
    value: float
    unit: str
    """``×``, ``ms`` or ``MB``."""
    ours: Sequence[float]
    baseline: Sequence[float]
    """Empty: there is none. One number: it was computed and not measured."""
    samples_in: str = "s"
    """The unit of ``ours`` and ``baseline``."""
    against: str = ""
    """What the baseline is."""
    notes: Mapping[str, float] = field(default_factory=dict)


def ratio(
    case: str, what: str, aim: float, *, ours: Sequence[Sample], base: Sequence[Sample], against: str = "bare loop"
) -> Row:
    """Return the row of a ratio of two medians of wall time."""
    mine, theirs = [each.wall for each in ours], [each.wall for each in base]
    cpu = median([each.cpu for each in ours]) / median([each.cpu for each in base])
    return Row(
        case=case,
        what=what,
        aim=aim,
        value=median(mine) / median(theirs),
        unit="×",
        ours=mine,
        baseline=theirs,
        against=against,
        notes={"processor time ×": cpu},
    )


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


_HEAD = ("case", "what", "aim", "measured", "ours", "baseline", "beside")


def as_text(rows: Sequence[Row]) -> str:
    """Return a table whose columns line up."""
    cells = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(_HEAD))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table of docs/benchmarks.md."""
    lines = [_HEAD, ("---",) * len(_HEAD), *map(_cells, rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_json(machine: Mapping[str, str], rows: Sequence[Row], failed: Sequence[str]) -> str:
    """Return everything that was measured."""
    listed = [
        {
            "case": row.case,
            "what": row.what,
            "aim": row.aim,
            "value": row.value,
            "unit": row.unit,
            "met": row.value <= row.aim,
            "against": row.against,
            "samples_in": row.samples_in,
            "ours": list(row.ours),
            "baseline": list(row.baseline),
            "notes": dict(row.notes),
        }
        for row in rows
    ]
    whole = {"machine": dict(machine), "rows": listed, "failed": list(failed)}
    return json.dumps(whole, indent=1, ensure_ascii=False)


def _cells(row: Row) -> tuple[str, ...]:
    mark = "" if row.value <= row.aim else " (not met)"
    notes = ", ".join(f"{name} {value:.2f}" for name, value in row.notes.items())
    return (
        row.case,
        row.what,
        f"≤ {row.aim:g} {row.unit}",
        f"{_short(row.value)} {row.unit}{mark}",
        _spread(row.ours, row.samples_in),
        f"{row.against}: {_spread(row.baseline, row.samples_in)}" if row.baseline else "",
        notes,
    )


def _spread(values: Sequence[float], unit: str) -> str:
    """Write the median, and the least and the most when they were measured."""
    if unit == "s" and median(values) < 1:
        unit, values = "ms", [value * 1000 for value in values]
    middle = f"{_short(median(values))} {unit}"
    if len(values) == 1:
        return middle
    return f"{middle} ({_short(min(values))}–{_short(max(values))})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
