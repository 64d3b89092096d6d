"""Which tasks of a plan can be handed out right now, and what anyone who gets one has to know."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.agent import AgentRegistry
from orchestrator.core.duration import format_duration
from orchestrator.core.plan import Task
from orchestrator.core.plan_status import PlanState, subtask_word
from orchestrator.core.readiness import needs_open
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import ACTIVE, TaskStatus
from orchestrator.errors import CapacityError


class TaskNotReady(NamedTuple):
    """A task that is not handed out, and why not."""

    subtask_id: str
    reason: str


def ready(board: PlanSnapshot, only: str = "") -> tuple[list[Task], list[TaskNotReady]]:
    """Return the tasks that can be handed out, the most urgent first, and those that wait, with the reason.

    With *only*, one task: it is in the reply, wherever it stands.
    """
    tasks: list[Task] = []
    skipped: list[TaskNotReady] = []
    for task in board.plan.tasks.values():
        if task.children or (only and task.id != only):
            continue
        status = board.status(task.id)
        if status is TaskStatus.PENDING:
            tasks.append(task)
        elif only or status in {TaskStatus.WAITING, TaskStatus.BLOCKED}:
            skipped.append(TaskNotReady(task.id, _reason(board, task, status)))
    rank = board.shape.rank
    return sorted(tasks, key=lambda each: (-each.priority, -rank.get(each.id, 0.0))), skipped


def _reason(board: PlanSnapshot, task: Task, status: TaskStatus) -> str:
    if status is TaskStatus.WAITING:
        missing = (need for need, _ in needs_open(board, task))
        return f"Dependency not DONE: {', '.join(missing)}"
    word = subtask_word(status, is_assigned=True)
    why = board.standing[task.id].reason
    return f"already {word}" if status in ACTIVE or not why else f"{word}: {why}"


def refusal(state: PlanState | None) -> str:
    """Return why nothing of a plan that is not over is handed out; empty when it may be, as without a state."""
    match state:
        case PlanState.PLANNING:
            return "not approved: PLANNING"
        case PlanState.BLOCKED:
            return "the task is BLOCKED"
        case _:
            return ""


class TaskPaths(NamedTuple):
    """Where what a task is about lies; absolute paths."""

    root: str
    """The plan directory."""
    plan: str
    task_file: str
    result_file: str
    workdir: str
    results: Mapping[str, str]
    """The result of each task that it depends on."""


def context(
    plan_id: str,
    board: PlanSnapshot,
    task: Task,
    *,
    settings: Settings,
    places: TaskPaths,
    assignment: str,
    criteria: Sequence[str],
    times: Mapping[str, str],
    program: str,
) -> dict[str, Any]:
    """Return everything that the worker has to know: plan, files, criteria, constraints, how to report.

    *assignment* is the body of the task file, empty when there is none yet; *criteria* are those in it.
    *times*: how long it takes and when it is due, where its row has that.
    """
    plan = board.plan
    return {
        "plan": {
            "task_id": plan_id,
            "title": plan.header.title or plan.title,
            "request": plan.request,
            "goal": plan.goal,
            "file": places.plan,
        },
        "subtask": _subtask(task) | {"assignment": assignment},
        "files": {
            "task": places.task_file,
            "result": places.result_file,
            "workdir": places.workdir,
            "inputs": dict(places.results),
        },
        "criteria": [*([task.expected] if task.expected else []), *criteria],
        "constraints": _constraints(settings, task, times),
        "report": _report(program, places.root, task.id),
    }


def _subtask(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "title": task.name,
        "description": task.description,
        "type": task.type,
        "priority": task.shown_priority,
        "deps": list(task.needs),
    }


def _report(program: str, root: str, task_id: str) -> Mapping[str, str]:
    """Return the commands by which a worker says how far it is."""
    # Anyone who reports sits elsewhere, perhaps in a project with a plan of the same id.
    command = f"{program} subtask {shlex.quote(root)} {task_id}"
    return {
        "start": f"{command} start --progress 30",
        "done": f'{command} done --note "its outcome"',
        "fail": f'{command} fail --note "why"',
        "block": f'{command} block --note "what is missing"',
    }


def _constraints(settings: Settings, task: Task, times: Mapping[str, str]) -> Mapping[str, Any]:
    found: dict[str, Any] = {
        "timeout": format_duration(settings.timeout),
        "attempts": settings.max_attempts,
        "permission_mode": settings.permission_mode,
        "tools": list(settings.tools),
    }
    if settings.task_budget_usd:
        found["budget_usd"] = settings.task_budget_usd
    return {**found, **times, **dict(task.inputs)}


def within_capacity(
    tasks: Sequence[Task], agents: Mapping[str, str], registry: AgentRegistry, under_way: Mapping[str, int]
) -> tuple[list[Task], list[TaskNotReady]]:
    """Return the tasks that their agents have room for, and the others.

    *agents*: who takes each task; *under_way*: tasks that each agent has already.
    """
    at_work = Counter(under_way)
    taken: list[Task] = []
    skipped: list[TaskNotReady] = []
    for task in tasks:
        try:
            registry.require_room(agents[task.id], at_work)
        except CapacityError as full:
            skipped.append(TaskNotReady(task.id, str(full)))
            continue
        at_work[agents[task.id]] += 1
        taken.append(task)
    return taken, skipped
