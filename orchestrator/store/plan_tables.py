"""The tasks in the rows of a plan's tables, who does them, and what is wrong with the rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from orchestrator.core.plan import TASK_ID, Task, check_rows
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.store.columns import (
    Columns,
    more_needs,
    plain,
    read_header,
    read_id,
    read_label,
    read_needs,
)
from orchestrator.store.lost_rows import IN_HTML, listed_rows, lost_rows
from orchestrator.store.plan_row import named_task, read_task
from orchestrator.store.plan_text import OwnText, Sheet
from orchestrator.store.tables import split_row

#: Problems of rows that are listed; somebody who has more of them has one cause.
MAX_PROBLEMS = 50

_HINT = "add a table with the columns Task ID, Description and Dependencies, one row per task"


def read_rows(own: OwnText) -> tuple[list[Task], list[Problem]]:
    """Return the rows of all task tables, with the agents of the assignment tables, and what is wrong with them."""
    problems: list[Problem] = []
    rows: list[Task] = []
    lost = list(listed_rows(own, problems))
    if not own.tasks:
        return [], problems or [_no_table(own)]
    for sheet in own.tasks:
        problems += _doubled_needs(sheet, own)
        rows += _rows_of(sheet, own, problems)
    known = {row.id for row in rows}
    for sheet in own.tasks:
        problems += _unread_needs(sheet, own, known)
    lost += lost_rows(own, known, problems)
    rows += {task.id: task for task in lost if task.id not in known}.values()
    if problems and not rows:
        return [], problems
    problems += islice(check_rows(rows), MAX_PROBLEMS)
    assigned = _assigned(own, {row.id for row in rows}, problems)
    if assigned:
        rows = [_filled_in(row, assigned.get(row.id, _Assigned())) for row in rows]
    return rows, problems[:MAX_PROBLEMS]


def _no_table(own: OwnText) -> Problem:
    """Say that there is no table; a header without the line ``|---|`` below it makes none."""
    for block in own.outline.kinds("paragraph"):
        line = own.lines[block.line]
        if "|" in line and read_header(split_row(line)).is_task_table:
            return Problem(
                "the task table has no line of dashes below its header",
                own.place(block.line),
                "write a line such as |---|---|---| there, with as many columns as the header",
                "no_table",
            )
    for block in filter(own.is_shown_html, own.outline.blocks):
        for at in range(block.line + 1, block.end):
            line = own.lines[at]
            if "|" in line and read_header(split_row(line)).is_task_table:
                return Problem("the task table stands in HTML", own.place(at), IN_HTML, "no_table")
    return Problem("no task table found", own.place(0), _HINT, "no_table")


def _doubled_needs(sheet: Sheet, own: OwnText) -> list[Problem]:
    header, first = sheet.table.header, sheet.columns.needs
    if first is None or not (second := more_needs(sheet.columns)):
        return []
    message = f"two columns say what a task depends on: {plain(header[first])} and {second}"
    hint = "put all dependencies into one of them, and take the other out"
    return [Problem(message, own.place(sheet.table.line), hint, "bad_header")]


def _unread_needs(sheet: Sheet, own: OwnText, known: set[str]) -> Iterator[Problem]:
    """Refuse a column of ids that nothing waits for, in a table without dependencies: all would start at once.

    Where it names tasks by numbers alone, it may count something.
    """
    at = sheet.columns.id
    for column, header in sheet.columns.others if sheet.columns.needs is None else ():
        named: set[str] = set()
        for _, cells in sheet.table.rows(own.lines):
            needs = read_needs(cells[column])[0] if column < len(cells) else ()
            own_id = read_id(cells[at]) if at is not None and at < len(cells) else ""
            if not known.issuperset(needs) or own_id in needs:
                break
            named.update(needs)
        else:
            if not all(map(str.isdigit, named)):
                message = (
                    f"the column {one_line(header, 40)} names tasks, and nothing waits for them"
                )
                hint = "call it Dependencies, if it says so; else add such a column, and leave it empty"
                yield Problem(message, own.place(sheet.table.line), hint, "bad_header")


def _rows_of(sheet: Sheet, own: OwnText, problems: list[Problem]) -> Iterator[Task]:
    columns, width = sheet.columns, len(sheet.table.header)
    for line, cells in sheet.table.rows(own.lines):
        where = own.place(line)
        if any(cells[width:]):
            problems.append(
                Problem(
                    f"the row has {len(cells)} cells, its table has {width} columns",
                    where,
                    "write \\| for a bar that belongs to a cell",
                    "bad_row",
                )
            )
            yield from named_task(cells, columns, where)
            continue
        cells.extend([""] * (width - len(cells)))
        if _is_task(cells, columns):
            yield read_task(cells, columns, where, problems)


def _is_task(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a row is more than a blank one or a caption inside of the table."""
    filled = [index for index, text in enumerate(cells) if text]
    if filled == [columns.id]:
        return TASK_ID.fullmatch(read_id(cells[filled[0]])) is not None
    return bool(filled)


class _Assigned(NamedTuple):
    """Who does a task, as an assignment table says."""

    agent: str = ""
    assignee: str = ""


def _filled_in(row: Task, assigned: _Assigned) -> Task:
    return row._replace(
        agent=row.agent or assigned.agent, assignee=row.assignee or assigned.assignee
    )


def _assigned(own: OwnText, known: set[str], problems: list[Problem]) -> dict[str, _Assigned]:
    """Return who does which task, as the assignment tables say."""
    assigned: dict[str, _Assigned] = {}
    for sheet in own.assignments:
        at = sheet.columns.id
        for line, cells in sheet.table.rows(own.lines):
            task_id = read_id(cells[at]) if at is not None and at < len(cells) else ""
            if not task_id:
                continue
            if task_id not in known:
                problems.append(
                    Problem(
                        f"{one_line(task_id, 64)} is assigned, but it is not in the task table",
                        own.place(line),
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
