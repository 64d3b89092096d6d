"""Look at single tasks."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.agents.outcome import object_in
from orchestrator.core.plan import Task, id_of, unknown_task
from orchestrator.core.result import Result
from orchestrator.core.settings import resolve
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus, parse_status
from orchestrator.core.text import unfenced
from orchestrator.errors import OrchestratorError, PlanError, StoreError, UsageError
from orchestrator.services.task_settings import task_settings
from orchestrator.services.task_texts import criteria_of
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.core.agent import AgentRegistry
    from orchestrator.core.criteria import Criterion


class Filters(NamedTuple):
    """Which tasks are asked for; what is empty leaves all of them. A task must pass every one."""

    statuses: Sequence[str] = ()
    """In any of the words that are understood; one of them is enough, as with the next two."""
    assignees: Sequence[str] = ()
    tags: Sequence[str] = ()
    types: Sequence[str] = ()
    parent: str = ""


def list_tasks(layout: Layout, filters: Filters) -> tuple[PlanSnapshot, list[Task]]:
    """Return the board and the tasks that pass the filters, in the order of the plan.

    Raises:
        UsageError: there is no such status.
        PlanError, NotFoundError, StoreError: as their names say.
    """
    statuses = _statuses(filters.statuses)
    board = Workspace(layout).load()
    if filters.parent:
        filters = filters._replace(parent=find_task(board, filters.parent).id)
    tasks = iter(board.plan.tasks.values())
    if statuses:
        standing = board.standing
        tasks = (task for task in tasks if standing[task.id].status in statuses)
    if filters.assignees:
        names = frozenset(filters.assignees)
        tasks = (task for task in tasks if (task.assignee or task.agent) in names)
    if filters.tags:
        tasks = (task for task in tasks if not frozenset(filters.tags).isdisjoint(task.tags))
    if filters.types:
        tasks = (task for task in tasks if task.type in filters.types)
    if filters.parent:
        tasks = (task for task in tasks if task.parent == filters.parent)
    return board, list(tasks)


#: The word for pending tasks that nothing keeps from being started.
READY = "ready"


def _statuses(words: Sequence[str]) -> frozenset[TaskStatus]:
    found = set()
    for word in words:
        if word.strip().casefold() == READY:
            found.add(TaskStatus.PENDING)
            continue
        status = parse_status(word)
        if status is None:
            listed = ", ".join([*(each.value for each in TaskStatus), READY])
            raise UsageError(f"{word!r} is not a status", hint=f"one of {listed}")
        found.add(status)
        if status is TaskStatus.RUNNING and "progress" in word.lower():
            found.add(TaskStatus.RETRYING)  # it is in progress, also between two attempts
        if status is TaskStatus.PENDING:
            found.add(TaskStatus.WAITING)  # for what it needs; no one has begun with it
    return frozenset(found)


def find_task(board: PlanSnapshot, said: str) -> Task:
    """Return the task of the plan that a user means.

    Raises:
        NotFoundError: there is none.
        UsageError: it may be any of several.
    """
    task = board.plan.tasks.get(id_of(said, board.plan.tasks))
    if task is None:
        raise unknown_task(said, board.plan.tasks)
    return task


class TaskView(NamedTuple):
    """Everything about one task. Paths are absolute; empty where there is no such file yet."""

    task: Task
    board: PlanSnapshot
    result: Result | None
    shown: str
    """Its answer as people see it, fit to stand in a document; empty when there is none."""
    task_file: str
    result_file: str
    log: str
    errors: str
    criteria: Sequence[Criterion] = ()
    """How a user can tell that it is done, with their ticks."""

    @property
    def answer(self) -> str:
        """Its answer for programs: without the fence that what is no markdown is shown in."""
        inside = unfenced(self.shown)
        return self.shown if inside is None else inside

    @property
    def structured(self) -> dict[str, Any] | None:
        """The answer as an object, where it is one of JSON, as a ``schema`` asks for; else None."""
        return object_in(self.shown)


def show(layout: Layout, task_id: str) -> TaskView:
    """Return everything that is known of one task.

    Raises:
        NotFoundError: no task of that id.
        PlanError, StoreError: as their names say.
    """
    workspace = Workspace(layout)
    board = workspace.load()
    task = find_task(board, task_id)
    return view_of(layout, board, task, workspace.read_shown_answer(task.stem))


def view_of(layout: Layout, board: PlanSnapshot, task: Task, shown: str) -> TaskView:
    """Return everything that is known of a task, whose answer was read already, as shown."""
    result = board.results.get(task.id)
    files = layout.attempt(task.stem, result.number if result else 0)
    return TaskView(
        task=task,
        board=board,
        result=result,
        shown=shown,
        task_file=_existing(layout.task_file(task.stem)),
        result_file=_existing(layout.result_file(task.stem)),
        log=_existing(files.stdout),
        errors=_existing(files.stderr),
        criteria=_criteria(layout, task.stem),
    )


def agent_of(layout: Layout, board: PlanSnapshot, task: Task, registry: AgentRegistry) -> str:
    """Return the agent that a run takes for a task; what its row says, where no run would take the task."""
    alone = board.plan._replace(tasks={task.id: task})
    try:
        found = task_settings(Workspace(layout), alone, registry)[task.id]
    except OrchestratorError:
        return task.agent
    return f"{found.agent}, as {found.subagent}" if found.subagent else found.agent


def agents_by_type(
    layout: Layout, board: PlanSnapshot, tasks: Iterable[Task], registry: AgentRegistry
) -> Mapping[str, str]:
    """Return the agents of those tasks that name none and have a type for which there is one."""
    typed = {task.id: task for task in tasks if task.type and not task.agent_key}
    of_types = any("agent" in each.settings for each in registry.types.values())
    has_say = of_types or any(member.skills for member in registry)
    if not typed or not has_say:
        return {}
    found = task_settings(Workspace(layout), board.plan._replace(tasks=typed), registry)
    default = resolve(board.plan.settings).agent
    return {id: each.agent for id, each in found.items() if each.agent != default}


def _criteria(layout: Layout, stem: str) -> Sequence[Criterion]:
    try:
        return criteria_of(layout, stem)
    except (PlanError, StoreError):
        return ()  # what cannot be read there is reported where it is needed


def _existing(path: str) -> str:
    return path if os.path.exists(path) else ""
