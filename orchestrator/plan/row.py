"""One row of a task table, read as a task."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from orchestrator.core.plan import TASK_ID, Task
from orchestrator.core.settings import read_setting
from orchestrator.core.text import from_cell, one_line, sanitize, without_escapes
from orchestrator.errors import Problem
from orchestrator.plan.columns import (
    ROW_SETTINGS,
    TOTALS,
    Columns,
    is_none,
    plain,
    read_header,
    read_id,
    read_label,
    read_needs,
    read_tags,
)
from orchestrator.plan.document import LISTED_TABLE, Block, OwnText, Table, TaskTable, split_row
from orchestrator.plan.task_fields import FIELD_OF, TASK_FIELDS, TaskField

#: Characters of a cell of dependencies that is read; a hundred thousand ids fit into it.
_LONGEST_NEEDS = 1024 * 1024

# In a line of a text; but no tab.
_CONTROLS = r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]"


def read_task(cells: Sequence[str], columns: Columns, where: str, problems: list[Problem]) -> Task:
    """Return the task in a row that has a cell for every column; what is invalid in it goes to *problems*."""

    def text(column: int | None) -> str:
        return "" if column is None else cells[column]

    name, description = text(columns.name), text(columns.description) or text(columns.name)
    too_many = len(text(columns.needs)) > _LONGEST_NEEDS
    if too_many:
        hint = "let it depend on a task that waits for the others"
        message = f"its dependencies take more than {_LONGEST_NEEDS // 1024:,} KiB"
        problems.append(Problem(message, where, hint, "bad_row"))
    needs, kinds = read_needs("" if too_many else text(columns.needs))
    values = _read_fields(cells, columns, where, problems)
    is_batch = bool(values.get("foreach") or values.get("matrix"))
    if is_batch and (count := text(columns.at("concurrency"))).isdecimal() and "max_concurrent" not in values:
        values["max_concurrent"] = _read_count_of(count, where, problems)
    inputs = [(header, _text(cells[index])) for index, header in columns.others if not is_none(cells[index])]
    hours = text(columns.at("estimate"))
    if hours and values["estimate"] is None and not is_none(hours):
        inputs.append(("Estimate", _text(hours)))
    return Task(
        id=read_id(text(columns.id)),
        name=from_cell(_text(name or description)),
        description=_text(description),
        needs=needs,
        priority_text=read_label(text(columns.at("priority"))),  # words are taken out once all rows are read
        expected="" if is_none(text(columns.expected)) else _text(text(columns.expected)),
        inputs=tuple(inputs),
        where=where,
        need_kinds=kinds,
        tags=read_tags(text(columns.tags)),
        settings=_read_settings(cells, columns, where, problems, is_batch=is_batch),
        **values,
    )


def _read_fields(cells: Sequence[str], columns: Columns, where: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the fields that have a cell; a value that cannot be read is a problem."""
    values: dict[str, Any] = {}
    for field, column in _fields_of(columns):
        if not (cell := cells[column]):
            continue
        try:
            values[field.name] = field.read(cell)
        except ValueError as error:
            name = "" if field.name == "priority" else f"{field.name}: "  # its message names it
            message = f"{name}{one_line(str(error))}"
            problems.append(Problem(message, where, field.hint, f"bad_{field.name}"))
            if field.name == "estimate":
                values[field.name] = None
    return values


def _read_count_of(count: str, where: str, problems: list[Problem]) -> int:
    field = FIELD_OF["max_concurrent"]
    try:
        return int(field.read(count))
    except ValueError as error:
        problems.append(Problem(f"concurrency: {error}", where, field.hint, "bad_max_concurrent"))
        return 0


def _read_settings(
    cells: Sequence[str], columns: Columns, where: str, problems: list[Problem], *, is_batch: bool
) -> tuple[tuple[str, str], ...]:
    """Return the settings that have a cell, as they are written; a value that cannot be read is a problem."""
    found = []
    for name, column in columns.fields:
        if name not in ROW_SETTINGS or is_none(cells[column]):
            continue
        text = read_label(cells[column])
        if is_batch and name == "concurrency" and text.isdecimal():
            continue  # how many of its tasks run at the same time
        try:
            read_setting(name, text)
        except ValueError as error:
            message = f"{name.removeprefix('task_')}: {one_line(str(error))}"
            problems.append(Problem(message, where, "correct the cell or leave it empty", "bad_setting"))
        else:
            found.append((name, text))
    return tuple(found)


@lru_cache(maxsize=64)
def _fields_of(columns: Columns) -> tuple[tuple[TaskField, int], ...]:
    """Return the fields that a table has a column of, and where."""
    found = ((field, columns.at(field.name)) for field in TASK_FIELDS)
    return tuple((field, column) for field, column in found if column is not None)


#: What a person strikes out, at the beginning of a cell.
_STRUCK = re.compile(r"[\s*_`]*(?:~~\S.*~~|<(?:del|s|strike)>.*</)", re.IGNORECASE)


def is_struck(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a row is struck out: its id, or its text from the beginning on."""
    places = (columns.id, columns.name, columns.description)
    return any(at is not None and _STRUCK.match(cells[at]) is not None for at in places)


def is_total(cell: str) -> bool:
    """Whether the id of a row says that the row adds up the others."""
    return plain(cell).casefold().strip(" .:=") in TOTALS


def _text(cell: str) -> str:
    """Return what a cell says: one line, also where it has a character that ends one elsewhere.

    A cell that looks like one command must not become two.
    """
    if cell.isprintable():
        return cell
    return sanitize(re.sub(_CONTROLS, " ", without_escapes(cell)))


def named_task(cells: Sequence[str], columns: Columns, where: str) -> list[Task]:
    """Return a task for a row that is refused, so that tasks that depend on it are not refused as well."""
    at = columns.id
    task_id = read_id(cells[at]) if at is not None and at < len(cells) else ""
    is_id = TASK_ID.fullmatch(task_id) is not None
    return [Task(task_id, task_id, task_id, where=where)] if is_id else []


# ── lost rows ────────
#
# Rows of tasks outside of the tables that are read: refused, because no task must be left out silently.
#
# There are three kinds:
#
# - *listed*: its whole table stands in a list (``- | Task ID | …``);
# - *unread*: it has a table of its own whose header is not that of tasks, and an id like theirs;
# - *loose*: no table has it, for a blank line, an indent or other text came between.

# An id with a number, and what stands before it.
_NUMBERED = re.compile(r"([^0-9]*)[0-9]")
# What may stand before the first line of a block in a list.
_MARKERS = " \t*+-0123456789.)"
# What a row ends up in that stands in no table; of lists only lines at the margin, which merely ran into them.
_TEXTS, _LISTS = frozenset({"paragraph", "code_block"}), frozenset({"bullet_list", "ordered_list"})

IN_HTML = "leave a blank line between HTML such as <details> and the table below it"


def loses_rows(own: OwnText, known: set[str]) -> bool:
    """Whether rows of tasks seem to stand where they are not read; *known* are the ids of those that are."""
    problems: list[Problem] = []
    for _ in chain(listed_rows(own, problems), lost_rows(own, known, problems)):
        pass
    return bool(problems)


def listed_rows(own: OwnText, problems: list[Problem]) -> Iterator[Task]:
    """Refuse task tables in lists, and yield what ``named_task`` makes of their rows."""
    for block in own.outline.kinds(LISTED_TABLE):
        header = split_row(own.lines[block.line].lstrip(_MARKERS))
        sheet = TaskTable(Table(tuple(header), block.line, block.end), read_header(header))
        if sheet.columns.is_task_table:
            where = own.place(block.line)
            message = "a task table inside a list is not read"
            hint = "move it to the margin; what is no task stands in a fence or a quote"
            problems.append(Problem(message, where, hint, "listed_table"))
            yield from _named_in(sheet, own)


def lost_rows(own: OwnText, known: set[str], problems: list[Problem]) -> Iterator[Task]:
    """Refuse loose and unread rows, and yield what ``named_task`` makes of them; *known* are the ids that are read."""
    if own.tasks:
        yield from _loose_rows(own, known, problems)
        yield from _unread_rows(own, known, problems)


def _unread_rows(own: OwnText, known: set[str], problems: list[Problem]) -> Iterator[Task]:
    """Refuse tables that seem to go on with the tasks, and yield what ``named_task`` makes of their rows."""
    families = {_family(task_id) for task_id in known} - {None, ""}
    for sheet in own.unread if families else ():
        named = _named_in(sheet, own)
        lost = [each for each in named if each.id not in known and _family(each.id) in families]
        if lost:
            where = own.place(sheet.table.line)
            message = f"this table is not read as one of tasks, but {lost[0].id} stands only in it"
            hint = "give it a Dependencies column if its rows are tasks; else put it into a quote"
            problems.append(Problem(message, where, hint, "unread_table"))
        yield from lost


def _loose_rows(own: OwnText, known: set[str], problems: list[Problem]) -> Iterator[Task]:
    """Refuse lines outside of tables that look like the row of a task: they would silently not be run."""
    families = {_family(task_id) for task_id in known}
    width = max(len(sheet.table.header) for sheet in own.tasks)
    for at, sheet, is_html in _barred(own):
        cells = split_row(own.lines[at])
        columns = (sheet or own.tasks[0]).columns
        named = named_task(cells, columns, own.place(at)) if len(cells) > 1 else []
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


def _named_in(sheet: TaskTable, own: OwnText) -> list[Task]:
    return [
        task
        for line, cells in sheet.table.rows(own.lines)
        for task in named_task(cells, sheet.columns, own.place(line))
    ]


def _barred(own: OwnText) -> Iterator[tuple[int, TaskTable | None, bool]]:
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
            if not begun.startswith("|") and (block.kind == "code_block" or is_html or not _fits(begun, above)):
                continue
            if not line.strip("|-: \t"):
                above = None  # what follows has a header of its own, even if no parser takes it for a table
            yield at, above, is_html


def _fits(line: str, sheet: TaskTable | None) -> bool:
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
        message, hint = "this row belongs to no table: it stands in HTML", IN_HTML
    elif lines[at].startswith(("\t", "    ")):
        message = "this row belongs to no table: it is indented like code"
        hint = "move it to the margin; what is no task stands in a fence or a quote"
    elif at and not lines[at - 1].strip():
        message = "this row belongs to no table: a blank line ends the table above"
        hint = "remove the blank line above it, or give it a header of its own"
    return Problem(message, where, hint, "loose_row")
