"""The tables of a plan: which of them say what is to be done, and the tasks in their rows.

Every table with ids, texts and dependencies is a task table, and several of them (one per phase, say) are one plan. A
table with ids and agents or statuses assigns (seed 002). Any other table is prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from orchestrator.core.duration import parse_duration
from orchestrator.core.plan import TASK_ID, Task, check_rows
from orchestrator.core.priority import NORMAL, parse_priority
from orchestrator.core.text import one_line, printable
from orchestrator.errors import Problem
from orchestrator.store.columns import (
    Columns,
    is_none,
    read_header,
    read_id,
    read_label,
    read_needs,
    read_tags,
)
from orchestrator.store.outline import Block, Outline, outline
from orchestrator.store.tables import Table, split_row, tables

#: Problems of rows that are listed; somebody who has more of them has one cause.
MAX_PROBLEMS = 50

#: Characters of a cell of dependencies that is read; a hundred thousand ids fit into it.
_LONGEST_NEEDS = 1024 * 1024

_HINT = "add a table with the columns Task ID, Description and Dependencies, one row per task"
# An id with a number, and what stands before it.
_NUMBERED = re.compile(r"([^0-9]*)[0-9]")
# What a row ends up in that stands in no table; of lists only lines at the margin, which merely ran into them.
_TEXTS, _LISTS = frozenset({"paragraph", "code_block"}), frozenset({"bullet_list", "ordered_list"})
# What is meant as one and is none. Compiled when there is such a cell, which takes longer than to read a small plan.
_DURATION = (
    r"(?i)[~≈ ]*+(?:\d++(?:\.\d++)? ?(?:minute|min|ms|m|second|sec|s|hour|hr|h|day|d)?s? ?+)++"
)
_DATE = r"(?a)\d{4}-\d{1,2}-\d{1,2}(?:[T ]+[\d:.,Zz+-]*)?"


class Sheet(NamedTuple):
    """A table of the person's with its columns."""

    table: Table
    columns: Columns


class Layout(NamedTuple):
    """The person's lines, without front matter and without our sections, and the tables that count."""

    lines: Sequence[str]
    outline: Outline
    tasks: tuple[Sheet, ...]
    assignments: tuple[Sheet, ...]


def lay_out(lines: Sequence[str]) -> Layout:
    """Find the tables that count in the person's own lines."""
    found = outline(lines)
    sheets = [Sheet(table, read_header(table.header)) for table in tables(lines, found)]
    assignments = tuple(sheet for sheet in sheets if sheet.columns.is_assignment_table)
    return Layout(lines, found, task_sheets(sheets), assignments)


def task_sheets(sheets: Sequence[Sheet]) -> tuple[Sheet, ...]:
    """Return those tables that say what is to be done."""
    tasks = tuple(sheet for sheet in sheets if sheet.columns.is_task_table)
    if tasks:
        return tasks
    # Without a column of dependencies nothing depends on anything; then only the first such table is meant.
    has_tasks = (each for each in sheets if each.columns.id is not None and each.columns.has_text)
    return tuple(islice(has_tasks, 1))


def read_rows(layout: Layout, file: str) -> tuple[list[Task], list[Problem]]:
    """Return the rows of all task tables, with the agents of the assignment tables, and what is wrong with them."""
    if not layout.tasks:
        return [], [_no_table(layout, file)]
    problems: list[Problem] = []
    rows: list[Task] = []
    for sheet in layout.tasks:
        rows += _rows_of(sheet, layout, file, problems)
    rows += _loose_rows(layout, {row.id for row in rows}, file, problems)
    if problems and not rows:
        return [], problems
    problems += islice(check_rows(rows), MAX_PROBLEMS)
    assigned = _assigned(layout, {row.id for row in rows}, file, problems)
    if assigned:
        rows = [_filled_in(row, assigned.get(row.id, _Assigned())) for row in rows]
    return rows, problems[:MAX_PROBLEMS]


def _no_table(layout: Layout, file: str) -> Problem:
    """Say that there is no table; a header without the line ``|---|`` below it makes none."""
    for block in layout.outline.kinds("paragraph"):
        line = layout.lines[block.line]
        if "|" in line and read_header(split_row(line)).is_task_table:
            return Problem(
                "the task table has no line of dashes below its header",
                f"{file}:{block.line + 1}",
                "write a line such as |---|---|---| there, with as many columns as the header",
                "no_table",
            )
    return Problem("no task table found", f"{file}:1", _HINT, "no_table")


def _rows_of(sheet: Sheet, layout: Layout, file: str, problems: list[Problem]) -> Iterator[Task]:
    columns, width = sheet.columns, len(sheet.table.header)
    for line, cells in sheet.table.rows(layout.lines):
        where = f"{file}:{line + 1}"
        if any(cells[width:]):
            problems.append(
                Problem(
                    f"the row has {len(cells)} cells, its table has {width} columns",
                    where,
                    "write \\| for a bar that belongs to a cell",
                    "bad_row",
                )
            )
            yield from _named(cells, columns, where)
            continue
        cells.extend([""] * (width - len(cells)))
        if _is_task(cells, columns):
            yield read_task(cells, columns, where, problems)


def _named(cells: Sequence[str], columns: Columns, where: str) -> list[Task]:
    """Return a task for a row that is refused, so that whoever depends on it is not refused as well."""
    at = columns.id
    task_id = read_id(cells[at]) if at is not None and at < len(cells) else ""
    is_id = TASK_ID.fullmatch(task_id) is not None
    return [Task(task_id, task_id, task_id, where=where)] if is_id else []


def _loose_rows(
    layout: Layout, known: set[str], file: str, problems: list[Problem]
) -> Iterator[Task]:
    """Refuse what looks like the row of a task and stands in no table; it would not be run, without a word."""
    families = {_family(task_id) for task_id in known}
    width = max(len(sheet.table.header) for sheet in layout.tasks)
    for at, sheet in _barred(layout):
        cells = split_row(layout.lines[at])
        columns = (sheet or layout.tasks[0]).columns
        named = _named(cells, columns, f"{file}:{at + 1}") if len(cells) > 1 else []
        if any(cells[width:]) or not named:
            continue
        family = _family(named[0].id)
        is_alike = family in families and family  # anywhere; below the tasks any id will do
        if is_alike or (sheet and (family is not None or None in families)):
            problems.append(_loose_row(layout.lines, at, named[0].where))
            if named[0].id not in known:
                known.add(named[0].id)
                yield named[0]


def _barred(layout: Layout) -> Iterator[tuple[int, Sheet | None]]:
    """Yield the lines of texts that begin with a bar, each with the table above it if that is one of tasks."""
    sheets = {sheet.table.line: sheet for sheet in layout.tasks}
    underlined = (head for head in layout.outline.headings if not head.is_atx)
    texts = [Block("paragraph", head.line, head.end) for head in underlined]
    above = None
    for block in sorted([*layout.outline.blocks, *texts], key=lambda block: block.line):
        if block.kind == "table":
            above = sheets.get(block.line)
        if block.kind not in _TEXTS and block.kind not in _LISTS:
            continue
        for at in range(block.line, block.end):
            line = layout.lines[at]
            if (line.lstrip() if block.kind in _TEXTS else line).startswith("|"):
                yield at, above


def _family(task_id: str) -> str | None:
    """Return what stands before the number of an id; None: it has no number."""
    found = _NUMBERED.match(task_id)
    return found[1].casefold() if found else None


def _loose_row(lines: Sequence[str], at: int, where: str) -> Problem:
    message = "this row belongs to no table: what stands above it ends the table"
    hint = "move it to the other rows; what is no task stands in a fence or a quote"
    if lines[at].startswith(("\t", "    ")):
        message = "this row belongs to no table: it is indented like code"
        hint = "move it to the margin; what is no task stands in a fence or a quote"
    elif at and not lines[at - 1].strip():
        message = "this row belongs to no table: a blank line ends the table above"
        hint = "remove the blank line above it, or give it a header of its own"
    return Problem(message, where, hint, "loose_row")


def _is_task(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a row is more than a blank one or a caption inside of the table."""
    filled = [index for index, text in enumerate(cells) if text]
    if filled == [columns.id]:
        return TASK_ID.fullmatch(read_id(cells[filled[0]])) is not None
    return bool(filled)


def read_task(cells: Sequence[str], columns: Columns, where: str, problems: list[Problem]) -> Task:
    """Return the task in a row that has a cell for every column; what makes no sense in it goes to *problems*."""

    def text(column: int | None) -> str:
        return "" if column is None else cells[column]

    def label(column: int | None) -> str:
        return one_line(read_label(cell)) if (cell := text(column)) else ""

    name, description = text(columns.name), text(columns.description) or text(columns.name)
    too_many = len(text(columns.needs)) > _LONGEST_NEEDS
    if too_many:
        hint = "let it depend on a task that waits for the others"
        message = f"its dependencies take more than {_LONGEST_NEEDS // 1024:,} KiB"
        problems.append(Problem(message, where, hint, "bad_row"))
    needs, kinds = read_needs("" if too_many else text(columns.needs))
    due = text(columns.deadline)
    deadline = _deadline(due, where, problems) if due else None
    inputs = [
        (header, printable(cells[index]))
        for index, header in columns.others
        if not is_none(cells[index])
    ]
    if due and deadline is None and not is_none(due):
        inputs.append(("Deadline", printable(due)))
    return Task(
        id=read_id(text(columns.id)),
        name=printable(name or description),
        description=printable(description),
        needs=needs,
        agent=label(columns.agent),
        priority=_priority(text(columns.priority), where, problems),
        estimate=_estimate(text(columns.estimate), where, problems),
        expected="" if is_none(text(columns.expected)) else printable(text(columns.expected)),
        inputs=tuple(inputs),
        where=where,
        kinds=kinds,
        assignee=label(columns.assignee),
        parent="" if is_none(parent := read_id(text(columns.parent))) else parent,
        tags=read_tags(text(columns.tags)),
        kind=label(columns.kind),
        deadline=deadline or 0.0,
    )


def _priority(text: str, where: str, problems: list[Problem]) -> int:
    if not text:
        return NORMAL
    try:
        return parse_priority(read_label(text))
    except ValueError as error:
        hint = "correct the cell or leave it empty"
        problems.append(Problem(one_line(str(error)), where, hint, "bad_priority"))
        return NORMAL


def _estimate(text: str, where: str, problems: list[Problem]) -> float | None:
    """Return the seconds in a cell; only the order of dispatch depends on it, so words are no error."""
    word = read_label(text) if text else ""
    if not word:
        return None
    try:
        return parse_duration(word)
    except ValueError as error:
        if len(word) <= 40 and re.fullmatch(_DURATION, word):
            message = f"estimate: {one_line(str(error))}"
            problems.append(
                Problem(message, where, "correct the cell or leave it empty", "bad_estimate")
            )
        return None


def _deadline(text: str, where: str, problems: list[Problem]) -> float | None:
    """Return the moment in a cell; None when it has none: ``end of Q3`` is for people, and for the agent."""
    from orchestrator.core.moment import parse_moment  # most plans have no deadlines

    word = read_label(text)
    try:
        return parse_moment(word) if word else None
    except ValueError as error:
        if re.fullmatch(_DATE, word):
            message = f"deadline: {one_line(str(error))}"
            hint = "correct the cell or leave it empty"
            problems.append(Problem(message, where, hint, "bad_deadline"))
        return None


class _Assigned(NamedTuple):
    """Who does a task, as an assignment table says."""

    agent: str = ""
    assignee: str = ""


def _filled_in(row: Task, assigned: _Assigned) -> Task:
    return row._replace(
        agent=row.agent or assigned.agent, assignee=row.assignee or assigned.assignee
    )


def _assigned(
    layout: Layout, known: set[str], file: str, problems: list[Problem]
) -> dict[str, _Assigned]:
    """Return who does which task, as the assignment tables say."""
    assigned: dict[str, _Assigned] = {}
    for sheet in layout.assignments:
        at = sheet.columns.id
        for line, cells in sheet.table.rows(layout.lines):
            task_id = read_id(cells[at]) if at is not None and at < len(cells) else ""
            if not task_id:
                continue
            if task_id not in known:
                problems.append(
                    Problem(
                        f"{one_line(task_id, 64)} is assigned, but it is not in the task table",
                        f"{file}:{line + 1}",
                        "add the task or remove the row",
                        "unknown_task",
                    )
                )
                continue
            before, columns = assigned.get(task_id, _Assigned()), sheet.columns
            assigned[task_id] = _Assigned(
                before.agent or _label(cells, columns.agent),
                before.assignee or _label(cells, columns.assignee),
            )
    return assigned


def _label(cells: Sequence[str], column: int | None) -> str:
    return "" if column is None or column >= len(cells) else one_line(read_label(cells[column]))
