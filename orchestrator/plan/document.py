"""The person's own text in a plan, and which of its tables say what is to be done.

Every table with ids, texts and dependencies is a task table, and several of them (one per phase, say) are one plan.
Where none has dependencies, the first with ids and texts is one, and so is every other with the very same header. A
table with ids and agents or statuses assigns (seed 002). Any other table is prose; but when ids like those of the tasks
stand in it, it is refused rather than left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.plan.blocks import Block, Outline, outline
from orchestrator.plan.columns import Columns, key_word, read_header
from orchestrator.plan.tables import Table, tables

# HTML that no one sees as markdown, or that shows it as it is written.
_SILENT = ("<!", "<?", "<pre", "<script", "<style", "<textarea")


class TaskTable(NamedTuple):
    """A table of the person's with its columns."""

    table: Table
    columns: Columns


class OwnText(NamedTuple):
    """The person's lines, without front matter and without our sections, and the tables that count."""

    lines: Sequence[str]
    outline: Outline
    tasks: tuple[TaskTable, ...]
    assignments: tuple[TaskTable, ...]
    unread: tuple[TaskTable, ...] = ()
    """Tables that are none of tasks, as far as one can see by the header; of an unknown one the first column counts."""
    file: str = ""
    """Where it stands, as people see it."""

    def place(self, line: int) -> str:
        """Return where a line stands, for anyone who is told of it; the first one is 0."""
        return f"{self.file}:{line + 1}"

    def is_shown_html(self, block: Block) -> bool:
        """Whether a block is HTML in which people read what we do not: no comment, no ``<pre>``."""
        start = self.lines[block.line].lstrip().lower()
        return block.kind == "html_block" and not block.is_nested and not start.startswith(_SILENT)


def own_text(lines: Sequence[str], file: str = "") -> OwnText:
    """Find the tables that count in the person's own lines."""
    found = outline(lines)
    sheets = [TaskTable(table, read_header(table.header)) for table in tables(lines, found)]
    assignments = tuple(sheet for sheet in sheets if sheet.columns.is_assignment_table)
    tasks = task_sheets(sheets)
    read = {sheet.table.line for sheet in tasks}
    unread = (sheet for sheet in sheets if sheet.table.line not in read)
    return OwnText(
        lines, found, tasks, assignments, tuple(filter(None, map(_unread, unread))), file
    )


def _unread(sheet: TaskTable) -> TaskTable | None:
    """Return a table in which rows of tasks may stand, with the column of their ids."""
    if has_texts(sheet):
        return sheet
    return sheet._replace(columns=Columns(id=0)) if sheet.columns.id is None else None


def task_sheets(sheets: Sequence[TaskTable]) -> tuple[TaskTable, ...]:
    """Return those tables that say what is to be done."""
    tasks = tuple(sheet for sheet in sheets if sheet.columns.is_task_table)
    if tasks:
        return tasks
    # Without a column of dependencies nothing depends on anything; others may be of risks or wishes.
    words = next((_words(each) for each in sheets if has_texts(each)), None)
    return tuple(each for each in sheets if _words(each) == words)


def has_texts(sheet: TaskTable) -> bool:
    """Whether a table has ids and texts, as one of tasks has at least."""
    return sheet.columns.id is not None and sheet.columns.has_text


def _words(sheet: TaskTable) -> list[str]:
    return list(map(key_word, sheet.table.header))
