"""The tables of a plan: which of them say what is to be done, and the tasks in their rows.

Every table with ids, texts and dependencies is a task table, and several of them (one per phase, say) are one plan.
Where none has dependencies, the first with ids and texts is one, and so is every other with the very same header. A
table with ids and agents or statuses assigns (seed 002). Any other table is prose; but when ids like those of the tasks
stand in it, it is refused rather than left out.

A row that looks like one of a task and would not be run is refused, too, of four kinds:

- *listed*: its whole table stands in a list (``- | Task ID | …``);
- *unread*: it has a table of its own whose header is not that of tasks, and an id like theirs;
- *loose*: no table has it, for a blank line, an indent or other text came between;
- of the wrong width: more cells than its table has columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from orchestrator.core.plan import TASK_ID, Task, check_rows
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.store.columns import (
    Columns,
    key_word,
    more_needs,
    plain,
    read_header,
    read_id,
    read_label,
    read_needs,
)
from orchestrator.store.outline import LISTED_TABLE, Block, Outline, outline
from orchestrator.store.plan_row import named_task, read_task
from orchestrator.store.tables import Table, split_row, tables

#: Problems of rows that are listed; somebody who has more of them has one cause.
MAX_PROBLEMS = 50

_HINT = "add a table with the columns Task ID, Description and Dependencies, one row per task"
# An id with a number, and what stands before it.
_NUMBERED = re.compile(r"([^0-9]*)[0-9]")
# What may stand before the first line of a block in a list.
_MARKERS = " \t*+-0123456789.)"
# What a row ends up in that stands in no table; of lists only lines at the margin, which merely ran into them.
_TEXTS, _LISTS = frozenset({"paragraph", "code_block"}), frozenset({"bullet_list", "ordered_list"})
# HTML that nobody sees as markdown, or that shows it as it is written.
_SILENT = ("<!", "<?", "<pre", "<script", "<style", "<textarea")
_IN_HTML = "leave a blank line between HTML such as <details> and the table below it"


class Sheet(NamedTuple):
    """A table of the person's with its columns."""

    table: Table
    columns: Columns


class OwnText(NamedTuple):
    """The person's lines, without front matter and without our sections, and the tables that count."""

    lines: Sequence[str]
    outline: Outline
    tasks: tuple[Sheet, ...]
    assignments: tuple[Sheet, ...]
    unread: tuple[Sheet, ...] = ()
    """Tables with ids and texts that are none of tasks, as far as one can see by the header."""

    def is_shown_html(self, block: Block) -> bool:
        """Whether a block is HTML in which people read what we do not: no comment, no ``<pre>``."""
        start = self.lines[block.line].lstrip().lower()
        return block.kind == "html_block" and not block.is_nested and not start.startswith(_SILENT)


def own_text(lines: Sequence[str]) -> OwnText:
    """Find the tables that count in the person's own lines."""
    found = outline(lines)
    sheets = [Sheet(table, read_header(table.header)) for table in tables(lines, found)]
    assignments = tuple(sheet for sheet in sheets if sheet.columns.is_assignment_table)
    tasks = task_sheets(sheets)
    read = {sheet.table.line for sheet in tasks}
    unread = (sheet for sheet in sheets if sheet.table.line not in read and has_texts(sheet))
    return OwnText(lines, found, tasks, assignments, tuple(unread))


def task_sheets(sheets: Sequence[Sheet]) -> tuple[Sheet, ...]:
    """Return those tables that say what is to be done."""
    tasks = tuple(sheet for sheet in sheets if sheet.columns.is_task_table)
    if tasks:
        return tasks
    # Without a column of dependencies nothing depends on anything; others may be of risks or wishes.
    words = next((_words(each) for each in sheets if has_texts(each)), None)
    return tuple(each for each in sheets if _words(each) == words)


def has_texts(sheet: Sheet) -> bool:
    """Whether a table has ids and texts, as one of tasks has at least."""
    return sheet.columns.id is not None and sheet.columns.has_text


def _words(sheet: Sheet) -> list[str]:
    return list(map(key_word, sheet.table.header))


def read_rows(own: OwnText, file: str) -> tuple[list[Task], list[Problem]]:
    """Return the rows of all task tables, with the agents of the assignment tables, and what is wrong with them."""
    problems: list[Problem] = []
    rows: list[Task] = []
    lost = list(_listed_rows(own, file, problems))
    if not own.tasks:
        return [], problems or [_no_table(own, file)]
    for sheet in own.tasks:
        problems += _doubled_needs(sheet, file)
        rows += _rows_of(sheet, own, file, problems)
    known = {row.id for row in rows}
    for sheet in own.tasks:
        problems += _unread_needs(sheet, own, known, file)
    lost += _lost_rows(own, known, file, problems)
    rows += {task.id: task for task in lost if task.id not in known}.values()
    if problems and not rows:
        return [], problems
    problems += islice(check_rows(rows), MAX_PROBLEMS)
    assigned = _assigned(own, {row.id for row in rows}, file, problems)
    if assigned:
        rows = [_filled_in(row, assigned.get(row.id, _Assigned())) for row in rows]
    return rows, problems[:MAX_PROBLEMS]


def loses_rows(own: OwnText, known: set[str]) -> bool:
    """Whether rows of tasks seem to stand where they are not read; *known* are the ids of those that are."""
    problems: list[Problem] = []
    for _ in chain(_listed_rows(own, "", problems), _lost_rows(own, known, "", problems)):
        pass
    return bool(problems)


def _lost_rows(own: OwnText, known: set[str], file: str, problems: list[Problem]) -> Iterator[Task]:
    if own.tasks:
        yield from _loose_rows(own, known, file, problems)
        yield from _unread_rows(own, known, file, problems)


def _no_table(own: OwnText, file: str) -> Problem:
    """Say that there is no table; a header without the line ``|---|`` below it makes none."""
    for block in own.outline.kinds("paragraph"):
        line = own.lines[block.line]
        if "|" in line and read_header(split_row(line)).is_task_table:
            return Problem(
                "the task table has no line of dashes below its header",
                f"{file}:{block.line + 1}",
                "write a line such as |---|---|---| there, with as many columns as the header",
                "no_table",
            )
    for block in filter(own.is_shown_html, own.outline.blocks):
        for at in range(block.line + 1, block.end):
            line = own.lines[at]
            if "|" in line and read_header(split_row(line)).is_task_table:
                message = "the task table stands in HTML"
                return Problem(message, f"{file}:{at + 1}", _IN_HTML, "no_table")
    return Problem("no task table found", f"{file}:1", _HINT, "no_table")


def _doubled_needs(sheet: Sheet, file: str) -> list[Problem]:
    header, first = sheet.table.header, sheet.columns.needs
    if first is None or not (second := more_needs(sheet.columns)):
        return []
    message = f"two columns say what a task depends on: {plain(header[first])} and {second}"
    hint = "put all dependencies into one of them, and take the other out"
    return [Problem(message, f"{file}:{sheet.table.line + 1}", hint, "bad_header")]


def _unread_needs(sheet: Sheet, own: OwnText, known: set[str], file: str) -> Iterator[Problem]:
    """Refuse a column of ids that nothing waits for, in a table without dependencies: all would start at once.

    Where it names tasks by numbers alone, it may count something.
    """
    at = sheet.columns.id
    for column, header in sheet.columns.others if sheet.columns.needs is None else ():
        named: set[str] = set()
        for _, cells in sheet.table.rows(own.lines):
            needs = read_needs(cells[column])[0] if column < len(cells) else ()
            if not known.issuperset(needs) or (at is not None and read_id(cells[at]) in needs):
                break
            named.update(needs)
        else:
            if not all(map(str.isdigit, named)):
                message = (
                    f"the column {one_line(header, 40)} names tasks, and nothing waits for them"
                )
                hint = "call it Dependencies, if it says so; else add such a column, and leave it empty"
                yield Problem(message, f"{file}:{sheet.table.line + 1}", hint, "bad_header")


def _rows_of(sheet: Sheet, own: OwnText, file: str, problems: list[Problem]) -> Iterator[Task]:
    columns, width = sheet.columns, len(sheet.table.header)
    for line, cells in sheet.table.rows(own.lines):
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
            yield from named_task(cells, columns, where)
            continue
        cells.extend([""] * (width - len(cells)))
        if _is_task(cells, columns):
            yield read_task(cells, columns, where, problems)


def _listed_rows(own: OwnText, file: str, problems: list[Problem]) -> Iterator[Task]:
    """Refuse task tables in lists, and yield what ``named_task`` makes of their rows."""
    for block in own.outline.kinds(LISTED_TABLE):
        header = split_row(own.lines[block.line].lstrip(_MARKERS))
        sheet = Sheet(Table(tuple(header), block.line, block.end), read_header(header))
        if sheet.columns.is_task_table:
            where = f"{file}:{block.line + 1}"
            message = "a task table inside a list is not read"
            hint = "move it to the margin; what is no task stands in a fence or a quote"
            problems.append(Problem(message, where, hint, "listed_table"))
            yield from _named_in(sheet, own, file)


def _unread_rows(
    own: OwnText, known: set[str], file: str, problems: list[Problem]
) -> Iterator[Task]:
    """Refuse tables that seem to go on with the tasks, and yield what ``named_task`` makes of their rows."""
    families = {_family(task_id) for task_id in known} - {None, ""}
    for sheet in own.unread if families else ():
        named = _named_in(sheet, own, file)
        lost = [each for each in named if each.id not in known and _family(each.id) in families]
        if lost:
            where = f"{file}:{sheet.table.line + 1}"
            message = f"this table is not read as one of tasks, but {lost[0].id} stands only in it"
            hint = "give it a Dependencies column if its rows are tasks; else put it into a quote"
            problems.append(Problem(message, where, hint, "unread_table"))
        yield from lost


def _named_in(sheet: Sheet, own: OwnText, file: str) -> list[Task]:
    return [
        task
        for line, cells in sheet.table.rows(own.lines)
        for task in named_task(cells, sheet.columns, f"{file}:{line + 1}")
    ]


def _loose_rows(
    own: OwnText, known: set[str], file: str, problems: list[Problem]
) -> Iterator[Task]:
    """Refuse what looks like the row of a task and stands in no table; it would not be run, without a word."""
    families = {_family(task_id) for task_id in known}
    width = max(len(sheet.table.header) for sheet in own.tasks)
    for at, sheet, is_html in _barred(own):
        cells = split_row(own.lines[at])
        columns = (sheet or own.tasks[0]).columns
        named = named_task(cells, columns, f"{file}:{at + 1}") if len(cells) > 1 else []
        if any(cells[width:]) or not named:
            continue
        is_bare = not own.lines[at].lstrip().startswith("|")
        if named[0].id in known and (is_bare or len(cells) < width):
            continue  # it only says something of a task that stands in a table
        family = _family(named[0].id)
        is_alike = family in families and family  # anywhere; below the tasks any id will do
        is_below = sheet and (family is not None or None in families)
        if is_bare:  # so may be prose
            is_below = family is not None and family in families
        if is_alike or is_below:
            problems.append(_loose_row(own.lines, at, named[0].where, is_html=is_html))
            yield named[0]


def _barred(own: OwnText) -> Iterator[tuple[int, Sheet | None, bool]]:
    """Yield the lines of texts that could be rows, each with the table above it if that is one of tasks.

    And whether it stands in HTML, which lasts until a blank line: `<details>` right above a table makes it none.
    They begin with a bar; or they have as many cells as that table, whose own rows may do without one.
    """
    sheets = {sheet.table.line: sheet for sheet in own.tasks}
    underlined = (head for head in own.outline.headings if not head.is_atx)
    texts = [Block("paragraph", head.line, head.end) for head in underlined]
    above = None
    for block in sorted([*own.outline.blocks, *texts], key=lambda block: block.line):
        if block.kind == "table":
            above = sheets.get(block.line)
        is_html = own.is_shown_html(block)
        if block.kind not in _TEXTS and block.kind not in _LISTS and not is_html:
            continue
        for at in range(block.line, block.end):
            line = own.lines[at]
            begun = line if block.kind in _LISTS else line.lstrip()
            if not begun.startswith("|") and (
                block.kind == "code_block" or is_html or not _fits(begun, above)
            ):
                continue
            if not line.strip("|-: \t"):
                above = None  # what follows has a header of its own, even if no parser takes it for a table
            yield at, above, is_html


def _fits(line: str, sheet: Sheet | None) -> bool:
    """Whether a line without a bar at its beginning has as many cells as a table; the last one may be empty."""
    if sheet is None or "|" not in line or line[0].isspace():
        return False
    cells = len(split_row(line))
    return len(sheet.table.header) in {cells, cells + line.rstrip().endswith("|")}


def _family(task_id: str) -> str | None:
    """Return what stands before the number of an id; None: it has no number."""
    found = _NUMBERED.match(task_id)
    return found[1].casefold() if found else None


def _loose_row(lines: Sequence[str], at: int, where: str, *, is_html: bool) -> Problem:
    message = "this row belongs to no table: what stands above it ends the table"
    hint = "move it to the other rows; what is no task stands in a fence or a quote"
    if is_html:
        message, hint = "this row belongs to no table: it stands in HTML", _IN_HTML
    elif lines[at].startswith(("\t", "    ")):
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


class _Assigned(NamedTuple):
    """Who does a task, as an assignment table says."""

    agent: str = ""
    assignee: str = ""


def _filled_in(row: Task, assigned: _Assigned) -> Task:
    return row._replace(
        agent=row.agent or assigned.agent, assignee=row.assignee or assigned.assignee
    )


def _assigned(
    own: OwnText, known: set[str], file: str, problems: list[Problem]
) -> dict[str, _Assigned]:
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
