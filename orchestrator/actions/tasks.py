"""Look at single tasks."""

from __future__ import annotations

import os
from typing import NamedTuple

from orchestrator.core.board import Board
from orchestrator.core.plan import Task
from orchestrator.core.result import Result
from orchestrator.core.state import TaskStatus, parse_status
from orchestrator.errors import NotFoundError, UsageError
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace


def list_tasks(layout: Layout, status: str = "") -> tuple[Board, list[Task]]:
    """Return the board and the tasks with *status* (all when empty), in the order of the plan.

    Raises:
        UsageError: there is no such status.
        PlanError, NotFoundError, StoreError: as their names say.
    """
    wanted = parse_status(status) if status else None
    if status and wanted is None:
        words = ", ".join(each.value for each in TaskStatus)
        raise UsageError(f"{status!r} is not a status", hint=f"one of {words}")
    board = Workspace(layout).load()
    tasks = board.plan.tasks
    chosen = tasks if wanted is None else board.by_status().get(wanted, ())
    return board, [tasks[task_id] for task_id in chosen]


class TaskView(NamedTuple):
    """Everything about one task. Paths are absolute; empty where there is no such file yet."""

    task: Task
    board: Board
    result: Result | None
    answer: str
    task_file: str
    result_file: str
    log: str
    errors: str


def show(layout: Layout, task_id: str) -> TaskView:
    """Return everything that is known of one task.

    Raises:
        NotFoundError: no task of that id.
        PlanError, StoreError: as their names say.
    """
    workspace = Workspace(layout)
    board = workspace.load()
    task = board.plan.tasks.get(task_id)
    if task is None:
        raise NotFoundError(f"task {task_id} not found", hint="`orchestrator list` shows all tasks")
    result = board.results.get(task_id)
    files = layout.attempt(task.stem, result.number if result else 0)
    return TaskView(
        task=task,
        board=board,
        result=result,
        answer=workspace.read_shown_answer(task.stem),
        task_file=_existing(layout.task_file(task.stem)),
        result_file=_existing(layout.result_file(task.stem)),
        log=_existing(files.stdout),
        errors=_existing(files.stderr),
    )


def _existing(path: str) -> str:
    return path if os.path.exists(path) else ""
