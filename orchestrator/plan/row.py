"""One row of a task table, read as a task."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from orchestrator.core.plan import TASK_ID, Task
from orchestrator.core.text import from_cell, one_line, sanitize, without_escapes
from orchestrator.errors import Problem
from orchestrator.plan.columns import (
    Columns,
    is_none,
    plain,
    read_id,
    read_label,
    read_needs,
    read_tags,
)
from orchestrator.plan.table_words import TOTALS
from orchestrator.plan.task_fields import TASK_FIELDS, TaskField

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
    inputs = [
        (header, _text(cells[index]))
        for index, header in columns.others
        if not is_none(cells[index])
    ]
    hours = text(columns.at("estimate"))
    if hours and values["estimate"] is None and not is_none(hours):
        inputs.append(("Estimate", _text(hours)))
    return Task(
        id=read_id(text(columns.id)),
        name=from_cell(_text(name or description)),
        description=_text(description),
        needs=needs,
        priority_text=read_label(
            text(columns.at("priority"))
        ),  # words are taken out once all rows are read
        expected="" if is_none(text(columns.expected)) else _text(text(columns.expected)),
        inputs=tuple(inputs),
        where=where,
        need_kinds=kinds,
        tags=read_tags(text(columns.tags)),
        **values,
    )


def _read_fields(
    cells: Sequence[str], columns: Columns, where: str, problems: list[Problem]
) -> dict[str, Any]:
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

    Who sees one command in it must not get two.
    """
    if cell.isprintable():
        return cell
    return sanitize(re.sub(_CONTROLS, " ", without_escapes(cell)))


def named_task(cells: Sequence[str], columns: Columns, where: str) -> list[Task]:
    """Return a task for a row that is refused, so that anyone who depends on it is not refused as well."""
    at = columns.id
    task_id = read_id(cells[at]) if at is not None and at < len(cells) else ""
    is_id = TASK_ID.fullmatch(task_id) is not None
    return [Task(task_id, task_id, task_id, where=where)] if is_id else []
