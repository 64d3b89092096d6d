"""What a plan must fulfil before a row of it is added or changed, and what is refused in such a row."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

from orchestrator.core.plan import Plan, Task
from orchestrator.core.text import NO_TEXT, is_blank, one_line, sanitize, typed
from orchestrator.core.timestamp import iso
from orchestrator.errors import PlanError, UsageError
from orchestrator.plan.columns import is_none, read_needs
from orchestrator.plan.dependencies import Dependencies
from orchestrator.plan.document import split_row
from orchestrator.plan.editor import PlanScan, find_places, ids
from orchestrator.plan.lines import LARGEST_TEXT
from orchestrator.plan.parser import read_plan
from orchestrator.plan.row import loses_rows
from orchestrator.plan.task_fields import FIELD_OF
from orchestrator.services.task_settings import task_settings
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.task_ids import resolve_ids
from orchestrator.store.workspace import Workspace
from orchestrator.views.templating import needs as needs_cell

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents


@contextmanager
def explained(layout: Layout, data: bytes) -> Iterator[None]:
    """Where a plan is so wrong that no way is found in it, say what is wrong with it, as ``validate`` does.

    Raises:
        PlanError: it is.
    """
    try:
        yield
    except ValueError:
        valid_plan(layout, data)
        raise


def readable(layout: Layout, data: bytes) -> PlanScan:
    """Return where the tasks of a plan stand, of which no row may be lost.

    Else a new row with the id of one that is not read, or a wider table, would make the plan valid without it.

    Raises:
        PlanError: no table is read, or rows that are like those of tasks are not, or a merge is not finished.
        ValueError: it is not UTF-8.
    """
    places = find_places(data)
    is_lossy = places.own and loses_rows(places.own, set(ids(places)))
    if not places.sheets or is_lossy or places.is_half_merged:
        valid_plan(layout, data)
    return places


def read_dependencies(layout: Layout, said: str) -> str:
    """Return what a user said a task waits for, with ids in the place of what means them in a cell: names, ranges.

    Raises:
        UsageError: a word means more than one task.
        PlanError, StoreError: the plan cannot be read.
    """
    said = resolve_ids(layout, said)
    needs, _ = read_needs(said)
    if not needs or not os.path.lexists(layout.plan):
        return said

    plan, _ = Workspace(layout).load_plan()
    if plan.tasks.keys() >= set(needs):
        return said

    rows = Dependencies(list(plan.tasks.values()))
    if rows.is_plain(said):
        return rows.with_ids(said)
    found = rows.read(said, "")
    return said if found is None else needs_cell(Task("_", "", "", found[0], need_kinds=found[1]))


def added_to(layout: Layout, before: bytes, after: bytes, task_id: str) -> Plan:
    """Return the plan that a new row would leave.

    Raises:
        UsageError: the plan would not be valid any more, or the row would not be read as a task.
        PlanError: the plan is not valid.
    """
    try:
        plan = valid_plan(layout, after)
    except PlanError as error:
        valid_plan(layout, before)
        problem = error.problems[0]
        raise UsageError(f"the task cannot be added: {problem.message}", hint=problem.hint) from None
    if task_id not in plan.tasks:
        raise UsageError(
            f"the task cannot be added: the row of {task_id} would be read as one that adds up others",
            hint="take another id, or say what is to be done",
        )
    return plan


def check_who(layout: Layout, places: PlanScan, agent: str, assignee: str, agents: Agents) -> None:
    """Refuse an agent that there is not, and an assignee who was probably meant to be one.

    Raises:
        UsageError: it is refused.
    """
    if _is_named(places, "agent", agent) and _is_named(places, "assignee", assignee):
        return

    registry = agents(layout)
    probe = Task("_", "_", "_", agent=agent, assignee=assignee)
    try:
        plan = Plan({probe.id: probe})
        task_settings(Workspace(layout), plan, registry)
    except PlanError as error:
        # Commands have several names for the option that says whose task it is.
        option, name = ("--agent: ", agent) if agent else ("", assignee)
        said = error.problems[0].message.partition(repr(name))[2].lstrip(", ").removeprefix("which ")
        message = f"{option}{one_line(name, 80)!r} {said}"
        raise UsageError(message, hint=error.problems[0].hint) from None


def _is_named(places: PlanScan, role: str, name: str) -> bool:
    """Whether another row has the same name there: then there is nothing to be found out."""
    if not name:
        return True
    for sheet in places.sheets:
        column = sheet.columns.at(role)
        if column is None:
            continue
        for at in range(sheet.table.line + 2, sheet.table.end):
            # Most lines do not have it anywhere, and splitting them takes longer than looking.
            if name in places.lines[at]:
                cells = split_row(places.lines[at])
                if column < len(cells) and cells[column] == name:
                    return True
    return False


def check_parent(layout: Layout, plan: Plan, parent: str) -> None:
    """Refuse an umbrella that was run as a task before.

    Raises:
        UsageError: it is refused.
    """
    task = plan.tasks[parent]
    result = Workspace(layout).read_result(task.stem)
    if result is not None and result.attempts:
        raise UsageError(
            f"{parent} was already started, so no task can be put under it",
            hint="make a task that is an umbrella from the beginning, or depend on it with --depends-on",
        )


def valid_plan(layout: Layout, data: bytes) -> Plan:
    """Return a plan that is about to be written.

    Raises:
        PlanError: it would not be valid.
    """
    return read_plan(data, f"{display_path(layout.root)}/master_plan.md")


def record_change(layout: Layout, task_id: str, what: str, by: str, text: str) -> None:
    """Write into the journal what a command changed in a row.

    Raises:
        StoreError: it could not be written.
    """
    with closing(Journal(layout.journal)) as journal:
        journal.append(f"{iso(time.time())} · {task_id} · {what} · by {by} · {one_line(text)}")


# ── cells ────────
#
# What a user says of a task, as it stands in the cells of its row; what is invalid there is refused.


def of_a_size(text: str) -> str:
    """Return a text that a user gave a command.

    Raises:
        UsageError: it is larger than any text that is read again.
    """
    if len(text) * 4 > LARGEST_TEXT and len(text.encode(errors="replace")) > LARGEST_TEXT:
        most = f"{LARGEST_TEXT // 1024:,} KiB"
        hint = "write it into a file, and give a summary that names the file"
        raise UsageError(f"the text is larger than {most}", hint=hint)
    return text


def as_typed(text: str) -> str:
    """Return a text as a user typed it, but for the blanks around it.

    Raises:
        UsageError: no file of text could hold it, or none that is read again.
    """
    if re.search(NO_TEXT, text):
        hint = "bytes stand in a file, and a task names it"
        raise UsageError("a NUL, or half of a character, is not a text", hint=hint)
    return typed(of_a_size(text)).strip()


def visible(text: str) -> str:
    """Return a text for people without what no one sees of it.

    Raises:
        UsageError: nothing is left, or no file of text could hold it.
    """
    shown = sanitize(as_typed(text)).strip()
    if is_blank(shown):
        raise no_text()
    return shown


def no_text() -> UsageError:
    """Return the error of a task that says nothing."""
    return UsageError("there is no text", hint="say what is to be done")


def typed_cells(values: Mapping[str, str]) -> dict[str, str]:
    """Return the cells for fields as they were typed, by name; what is empty stays empty.

    Raises:
        UsageError: a value is not understood.
    """
    cells = {}
    for name, text in values.items():
        field = FIELD_OF[name]
        try:
            cells[name] = field.typed(text, time.time()) if text else text
        except ValueError as error:
            message, hint = one_line(str(error)), field.typed_hint
            if not hint:
                message, _, hint = message.partition("; ")
            raise UsageError(f"{field.option}: {message}", hint=hint) from None
    return cells


def values_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that these cells of fields are to be read as; a text stands for itself."""
    empty = Task("_", "_", "_")
    return {
        name: text
        if isinstance(default := getattr(empty, name), str)
        else FIELD_OF[name].read(text)
        if text
        else default
        for name, text in cells.items()
    }


def edited(edit: Callable[[], tuple[bytes, Task]], meant: Task) -> tuple[bytes, Task]:
    """Edit a row, and make sure that reading it gives what was meant: a table cannot say every name.

    Raises:
        UsageError: it does not, or the row says nothing.
    """
    try:
        data, task = edit()
    except ValueError as error:
        raise UsageError(str(error)) from None
    if is_blank(task.description):
        raise no_text()
    for option in ("needs", "tags", *(name for name in FIELD_OF if name != "priority")):
        if getattr(task, option) != (said := getattr(meant, option)):
            words = said if isinstance(said, tuple) else (str(said),)
            hint = "letters, digits and the signs . _ - can always be said"
            if any(map(is_none, words)):
                hint = "it means that there is nothing; take another word"
            shown = one_line(", ".join(words), 80)
            message = f"a table cannot say {'tag' if option == 'tags' else option} {shown!r}"
            raise UsageError(message, hint=hint)
    return data, task
