"""Change rows of the plan by command (seed rows S1-21 to S1-23): what would make it invalid is refused whole."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.plan import Plan, Task, unknown_task
from orchestrator.core.script import command_of
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.errors import UsageError
from orchestrator.plan.columns import Columns, read_needs
from orchestrator.plan.editor import ids, row_of, with_cells
from orchestrator.plan.scan import PlanScan
from orchestrator.services.cells import (
    as_typed,
    deadline_cell,
    edited,
    estimate_cell,
    person_cell,
    priority_cell,
    read_cells,
    visible,
)
from orchestrator.services.row_checks import (
    check_parent,
    check_who,
    dependencies_said,
    explained,
    readable,
    valid_plan,
)
from orchestrator.services.task_texts import TaskInstructions, put_both, task_file_of
from orchestrator.store.atomic import sync_directory
from orchestrator.store.compare_and_swap import Taken, exchanged
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.lock import exclusive
from orchestrator.store.task_ids import resolve_ids

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents

#: A text that is taken away leaves nothing: ``-`` would be one.
_EMPTY = {"name": "", "description": ""}
_TEXTS = _EMPTY.keys()
#: What decides what its agent is told, and whether that is a command.
_TOLD = _TEXTS | {"agent", "assignee", "type"}

#: Where a task stands that is not started again by itself.
_BEGUN = frozenset({TaskStatus.RUNNING, TaskStatus.COMPLETED})


class Changes(NamedTuple):
    """What is to be another one in a row; None leaves it as it is, an empty text takes it away."""

    title: str | None = None
    description: str | None = None
    priority: str | None = None
    needs: str | None = None
    add_needs: str = ""
    remove_needs: str = ""
    parent: str | None = None
    assignee: str | None = None
    agent: str | None = None
    type: str | None = None
    deadline: str | None = None
    """As in ``NewTask``; so is the next one."""
    estimated_hours: str | float | None = None
    tags: tuple[str, ...] = ()
    untags: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    """Success criteria, to be added to its task file."""


class Updated(NamedTuple):
    """A row that was changed."""

    id: str
    changed: Mapping[str, str]
    """What stands in the changed cells now, by what the columns mean."""
    task_file: str
    """The file that the agent of the task reads, when it says what to do and the row no longer does; else empty."""
    command: str
    """What the task runs now, when it is for a shell and ran something else before; else empty."""
    begun: TaskStatus | None = None
    """Where it stands, when it is at work on what it said before, or done with that."""


def update(
    layout: Layout,
    task_id: str,
    changes: Changes,
    by: str,
    agents: Agents,
    *,
    check: Callable[[Plan], None] = lambda _: None,
) -> Updated:
    """Change a row of the plan; what it cannot say of what is to be done goes into the task file, as with ``add``.

    Args:
        layout: Where the plan is.
        task_id: Whose row.
        changes: What is to be another one.
        by: Who changes it.
        agents: The agents that there are; asked only where they make a difference.
        check: Raises what forbids the plan that is about to be written.

    Raises:
        NotFoundError, UsageError, PlanError: it makes no sense, or the plan would make none; nothing was written.
        StoreError: it could not be written.
        What *check* raises; nothing was written either.
    """
    if not os.path.lexists(layout.plan):
        from orchestrator.store.collection import no_plan

        raise no_plan(layout)
    task_id, changes = resolve_ids(layout, task_id), _with_full_ids(layout, changes)
    with exclusive(layout.plan_lock):
        updated = exchanged(
            layout.plan,
            lambda before: _changed(layout, before, task_id, changes, agents, check=check),
        )
    sync_directory(layout.root)
    said = ", ".join(f"{role}: {text}" for role, text in updated.changed.items())
    tell(layout, task_id, "updated", by, said)
    return updated


def _changed(
    layout: Layout,
    before: Taken,
    task_id: str,
    changes: Changes,
    agents: Agents,
    *,
    check: Callable[[Plan], None],
) -> Updated | None:
    with explained(layout, before.data):
        places = readable(layout, before.data)
        values, meant, row = _meant(places, task_id, changes)
    if not (values or changes.criteria):
        raise UsageError("nothing is to be changed", hint="orchestrator update --help")
    check_who(layout, places, changes.agent or "", changes.assignee or "", agents)
    told = TaskInstructions()
    if _TOLD & values.keys():
        told = TaskInstructions.of(layout, row, meant, places.agent, agents)
    texts = {column: values[column] for column in _TEXTS if values.get(column)}
    if not told.is_command:  # that is taken as it is; what people read is not
        texts = {column: visible(text) for column, text in texts.items()}
    values |= texts
    data, task = edited(lambda: with_cells(places, task_id, values), meant)
    plan = valid_plan(layout, data)
    if changes.parent:
        check_parent(layout, plan, changes.parent)
    check(plan)
    task, file = _told(
        layout, plan, task, agents, told=told, texts=texts, criteria=changes.criteria
    )
    if values and not put_both(layout, before, data, task, file):
        return None
    if changes.criteria:
        from orchestrator.services.criteria import add_criteria

        if not file:
            add_criteria(layout, task.stem, changes.criteria)
        values["criteria"] = "; ".join(changes.criteria)
    is_hidden = told.is_in_file and not file
    hidden = told.file if is_hidden and _TEXTS & values.keys() else ""
    begun = None if is_hidden or not texts else _begun(layout, task)
    return Updated(task_id, values, hidden, told.command(task.description), begun)


def _begun(layout: Layout, task: Task) -> TaskStatus | None:
    from orchestrator.core.snapshot import SIMULATED
    from orchestrator.store.workspace import Workspace

    result = Workspace(layout).read_result(task.stem)
    is_real = result is not None and result.status in _BEGUN and result.agent != SIMULATED
    return result.status if result is not None and is_real else None


def _told(
    layout: Layout,
    plan: Plan,
    task: Task,
    agents: Agents,
    *,
    told: TaskInstructions,
    texts: Mapping[str, str],
    criteria: Sequence[str],
) -> tuple[Task, bytes]:
    """Return a task with all of what is to be done, and the task file for what its row cannot say of it.

    Raises:
        PlanError: it is to be a command, and says none.
        As ``TaskInstructions.unsaid``, ``task_file_of`` and ``check_new``.
    """
    if whole := told.unsaid(texts, task):
        task = task._replace(description=whole)
        return task, task_file_of(
            layout,
            task,
            plan.tasks,
            shell=told.is_command,
            settings=told.settings,
            criteria=[*told.criteria, *criteria],
        )
    if told.is_command and not told.is_in_file:
        command_of(task)
    if criteria:
        from orchestrator.services.criteria import check_new

        check_new(layout, plan, task, criteria, agents)
    return task, b""


def _with_full_ids(layout: Layout, changes: Changes) -> Changes:
    return changes._replace(
        assignee=changes.assignee and person_cell(changes.assignee),
        needs=changes.needs and dependencies_said(layout, changes.needs),
        add_needs=dependencies_said(layout, changes.add_needs),
        remove_needs=dependencies_said(layout, changes.remove_needs),
        parent=changes.parent and resolve_ids(layout, changes.parent),
    )


def _meant(places: PlanScan, task_id: str, changes: Changes) -> tuple[dict[str, str], Task, Task]:
    """Return the new cells, the row as it is to be read then, and as it is read now."""
    try:
        columns, row = row_of(places, task_id)
    except KeyError:
        raise unknown_task(task_id, ids(places)) from None
    named = {
        "priority": priority_cell(changes.priority),
        "parent": changes.parent,
        "assignee": changes.assignee,
        "agent": changes.agent,
        "type": changes.type,
        "estimate": estimate_cell(changes.estimated_hours),
        "deadline": deadline_cell(changes.deadline),
        **_texts(columns, changes),
    }
    values = {
        role: text or _EMPTY.get(role, "-") for role, text in named.items() if text is not None
    }
    meant = row._replace(
        parent=row.parent if changes.parent is None else changes.parent,
        assignee=row.assignee if changes.assignee is None else changes.assignee,
        agent=row.agent if changes.agent is None else changes.agent,
        type=row.type if changes.type is None else changes.type,
        **read_cells(values),
    )
    needs, kinds = _needs(row, changes)
    if (needs, kinds) != (row.needs, row.need_kinds):
        from orchestrator.views.templating import needs as needs_cell

        meant = meant._replace(needs=needs, need_kinds=kinds)
        values["needs"] = needs_cell(meant)
    tags = tuple(dict.fromkeys((*row.tags, *changes.tags)))
    tags = tuple(tag for tag in tags if tag not in changes.untags)
    if tags != row.tags:
        meant, values["tags"] = meant._replace(tags=tags), ", ".join(tags) or "-"
    return values, meant, row


def _texts(columns: Columns, changes: Changes) -> dict[str, str | None]:
    title = "description" if columns.name is None else "name"
    if changes.description is not None and title == "description" and changes.title is not None:
        raise UsageError("the table has one column of text", hint="give --title or --desc")
    texts = {title: changes.title}
    if changes.description is not None:
        texts["description"] = changes.description
    for text in filter(None, texts.values()):
        visible(text)
    return {role: text and as_typed(text) for role, text in texts.items()}


def _needs(row: Task, changes: Changes) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    needs = dict.fromkeys(row.needs, "data") | dict(row.need_kinds)
    if changes.needs is not None:
        needs = _read(changes.needs)
    needs |= _read(changes.add_needs)
    for need in _read(changes.remove_needs):
        needs.pop(need, None)
    return tuple(needs), tuple((need, kind) for need, kind in needs.items() if kind != "data")


def _read(text: str) -> dict[str, str]:
    needs, kinds = read_needs(text)
    return dict.fromkeys(needs, "data") | dict(kinds)


def tell(layout: Layout, task_id: str, what: str, by: str, text: str) -> None:
    """Write a line into the journal.

    Raises:
        StoreError: it could not be written.
    """
    from orchestrator.core.timestamp import iso

    with closing(Journal(layout.journal)) as journal:
        journal.append(f"{iso(time.time())} · {task_id} · {what} · by {by} · {one_line(text)}")
