"""Reads ``master_plan.md``, the plan that a person wrote, and writes the few places in it that are ours.

One reading finds all problems, each with its file and line; a plan with a problem is not run. Tables in our own
sections are never read back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any, NamedTuple

from orchestrator.core.batch import batch_problems
from orchestrator.core.condition import condition_problems
from orchestrator.core.graph import find_cycle
from orchestrator.core.plan import Plan, Task, check_fallbacks, check_parents, with_fallbacks, with_umbrellas
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import cell, from_cell, one_line, sanitize
from orchestrator.errors import PlanError, Problem
from orchestrator.plan.columns import is_none, key_word, plain, read_id, role_of
from orchestrator.plan.document import OwnText, TaskTable, cell_spans, own_text, section_text, split_row
from orchestrator.plan.front_matter import misplaced, read_front_matter, read_settings
from orchestrator.plan.header import STATUS, read_plan_header
from orchestrator.plan.lines import LARGEST_PLAN, LONGEST_LINE, Lines, conflict, oversized, unreadable
from orchestrator.plan.sections import without_regions
from orchestrator.plan.task_tables import MAX_PROBLEMS, read_rows

#: Columns in which a person may have said that there is nothing left to do.
_SAID = ("status", "done")


class StatusCells(NamedTuple):
    """The new status cells of one task in the person's own table; None leaves a cell unchanged."""

    status: str | None = None
    start: str | None = None
    end: str | None = None


def read_plan(data: bytes, file: str) -> Plan:
    """Return the plan in *data*.

    Raises:
        PlanError: something is wrong with it.
    """
    plan, problems = parse_plan(data, file)
    if problems:
        raise PlanError(problems)
    return plan


def parse_plan(data: bytes, file: str) -> tuple[Plan, list[Problem]]:
    """Return the plan in *data* and everything that is wrong with it; with a problem the plan is not to be used."""
    empty = Plan(tasks={}, file=file)
    if (problem := oversized(data, file, LARGEST_PLAN) or unreadable(data, file)) is not None:
        return empty, [problem]
    lines = Lines.of(data).bare()
    if (problem := _unfit(lines, file)) is not None:
        return empty, [problem]
    front = read_front_matter(lines, file)
    if front.problem is not None:
        return empty, [front.problem]
    settings, problems = read_settings(front, file)
    plan_header, of_charter = read_plan_header(front, file)
    problems += of_charter
    own = own_text(_own_lines(lines, front.body), file)
    if not front.body:
        above = own.lines[: own.tasks[0].table.line if own.tasks else None]
        problems += misplaced(above, file, {STATUS}, below_words=True)
    problems += filter(None, [conflict("\n".join(own.lines), file)])
    rows, of_rows = read_rows(own)
    problems += of_rows
    tasks: dict[str, Task] = {}
    for row in rows:
        tasks.setdefault(row.id, row)
    of_parents = list(islice(check_parents(rows), MAX_PROBLEMS))
    if not of_parents:
        tasks = with_umbrellas(tasks)
    problems += of_parents
    problems += islice(batch_problems(tasks), MAX_PROBLEMS)
    of_fallbacks = list(islice(check_fallbacks(tasks), MAX_PROBLEMS))
    if not of_fallbacks:
        tasks = with_fallbacks(tasks)
    problems += of_fallbacks
    if any(task.condition or task.run_if for task in tasks.values()):
        problems += islice(condition_problems(tasks), MAX_PROBLEMS)
    if any(task.needs for task in tasks.values()):
        problems += filter(None, [find_cycle(_without_loops(tasks) if problems else tasks)])
    plan = _plan(tasks, settings, own)._replace(lines=front.lines, header=plan_header)
    return plan, list(map(_spelt_out, problems))


def _spelt_out(problem: Problem) -> Problem:
    """Return a problem with nothing in it that cannot be printed: a word that should be an id may have anything."""
    if problem.message.isprintable() and problem.hint.isprintable():
        return problem
    return problem._replace(message=_shown(problem.message), hint=_shown(problem.hint))


def _shown(text: str) -> str:
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def _without_loops(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks without dependencies on themselves: these are reported already, and would hide longer cycles."""
    return {
        task.id: task._replace(needs=tuple(need for need in task.needs if need != task.id)) for task in tasks.values()
    }


def _unfit(lines: Sequence[str], file: str) -> Problem | None:
    if not any(line.strip() for line in lines):
        hint = "remove it, and `orchestrator init` writes one to start from"
        return Problem("the plan is empty", f"{file}:1", hint, "empty_plan")
    if long := next((at for at, line in enumerate(lines, 1) if len(line) > LONGEST_LINE), 0):
        message = f"the line is longer than {LONGEST_LINE // 1024:,} KiB"
        hint = "put long texts into the task files"
        return Problem(message, f"{file}:{long}", hint, "too_large")
    return None


def _own_lines(lines: Sequence[str], body: int) -> list[str]:
    """Return the person's own lines; front matter and our sections are empty, so that line numbers stay the same."""
    return [*[""] * body, *without_regions(lines)[body:]]


def _plan(tasks: Mapping[str, Task], settings: Mapping[str, Any], own: OwnText) -> Plan:
    headings = own.outline.headings
    title = next((heading.text for heading in headings if heading.level == 1), "")
    return Plan(
        tasks=tasks,
        title=one_line(from_cell(title).replace("\\|", "|")),
        request=_section(own, lambda word: word in {"originalrequest", "request"}),
        goal=_section(own, lambda word: word.startswith("goal")),
        settings=settings,
        file=own.file,
        table=own.tasks[0].table.line + 1 if own.tasks else 1,
    )


def _section(own: OwnText, is_meant: Callable[[str], bool]) -> str:
    for heading in own.outline.headings:
        if is_meant(key_word(heading.text)):
            return sanitize(section_text(own.lines, own.outline, heading))
    return ""


# ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def set_statuses(data: bytes, cells: Callable[[str], StatusCells | None]) -> bytes:
    """Return a plan in which the person's own Status, Start Time and End Time cells are up to date.

    *cells* says what they should say of a task; few plans have such cells, and then it is not asked.

    Only what is empty or in our own words is replaced: what a person wrote there stays. Every other byte stays as it
    is. A row that is too short to have such a cell stays unchanged too.

    Raises:
        ValueError: the file is not UTF-8.
    """
    file = Lines.of(data)
    if (own := _with_statuses(file)) is None:
        return data
    lines = list(file.lines)
    for sheet in (*own.tasks, *own.assignments):
        _set_in_table(sheet, lines, cells)
    return file.replaced(lines)


def own_statuses(data: bytes) -> dict[str, tuple[str, str]]:
    """Return what stands in the person's own Status cells, by task, with the header; in those of a plan that is valid.

    Raises:
        ValueError: the file is not UTF-8.
    """
    if (own := _with_statuses(Lines.of(data))) is None:
        return {}
    said: dict[str, tuple[str, str]] = {}
    for sheet in (*own.tasks, *own.assignments):
        at = sheet.columns.id
        for column in (sheet.columns.status, sheet.columns.done):
            if at is None or column is None:
                continue
            for _, cells in sheet.table.rows(own.lines):
                if max(at, column) < len(cells) and not is_none(cells[column]):
                    found = (plain(sheet.table.header[column]), cells[column])
                    said.setdefault(read_id(cells[at]), found)
    return said


#: How a moment stands in a cell that is drawn, and what is added to the status of a task that was only simulated.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ")
_PLAYED = re.compile(r" \(only simulated\)$")
_STATUSES = frozenset(status.value for status in TaskStatus)


def is_ours(text: str) -> bool:
    """Whether a cell is empty, or says what we would draw there: a status in our words, or a moment."""
    text = text.strip()
    if is_none(text) or _MOMENT.fullmatch(text):
        return True
    return plain(_PLAYED.sub("", text)).casefold() in _STATUSES


def _with_statuses(file: Lines) -> OwnText | None:
    """Return the person's own text where it may have a Status cell; few plans have one, and others need no parser."""
    bare = file.bare()
    mine = _own_lines(bare, read_front_matter(bare, "").body)
    heads = (head for head, dashes in pairwise(mine) if "-" in dashes and not dashes.strip("|-: \t"))
    has_any = any(role_of(each) in _SAID for head in heads for each in split_row(head))
    return own_text(mine) if has_any else None


def _set_in_table(sheet: TaskTable, lines: list[str], cells: Callable[[str], StatusCells | None]) -> None:
    columns = sheet.columns
    if columns.id is None or columns.status is columns.start is columns.end is None:
        return
    for index in range(sheet.table.line + 2, sheet.table.end):
        line = lines[index]
        spans = cell_spans(line.rstrip("\r\n"))
        if columns.id >= len(spans):
            continue
        new = cells(read_id(line[slice(*spans[columns.id])].strip()))
        if new is None:
            continue
        new_cells = [(columns.status, new.status), (columns.start, new.start), (columns.end, new.end)]
        # From the right, so that the places of the other cells stay true.
        for column, text in sorted((c, t) for c, t in new_cells if c is not None and t is not None)[::-1]:
            if column < len(spans) and is_ours(line[slice(*spans[column])]):
                line = _with_cell(line, *spans[column], cell(text))
        lines[index] = line


def _with_cell(line: str, start: int, end: int, text: str) -> str:
    """Replace a cell, unless it says that already: then its padding stays as the person likes it."""
    if line[start:end].strip() == text:
        return line
    return f"{line[:start]} {text} {line[end:]}"
