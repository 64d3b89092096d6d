"""A task as JSON, as ``list``, ``show``, ``history`` and ``export`` print it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from orchestrator.core import criteria
from orchestrator.core.cost import total_cost
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.timestamp import iso
from orchestrator.errors import OrchestratorError
from orchestrator.plan.task_fields import field_facts
from orchestrator.services.task_view import TaskView, agents_by_type
from orchestrator.store.agent_files import read_agents
from orchestrator.store.layout import Layout


def chosen_agents(layout: Layout, board: PlanSnapshot, tasks: Sequence[Task]) -> Mapping[str, str]:
    """Return the agents of those tasks that name none and get one by their type."""
    if not any(task.type and not task.agent_key for task in tasks):
        return {}
    try:
        return agents_by_type(layout, board, tasks, read_agents(layout, os.environ))
    except OrchestratorError:
        return {}  # an invalid agent file is no reason to print nothing at all


def brief(board: PlanSnapshot, task: Task, agents: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, object]:
    """Return a task as JSON: time and cost of all attempts together, None where they are unknown.

    *agents*: those that types have chosen.
    """
    spent = total_cost([board.outcome(task.id)])
    took = board.worked(task.id, time.time())
    return {
        "id": task.id,
        "name": task.name,
        "status": board.status(task.id).value,
        "reason": board.why(task.id),
        **field_facts(task),
        "agent": agents.get(task.id) or task.agent,
        "tags": task.tags,
        "needs": task.own_needs,
        "children": task.children,
        "duration": None if took is None else round(took, 3),
        "cost_usd": None if spent.unknown else round(spent.known, 6),
        "unknown_costs": spent.unknown,
        "result": task.result_path if task.id in board.results else "",
    }


def task_facts(view: TaskView, agents: Mapping[str, str] = MappingProxyType({})) -> dict[str, object]:
    """Return a task as JSON with its attempts, criteria and answer."""
    return {
        **brief(view.board, view.task, agents),
        "description": view.task.description,
        "attempts": [attempt_facts(attempt) for attempt in view.board.attempts(view.task.id)],
        "criteria": criteria.facts(view.criteria),
        "answer": view.answer,
        "structured": view.structured,
    }


def attempt_facts(attempt: Attempt) -> dict[str, object]:
    """Return an attempt as JSON; what is unknown is None."""
    lasted = attempt.lasted(time.time())
    return {
        "number": attempt.number,
        "status": attempt.status,
        "agent": attempt.agent,
        "start": iso(attempt.started),
        "end": iso(attempt.ended),
        "duration": None if lasted is None else round(lasted, 3),
        "exit": attempt.exit,
        "reason": attempt.reason,
        "cost_usd": attempt.cost,
        "session": attempt.session,
    }
