"""Adds or changes a single row of the person's table of tasks.

Every byte outside of that row stays unchanged. A missing column is added only in the header and in the line of dashes:
a row that is too short for it has an empty cell there (GFM).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import NamedTuple

from orchestrator.core.plan import Task
from orchestrator.core.text import cell, sanitize
from orchestrator.errors import Problem, UsageError
from orchestrator.plan.columns import Columns, read_header, read_id
from orchestrator.plan.document import (
    OwnText,
    Table,
    TaskTable,
    cell_spans,
    fence_closes,
    fence_opens,
    has_texts,
    own_text,
    split_row,
    task_sheets,
)
from orchestrator.plan.front_matter import find_marks
from orchestrator.plan.lines import Lines, conflict
from orchestrator.plan.row import read_task
from orchestrator.plan.sections import without_regions
from orchestrator.plan.task_fields import TASK_FIELDS

# ── scan ────────
#
# Finds the tables of a plan without a markdown parser: ``add`` may be called a hundred times, and a parser is slow.
#
# Only the certain case is handled: a table that begins on a fresh line and whose rows begin with a bar. As soon as
# anything in the file could be read in two ways, the result is None, and ``document.own_text`` is called.

_DELIMITER = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_UNSURE = re.compile(r"[ \t>*+\-\d.)]+(?:```|~~~)| {0,3}<")
_BARRED = re.compile(r"[ \t>*+\-\d.):]*\|")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_AGENT = re.compile(r"""agent:[ \t]*(["']?)([A-Za-z0-9._-]+)\1[ \t]*(?:#.*)?""")
_BLANKS = " \t"


class PlanScan(NamedTuple):
    """The tables of tasks in a plan, and the lines they stand in."""

    file: Lines
    lines: Sequence[str]
    """The person's own lines, bare; those of front matter and of our sections are empty."""
    sheets: tuple[TaskTable, ...]
    agent: str
    """The default agent of the plan; empty when it names none."""
    word: str = "T-"
    """What the id of its first task begins with."""
    own: OwnText | None = None
    """What else stands in the plan, as a parser sees it; None when plainly no other line is like the row of a task."""

    @property
    def is_half_merged(self) -> bool:
        """Whether a merge is unresolved in what is a person's: a new row would stand in one side of it."""
        return conflict("\n".join(without_regions(self.file.bare())), "") is not None


def find_places(data: bytes) -> PlanScan:
    """Return where the tasks of a plan stand; no sheets when there is no table of tasks.

    Raises:
        ValueError: it is not UTF-8.
    """
    file = Lines.of(data)
    bare = file.bare()
    body, agent, word = _front_matter(bare)
    lines = [*[""] * body, *without_regions(bare)[body:]]
    found = plain_tables(lines)
    if found is not None:
        sheets = [TaskTable(table, read_header(table.header)) for table in found]
        tasks = task_sheets(sheets)
        others = (sheet for sheet in sheets if sheet not in tasks)
        if not (any(map(has_texts, others)) or _has_bars(lines, found)):
            return PlanScan(file, lines, tasks, agent, word)
    own = own_text(lines)
    return PlanScan(file, lines, own.tasks, agent, word, own)


def _has_bars(lines: Sequence[str], found: Sequence[Table]) -> bool:
    """Whether any line outside of the tables could be the row of one: it begins with a bar, or has as many."""
    fewest = min((len(table.header) for table in found), default=1) - 1
    starts = [0, *(table.end for table in found)]
    ends = [*(table.line for table in found), len(lines)]
    return any(
        "|" in line and (_BARRED.match(line) or line.count("|") >= fewest)
        for start, end in zip(starts, ends, strict=True)
        for line in lines[start:end]
    )


def _front_matter(lines: Sequence[str]) -> tuple[int, str, str]:
    """Return the index of the first line of the body, the agent that is named above it, and what ids begin with."""
    start, end = find_marks(lines) or (0, None)
    if end is None:
        return 0, "", "T-"
    front = lines[start + 1 : end]
    word = "subtask_" if any(line.startswith("status:") for line in front) else "T-"
    named = (found[2] for line in front if (found := _AGENT.fullmatch(line)))
    return end + 1, next(named, ""), word


def plain_tables(lines: Sequence[str]) -> list[Table] | None:
    """Return the tables of a document given as bare lines; None when only a parser could say which they are."""
    found: list[Table] = []
    at, end, opened, is_fresh = 0, len(lines), "", True
    while at < end:
        line = lines[at]
        if opened:
            opened = "" if fence_closes(line, opened) else opened
        elif line.startswith(("```", "~~~")):
            opened = fence_opens(line)
            is_fresh = bool(opened)
        elif _UNSURE.match(line):
            close = _end_of_comment(lines, at)
            if close is None:
                return None
            at, is_fresh = close, True
        elif "|" in line and at + 1 < end and _is_delimiter(lines[at + 1]):
            table = _table(lines, at) if is_fresh and "|" in lines[at + 1] else None
            if table is None:
                return None
            found.append(table)
            at = table.end - 1
        else:
            is_fresh = not line.strip(_BLANKS) or _HEADING.match(line) is not None
        at += 1
    return found


def _is_delimiter(line: str) -> bool:
    return "-" in line and _DELIMITER.fullmatch(line) is not None


def _end_of_comment(lines: Sequence[str], at: int) -> int | None:
    """Return the last line of a comment; None for any other HTML, and for what looks like a fence in a list."""
    if not lines[at].startswith("<!--"):
        return None
    return next((line for line in range(at, len(lines)) if "-->" in lines[line]), None)


def _table(lines: Sequence[str], at: int) -> Table | None:
    header = split_row(lines[at])
    begins_well = lines[at][0] == "|" or lines[at][0].isalpha()
    if not begins_well or len(header) != len(split_row(lines[at + 1])):
        return None
    end = at + 2
    while end < len(lines) and lines[end].strip(_BLANKS):
        if lines[end][0] != "|":
            return None
        end += 1
    return Table(tuple(header), at, end)


#: What a column is called that has to be added.
_HEADERS = {
    "needs": "Dependencies",
    "tags": "Tags",
    "description": "Description",
    **{field.name: field.header for field in TASK_FIELDS},
}
#: Characters of a cell at most; more than that is read better in a task file.
_WIDEST = 200
_NUMBERED = re.compile(r"(.*?)(\d+)")


def fits(text: str, limit: int = _WIDEST) -> bool:
    """Whether a table cell of so many characters can say a text so that reading it gives the very same one."""
    shown = cell(text, limit)
    return bool(text) and [text] == [sanitize(each) for each in split_row(f"| {shown} |")]


def ids(places: PlanScan) -> list[str]:
    """Return the ids of all rows, in order."""
    found = []
    for sheet in places.sheets:
        column = sheet.columns.id
        assert column is not None
        for _, cells in sheet.table.rows(places.lines):
            if column < len(cells) and (task_id := read_id(cells[column])):
                found.append(task_id)
    return found


def next_ids(known: Sequence[str], first: str = "T-") -> Iterator[str]:
    """Yield ids that go on where the plan's own stop: the word most of them have, the same width, the next number.

    *first* is the word where there is none to go on from.
    """
    numbered = [found for each in known if (found := _NUMBERED.fullmatch(each))]
    taken = set(known)  # `label-2` is the second of a label, and no beginning of a row of numbers
    words = Counter(found[1] for found in numbered if found[1].rstrip("-._") not in taken)
    word = max(words, key=words.__getitem__, default=first)
    digits = [found[2] for found in numbered if found[1] == word]
    newest = max(digits, key=int, default="00")
    for number in count(int(newest) + 1):
        yield f"{word}{number:0{len(newest)}}"


def with_row(places: PlanScan, values: Mapping[str, str]) -> tuple[bytes, Task]:
    """Return the plan with one row more at the end of its last table of tasks, and the task as it will be read.

    *values* are texts for people by the role of their column, such as ``needs`` or ``parent``.

    Raises:
        ValueError: the row would be read with another meaning.
        UsageError: the table takes no more columns.
    """
    lines = list(places.file.lines)
    columns, end = _with_columns(places.sheets[-1], lines, values)
    width = len(split_row(lines[places.sheets[-1].table.line].rstrip("\r\n")))
    cells = [""] * width
    for role, text in values.items():
        cells[_column(columns, role)] = _cell(role, text)
    row = f"| {' | '.join(cells)} |"
    before = lines[end - 1]
    ending = before[len(before.rstrip("\r\n")) :] or places.file.ending
    if before.endswith(("\r", "\n")):
        lines.insert(end, row + ending)
    else:  # the last line of a file that does not end with a line break; nor will it
        lines[end - 1 : end] = [before + ending, row]
    problems: list[Problem] = []
    task = _read(row, columns, width, problems)
    if problems:
        raise ValueError(problems[0].message)
    return places.file.replaced(lines), task


def row_of(places: PlanScan, task_id: str) -> tuple[Columns, Task]:
    """Return the columns of the table that has a row, and the task as far as the row makes sense.

    Raises:
        KeyError: no row has this id.
        ValueError: it is not certain which of its cells belongs to which column.
    """
    sheet, at = _row_of(places, task_id)
    width = len(sheet.table.header)
    if any(split_row(places.lines[at])[width:]):
        raise ValueError("the row has too many cells")
    return sheet.columns, _read(places.lines[at], sheet.columns, width, [])


def with_cells(places: PlanScan, task_id: str, values: Mapping[str, str]) -> tuple[bytes, Task]:
    """Return the plan with other texts in some cells of one row, and the task as far as the row makes sense then.

    Raises:
        KeyError: no row has this id.
        UsageError: the table takes no more columns.
    """
    sheet, at = _row_of(places, task_id)
    lines = list(places.file.lines)
    columns, _ = _with_columns(sheet, lines, values)
    width = len(split_row(lines[sheet.table.line].rstrip("\r\n")))
    line = lines[at].rstrip("\r\n")
    ending = lines[at][len(line) :]
    last = max((_column(columns, role) for role in values), default=-1)
    while len(cell_spans(line)) <= last:
        # `| a` and `| a |` are both a row of one cell.
        line = f"{line.rstrip()} |" if line.rstrip().endswith("|") else f"{line.rstrip()} | |"
    for role, text in values.items():
        start, end = cell_spans(line)[_column(columns, role)]
        line = f"{line[:start]} {_cell(role, text)} {line[end:]}"
    lines[at] = line + ending
    return places.file.replaced(lines), _read(line, columns, width, [])


def without_field(places: PlanScan, ids: Collection[str], field: str) -> bytes:
    """Return the plan with an empty cell for a field in each of these rows."""
    return with_field(places, field, lambda task_id, text: "" if task_id in ids else text)


def with_field(places: PlanScan, field: str, change: Callable[[str, str], str]) -> bytes:
    """Return the plan with other cells for a field: *change* makes each of the id of its row and of its text.

    A cell whose text stays the same is left as it was written, and so is a row that is too short to have one.
    """
    lines = list(places.file.lines)
    for sheet in places.sheets:
        column, named = sheet.columns.at(field), sheet.columns.id
        if column is None or named is None:
            continue
        for at, cells in sheet.table.rows(places.lines):
            if max(column, named) >= len(cells):
                continue
            text = change(read_id(cells[named]), cells[column])
            if text != cells[column]:
                start, end = cell_spans(lines[at].rstrip("\r\n"))[column]
                written = f" {_cell(field, text)} " if text else " "
                lines[at] = f"{lines[at][:start]}{written}{lines[at][end:]}"
    return places.file.replaced(lines)


def _row_of(places: PlanScan, task_id: str) -> tuple[TaskTable, int]:
    for sheet in places.sheets:
        column = sheet.columns.id
        assert column is not None
        for line, cells in sheet.table.rows(places.lines):
            if column < len(cells) and read_id(cells[column]) == task_id:
                return sheet, line
    raise KeyError(task_id)


def _with_columns(sheet: TaskTable, lines: list[str], roles: Iterable[str]) -> tuple[Columns, int]:
    """Add the columns that are missing to the header and the line of dashes of a table; return what it has then."""
    columns, at = sheet.columns, sheet.table.line
    for role in roles:
        if columns.at(role) is None:
            lines[at] = _longer(lines[at], _HEADERS[role], " ")
            lines[at + 1] = _longer(lines[at + 1], "-" * (len(_HEADERS[role]) + 2), "")
            columns = read_header(split_row(lines[at].rstrip("\r\n")))
        if columns.at(role) is None:
            message = f"the table has too many columns to take one more for {_HEADERS[role]}"
            raise UsageError(message, hint="take some out of it, or give them a table of their own")
    return columns, sheet.table.end


def _longer(line: str, text: str, space: str) -> str:
    bare = line.rstrip()
    ending = line[len(line.rstrip("\r\n")) :]
    if bare.endswith("|"):
        return f"{bare}{space}{text}{space}|{ending}"
    return f"{bare}{space}|{space}{text}{ending}"


def _cell(role: str, text: str) -> str:
    """Return the inside of a cell; a list of dependencies is never cut."""
    return cell(text, max(len(text), _WIDEST) if role == "needs" else _WIDEST)


def _column(columns: Columns, role: str) -> int:
    column = columns.at(role)
    assert column is not None
    return column


def _read(row: str, columns: Columns, width: int, problems: list[Problem]) -> Task:
    cells = split_row(row)
    cells.extend([""] * (width - len(cells)))
    return read_task(cells, columns, "", problems)
