"""The tasks in the rows of a plan's tables, who does them, and what is wrong with the rows."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from orchestrator.core.ids import similar_name
from orchestrator.core.plan import TASK_ID, Task, check_rows
from orchestrator.core.priority import is_number
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.plan.columns import (
    DECISIVE,
    HEADERS,
    Columns,
    is_none,
    key_word,
    more_needs,
    plain,
    read_header,
    read_id,
    read_person,
)
from orchestrator.plan.dependencies import Dependencies, Needs
from orchestrator.plan.document import OwnText, TaskTable, split_row
from orchestrator.plan.row import IN_HTML, is_struck, is_total, listed_rows, lost_rows, named_task, read_task

#: Problems of rows that are listed; if there are more, they have one cause.
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
        problems += _near_words(sheet, own)
        rows += _rows_of(sheet, own, problems)
    known = {row.id for row in rows}
    rows = _with_needs(own, _ranked(own, rows), problems)
    for sheet in own.tasks:
        problems += _unread_needs(sheet, own, rows)
        problems += _sums(sheet, own, rows)
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
    # A table with unknown headers is probably the one that is meant.
    # One of tasks is wider than a legend.
    found = [block.line for block in own.outline.kinds("table")]
    at = max(found, key=lambda line: len(split_row(own.lines[line])), default=0)
    return Problem("no task table found", own.place(at), _HINT, "no_table")


#: In a header of priorities: 1 comes before 2.
_ONE_FIRST = re.compile(
    r"\b1\W+(?:is )?(?:the )?(?:most|high|highest|top|first|urgent)\b"
    r"|\b(?:urgent|important|highest|top|first)\W+1\b"
    r"|\b(?:lower|lowest|smaller|smallest) (?:numbers? )?(?:is |are |runs? )?(?:first|more|most|higher)\b",
    re.IGNORECASE,
)


def _ranked(own: OwnText, rows: list[Task]) -> list[Task]:
    """Keep priorities as written where they are numbers; where all are from 1 on, a task without one comes last.

    A bigger number runs first, unless the header says that 1 does.
    """
    first = {
        own.place(line)
        for sheet in own.tasks
        if (at := sheet.columns.at("priority")) is not None and _ONE_FIRST.search(sheet.table.header[at])
        for line in range(sheet.table.line, sheet.table.end)
    }
    rows = [
        row._replace(priority=-row.priority) if row.where in first and is_number(row.priority_text) else row
        for row in rows
    ]
    said = [row for row in rows if row.priority_text]
    numbers = [row.priority for row in said if is_number(row.priority_text)]
    if not said:
        return rows
    if len(numbers) < len(said):
        return [row if is_number(row.priority_text) else row._replace(priority_text="") for row in rows]
    if min(int(row.priority_text) for row in said) < 1:
        return rows  # "0" says: after those that say nothing
    last = min(numbers) - 1
    return [row if row.priority_text else row._replace(priority=last, priority_text="-") for row in rows]


def _with_needs(own: OwnText, rows: list[Task], problems: list[Problem]) -> list[Task]:
    """Return the rows with what they wait for where their cells are no plain lists, and where another row says it."""
    ids = {row.id for row in rows}
    odd = {row.where for row in rows if not ids.issuperset(row.needs)}
    sheets = [each for each in own.tasks if odd or each.columns.blocks is not None]
    if not sheets:
        return rows
    said = Dependencies(rows)
    found = {row.where: row for row in rows}
    blocked: dict[str, list[str]] = {}
    for sheet in sheets:
        for line, cells in sheet.table.rows(own.lines):
            if (row := found.get(own.place(line))) is None:
                continue
            if row.where in odd:
                found[row.where] = _reread(row, sheet, cells, said, problems)
            at = sheet.columns.blocks
            for task_id in _read_again(row, (sheet, at), cells, said, problems)[0]:
                blocked.setdefault(task_id, []).append(row.id)
    return [
        each._replace(needs=tuple(dict.fromkeys((*each.needs, *blocked.get(each.id, ()))))) for each in found.values()
    ]


def _reread(row: Task, sheet: TaskTable, cells: Sequence[str], said: Dependencies, problems: list[Problem]) -> Task:
    """Return a row whose cell of dependencies has more than ids of the plan; a plain list stays unchanged."""
    column = sheet.columns.needs
    if column is None or column >= len(cells):
        return row
    if said.read(cells[column], row.id) is None and said.is_plain(cells[column]):
        return row  # each unknown id is reported on its own
    needs, kinds = _read_again(row, (sheet, column), cells, said, problems)
    return row._replace(needs=needs, need_kinds=kinds)


def _read_again(
    row: Task, place: tuple[TaskTable, int | None], cells: Sequence[str], said: Dependencies, problems: list[Problem]
) -> Needs:
    """Return the tasks that a cell means, whatever words stand around their ids; *place* is its column."""
    sheet, column = place
    cell = cells[column] if column is not None and column < len(cells) else ""
    if column is None or is_none(cell):
        return (), ()
    read = said.read(cell, row.id)
    if read is None:
        problems.append(said.problem(cell, row.id, row.where, plain(sheet.table.header[column])))
    return read or ((), ())


def _struck(cells: Sequence[str], columns: Columns, where: str) -> Problem:
    task_id = plain(cells[columns.id].replace("~~", "")) if columns.id is not None else ""
    return Problem(
        f"the row of {one_line(task_id, 64) or 'a task'} is struck out",
        where,
        "take the row out if the task is dropped, or else the strike-through",
        "struck_row",
    )


def _sums(sheet: TaskTable, own: OwnText, rows: Sequence[Task]) -> Iterator[Problem]:
    """Refuse a last row that adds up the estimates above it: its id is a word where the others have numbers."""
    lines = {own.place(line) for line, _ in sheet.table.rows(own.lines)}
    *above, last = [row for row in rows if row.where in lines] or [Task("", "", "")]
    if len(above) < 2 or not last.estimate or any(map(str.isdigit, last.id)):
        return
    is_sum = math.isclose(sum(row.estimate or 0.0 for row in above), last.estimate)
    is_like = all(row.estimate and any(map(str.isdigit, row.id)) for row in above)
    if is_sum and is_like and not last.needs:
        message = f"the row of {one_line(last.id, 64)} adds up the rows above it"
        hint = "take it out of the table, or leave its estimate empty if it is a task"
        yield Problem(message, last.where, hint, "sum_row")


#: Headers of columns that other tools have and that mean nothing here: as an input of the agent they would be ignored.
_OTHER_TOOLS = {
    "cache": "results are kept until they are retried; call the column otherwise if it is for the agent",
    "fallback": "write Fallback For into the row of the task that stands in",
    "ontimeout": "a task that times out fails; Fallback For names one that stands in",
}
#: Letters that a header has at least that is compared with ours.
_LONG = 5


def _near_words(sheet: TaskTable, own: OwnText) -> Iterator[Problem]:
    """Refuse headers that are nearly those of a field which decides what runs: it would be ignored unseen."""
    known = {key_word(word): role for role in DECISIVE for word in HEADERS[role]}
    for _, header in sheet.columns.others:
        word = key_word(header)
        hint = _OTHER_TOOLS.get(word, "")
        if not hint and len(word) >= _LONG and (meant := similar_name(word, known)):
            role = known[meant].removeprefix("task_").replace("_", " ")
            hint = f"did you mean {'If' if role == 'condition' else role.title()}? Else call it otherwise"
        if hint:
            message = f"the column {one_line(header, 40)} would decide nothing"
            yield Problem(message, own.place(sheet.table.line), hint, "bad_header")


def _doubled_needs(sheet: TaskTable, own: OwnText) -> list[Problem]:
    header, first = sheet.table.header, sheet.columns.needs
    if first is None or not (second := more_needs(sheet.columns)):
        return []
    message = f"two columns say what a task depends on: {plain(header[first])} and {second}"
    hint = "put all dependencies into one of them, and take the other out"
    return [Problem(message, own.place(sheet.table.line), hint, "bad_header")]


def _unread_needs(sheet: TaskTable, own: OwnText, rows: Sequence[Task]) -> Iterator[Problem]:
    """Refuse a column that names tasks in a table without dependencies: nothing waits for them, all would start."""
    columns = sheet.columns
    if columns.has_order or columns.id is None:
        return
    at, start = columns.id, columns.start
    headers = (*columns.others, *([] if start is None else [(start, sheet.table.header[start])]))
    if not headers:
        return
    said = Dependencies(rows)
    for column, header in headers:
        cells = [
            (read_id(each[at]), each[column]) for _, each in sheet.table.rows(own.lines) if max(at, column) < len(each)
        ]
        if said.order(cells, in_prose=True):
            message = f"the column {one_line(header, 40)} names tasks, and nothing waits for them"
            hint = "call it Dependencies, if it says so; else add such a column, and leave it empty"
            yield Problem(message, own.place(sheet.table.line), hint, "bad_header")


def _rows_of(sheet: TaskTable, own: OwnText, problems: list[Problem]) -> Iterator[Task]:
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
        if is_struck(cells, columns):
            problems.append(_struck(cells, columns, where))
            yield from named_task(cells, columns, where)
        elif _is_task(cells, columns):
            yield read_task(cells, columns, where, problems)


def _is_task(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a row is more than a blank one or a caption inside of the table."""
    filled = [index for index, text in enumerate(cells) if text]
    if columns.id is not None and is_total(cells[columns.id]):
        return False
    if filled == [columns.id]:
        return TASK_ID.fullmatch(read_id(cells[filled[0]])) is not None
    return bool(filled)


class _Assigned(NamedTuple):
    """Who does a task, as an assignment table says."""

    agent: str = ""
    assignee: str = ""


def _filled_in(row: Task, assigned: _Assigned) -> Task:
    return row._replace(agent=row.agent or assigned.agent, assignee=row.assignee or assigned.assignee)


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
                before.agent or _person(cells, columns.agent), before.assignee or _person(cells, columns.assignee)
            )
    return assigned


def _person(cells: Sequence[str], column: int | None) -> str:
    return "" if column is None or column >= len(cells) else one_line(read_person(cells[column]))
