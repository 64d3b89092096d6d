"""Success criteria of a task: looked at, added, confirmed. They are in its task file."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from orchestrator.core.criteria import Criterion
from orchestrator.core.plan import Plan, Task
from orchestrator.errors import PlanError
from orchestrator.plan.lines import LARGEST_TEXT, oversized
from orchestrator.plan.task_file import criteria_in, with_criteria, with_ticks
from orchestrator.services.assignments import make_task_files
from orchestrator.services.task_settings import task_settings
from orchestrator.services.task_texts import read_own
from orchestrator.store.atomic import read_file, reject_symlinks, sync_directory
from orchestrator.store.compare_and_swap import Taken, exchanged, put, take
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import exclusive
from orchestrator.store.task_files import Assignments
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents


def criteria_of(layout: Layout, stem: str) -> tuple[Criterion, ...]:
    """Return the success criteria of a task; none when it has no task file.

    Raises:
        PlanError: the file is too large for any agent.
        StoreError: it cannot be read.
    """
    path = layout.task_file(stem)
    data = read_file(path, LARGEST_TEXT) or b""
    if (problem := oversized(data, display_path(path))) is not None:
        raise PlanError([problem])
    return criteria_in(data)


def is_asked_for(layout: Layout, plan: Plan, task: Task) -> bool:
    """Say whether the plan or the task wants criteria to be met before anybody completes it by hand.

    Raises:
        PlanError: the task file is invalid, so it is unknown.
        StoreError: it cannot be read.
    """
    found = Assignments(layout, display_path(layout.root)).read(task)
    own = found.settings if found is not None else {}
    return bool({**plan.settings, **own}.get("validate"))


def check_new(layout: Layout, plan: Plan, task: Task, texts: Sequence[str], agents: Agents) -> None:
    """Make sure that criteria can be added to a task of *plan*, which is about to be written. In line for the plan.

    A file that no one wrote is made from the row, as a run would make it.

    Raises:
        UsageError: they are there already, or its file cannot take them.
        PlanError: a template of the plan directory, or a setting of the task, is invalid.
        StoreError: the file cannot be read or made.
    """
    if read_own(layout, task) is None:
        _make_file(layout, plan, task, agents)
    path = layout.task_file(task.stem)
    with_criteria(read_file(path, LARGEST_TEXT) or b"", texts, display_path(path))


def add_criteria(layout: Layout, stem: str, texts: Sequence[str]) -> None:
    """Add criteria to the file of a task, after ``check_new``. In line for the plan.

    Raises:
        UsageError, StoreError: as there.
    """
    path = layout.task_file(stem)
    _change(path, lambda data: with_criteria(data, texts, display_path(path)))


def check_ticks(layout: Layout, stem: str, numbers: Collection[int]) -> None:
    """Do nothing if these criteria can be ticked; raises as ``tick``."""
    path = layout.task_file(stem)
    reject_symlinks(layout.tasks)
    with_ticks(take(path).data, numbers, display_path(path))


def tick(layout: Layout, stem: str, numbers: Collection[int]) -> None:
    """Tick criteria in the file of a task; they count from 1.

    Raises:
        UsageError: the file does not let it.
        StoreError: it cannot be read or written.
    """
    path = layout.task_file(stem)
    with exclusive(layout.plan_lock):
        _change(path, lambda data: with_ticks(data, numbers, display_path(path)))


def _change(path: str, edit: Callable[[bytes], bytes]) -> None:
    def change(before: Taken) -> os.stat_result | None:
        return put(path, before, edit(before.data))

    exchanged(path, change)
    sync_directory(os.path.dirname(path))


def _make_file(layout: Layout, plan: Plan, task: Task, agents: Agents) -> None:
    workspace, registry = Workspace(layout), agents(layout)
    alone = plan._replace(tasks={task.id: plan.tasks[task.id]})
    settings = task_settings(workspace, alone, registry)
    workspace.make_directories()
    make_task_files(workspace, plan.tasks, settings, [task.id], registry)
