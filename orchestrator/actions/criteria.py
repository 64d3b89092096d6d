"""Success criteria of a task: looked at, added, confirmed (seed row S1-38U). They are in its task file."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from orchestrator.core.criteria import Criterion
from orchestrator.core.plan import Plan, Task
from orchestrator.store.atomic import read_file, refuse_links
from orchestrator.store.criteria import criteria_in, with_criteria, with_ticks
from orchestrator.store.exchange import Taken, exchanged, put
from orchestrator.store.layout import Layout
from orchestrator.store.lines import LARGEST_TEXT
from orchestrator.store.lock import in_line

if TYPE_CHECKING:
    from orchestrator.actions.editing import Agents


def criteria_of(layout: Layout, stem: str) -> tuple[Criterion, ...]:
    """Return the success criteria of a task; none when it has no task file.

    Raises:
        StoreError: the file cannot be read.
    """
    return criteria_in(read_file(layout.task_file(stem), LARGEST_TEXT) or b"")


def is_asked_for(layout: Layout, plan: Plan, task: Task) -> bool:
    """Say whether the plan or the task wants criteria to be met before anybody completes it by hand.

    Raises:
        StoreError: the task file cannot be read.
    """
    from orchestrator.store.task_file import parse_task_file

    path = layout.task_file(task.stem)
    # Whatever else is wrong with it is for the run that launches it.
    found = parse_task_file(read_file(path, LARGEST_TEXT) or b"", path).settings
    return bool({**plan.settings, **found}.get("validate"))


def check_new(layout: Layout, stem: str, texts: Sequence[str]) -> None:
    """Do nothing if criteria can be added to a task.

    Raises:
        UsageError: they are there already, or its file cannot take them.
        StoreError: the file cannot be read.
    """
    path = layout.task_file(stem)
    if (data := read_file(path, LARGEST_TEXT)) is not None:
        with_criteria(data, texts, os.path.relpath(path))


def add_criteria(layout: Layout, task: Task, texts: Sequence[str], agents: Agents) -> None:
    """Add criteria to a task, whose file is made as a run would make it where there is none. In line for the plan.

    Raises:
        As ``check_new``; PlanError: a template of the plan directory makes no sense.
    """
    path = layout.task_file(task.stem)
    if not os.path.lexists(path):
        _make_file(layout, task, agents)
    _change(path, lambda data: with_criteria(data, texts, os.path.relpath(path)))


def tick(layout: Layout, stem: str, numbers: Collection[int]) -> None:
    """Tick criteria in the file of a task; they count from 1.

    Raises:
        UsageError: the file does not let it.
        StoreError: it cannot be read or written.
    """
    path = layout.task_file(stem)
    with in_line(layout.plan_lock):
        _change(path, lambda data: with_ticks(data, numbers, os.path.relpath(path)))


def _change(path: str, edit: Callable[[bytes], bytes]) -> None:
    def change(before: Taken) -> os.stat_result | None:
        return put(path, before, edit(before.data))

    refuse_links(os.path.dirname(path))
    exchanged(path, change)


def _make_file(layout: Layout, task: Task, agents: Agents) -> None:
    from orchestrator.actions.assignments import write_missing_task_files
    from orchestrator.actions.prospect import RunOrder, task_settings
    from orchestrator.store.workspace import Workspace

    workspace, roster = Workspace(layout), agents(layout)
    plan, _ = workspace.load_plan()
    alone = plan._replace(tasks={task.id: plan.tasks[task.id]})
    settings = task_settings(workspace, alone, RunOrder(layout), roster)
    workspace.make_directories()
    write_missing_task_files(workspace, plan.tasks, settings, [task.id], roster)
