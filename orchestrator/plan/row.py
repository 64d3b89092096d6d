"""One row of a task table, read as a task."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.core.duration import parse_duration
from orchestrator.core.plan import TASK_ID, Task
from orchestrator.core.priority import NORMAL, parse_priority
from orchestrator.core.text import from_cell, one_line, sanitize, without_escapes
from orchestrator.errors import Problem
from orchestrator.plan.columns import (
    Columns,
    is_none,
    plain,
    read_id,
    read_label,
    read_needs,
    read_person,
    read_tags,
)
from orchestrator.plan.table_words import NOBODY, TOTALS

#: Characters of a cell of dependencies that is read; a hundred thousand ids fit into it.
_LONGEST_NEEDS = 1024 * 1024

# In a line of a text; but no tab.
_CONTROLS = r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]"
# What is meant as one and is none. Compiled when there is such a cell, which takes longer than to read a small plan.
_DURATION = (
    r"(?i)[~≈ ]*+(?:\d++(?:\.\d++)? ?(?:minute|min|ms|m|second|sec|s|hour|hr|h|day|d)?s? ?+)++"
)


def read_task(cells: Sequence[str], columns: Columns, where: str, problems: list[Problem]) -> Task:
    """Return the task in a row that has a cell for every column; what makes no sense in it goes to *problems*."""

    def text(column: int | None) -> str:
        return "" if column is None else cells[column]

    def label(column: int | None) -> str:
        return one_line(read_label(cell)) if (cell := text(column)) else ""

    def person(column: int | None) -> str:
        return one_line(read_person(cell)) if (cell := text(column)) else ""

    name, description = text(columns.name), text(columns.description) or text(columns.name)
    too_many = len(text(columns.needs)) > _LONGEST_NEEDS
    if too_many:
        hint = "let it depend on a task that waits for the others"
        message = f"its dependencies take more than {_LONGEST_NEEDS // 1024:,} KiB"
        problems.append(Problem(message, where, hint, "bad_row"))
    needs, kinds = read_needs("" if too_many else text(columns.needs))
    rank = read_label(text(columns.priority))
    priority = _priority(rank, where, problems)
    due = text(columns.deadline)
    deadline = _deadline(due, where, problems) if due else None
    hours = text(columns.estimate)
    estimate = _estimate(hours, where, problems)
    inputs = [
        (header, _said(cells[index]))
        for index, header in columns.others
        if not is_none(cells[index])
    ]
    if hours and estimate is None and not is_none(hours):
        inputs.append(("Estimate", _said(hours)))
    return Task(
        id=read_id(text(columns.id)),
        name=from_cell(_said(name or description)),
        description=_said(description),
        needs=needs,
        agent=person(columns.agent),
        priority=priority,
        priority_text=rank,  # in words it is taken out once all rows are read
        estimate=estimate,
        expected="" if is_none(text(columns.expected)) else _said(text(columns.expected)),
        inputs=tuple(inputs),
        where=where,
        need_kinds=kinds,
        assignee=person(columns.assignee),
        parent="" if is_none(parent := read_id(text(columns.parent))) else parent,
        tags=read_tags(text(columns.tags)),
        type=label(columns.type),
        deadline=deadline or 0.0,
    )


#: What a person strikes out, at the beginning of a cell.
_STRUCK = re.compile(r"[\s*_`]*(?:~~\S.*~~|<(?:del|s|strike)>.*</)", re.IGNORECASE)


def is_struck(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a row is struck out: its id, or its text from the beginning on."""
    places = (columns.id, columns.name, columns.description)
    return any(at is not None and _STRUCK.match(cells[at]) is not None for at in places)


def is_total(cell: str) -> bool:
    """Whether the id of a row says that the row adds up the others."""
    return plain(cell).casefold().strip(" .:=") in TOTALS


def _said(cell: str) -> str:
    """Return what a cell says: one line, also where it has a character that ends one elsewhere.

    Who sees one command in it must not get two.
    """
    if cell.isprintable():
        return cell
    return sanitize(re.sub(_CONTROLS, " ", without_escapes(cell)))


def _priority(text: str, where: str, problems: list[Problem]) -> int:
    if not text:
        return NORMAL
    try:
        return parse_priority(text)
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
    """Return the moment in a cell; None when it has none. What is not understood is an error: it would be missed."""
    from orchestrator.core.timestamp import parse_timestamp  # most plans have no deadlines

    word = read_label(text)
    if not word or word.casefold().strip(" .()") in NOBODY:
        return None
    try:
        return parse_timestamp(word)
    except ValueError as error:
        message = f"deadline: {one_line(str(error))}"
        hint = "correct the cell or leave it empty; what is for the agent stands in a column of its own"
        problems.append(Problem(message, where, hint, "bad_deadline"))
        return None


def named_task(cells: Sequence[str], columns: Columns, where: str) -> list[Task]:
    """Return a task for a row that is refused, so that whoever depends on it is not refused as well."""
    at = columns.id
    task_id = read_id(cells[at]) if at is not None and at < len(cells) else ""
    is_id = TASK_ID.fullmatch(task_id) is not None
    return [Task(task_id, task_id, task_id, where=where)] if is_id else []
