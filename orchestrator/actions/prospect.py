"""What a run would do: which tasks it would start, and with which settings. Looking writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from orchestrator.core.board import Board
from orchestrator.core.plan import Plan
from orchestrator.core.settings import Settings, resolve
from orchestrator.core.state import TaskStatus
from orchestrator.errors import OrchestratorError, PlanError, Problem, UsageError
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.layout import Layout
from orchestrator.store.task_file import TaskFile
from orchestrator.store.workspace import Workspace

#: Tasks with one of these statuses are not run again by themselves.
KEPT_AS_THEY_ARE = frozenset({TaskStatus.COMPLETED, TaskStatus.BLOCKED, TaskStatus.CANCELLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOrder:
    """What somebody asked ``run`` to do. ``flags`` are settings given on the command line, already read."""

    layout: Layout
    flags: Mapping[str, Any] = field(default_factory=dict)
    simulate: bool = False
    only: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a run would do: the plan as it stands, every task's settings, and the tasks it would start."""

    workspace: Workspace
    board: Board
    settings: Settings
    policies: Mapping[str, Settings]
    meant: Mapping[str, Settings]
    """The settings without ``--simulate``: a task file is written for the agent that will really do the task."""
    to_run: Sequence[str]


def look_ahead(
    order: RunOrder,
    agent_keys: Sequence[str],
    workspace: Workspace | None = None,
    traces: Mapping[str, Traces] | None = None,
) -> Prospect:
    """Look at the plan and say what a run would do. Writes nothing. A *workspace* that looked before saves time.

    Raises:
        PlanError: the plan, a task file or an agent makes no sense; every problem with file and line.
        NotFoundError, UsageError, StoreError: as their names say.
    """
    workspace = workspace or Workspace(order.layout)
    board = workspace.load(
        keep_cache=False, is_live=False, traces=traces or scan_logs(order.layout.logs)
    )
    policies = meant = task_settings(workspace, board.plan, order, agent_keys)
    if order.simulate:
        played = {id(each): replace(each, agent="simulated") for each in policies.values()}
        policies = {task_id: played[id(each)] for task_id, each in policies.items()}
    board = without_simulated(board, policies)
    to_run = [
        task_id for task_id in board.shape.order if board.status(task_id) not in KEPT_AS_THEY_ARE
    ]
    if order.only:
        to_run = _only(order.only, to_run, board)
    plan_flags = {name: value for name, value in order.flags.items() if name != "agent"}
    return Prospect(
        workspace=workspace,
        board=board,
        settings=resolve(board.plan.settings, plan_flags),
        policies=policies,
        meant=meant,
        to_run=to_run,
    )


def without_simulated(board: Board, policies: Mapping[str, Settings]) -> Board:
    """Return the board without results that were only simulated, unless the task asks for just that."""
    kept = {
        task_id: result
        for task_id, result in board.results.items()
        if result.agent != "simulated" or policies[task_id].agent == "simulated"
    }
    if len(kept) == len(board.results):
        return board
    return Board(board.plan, board.shape, kept, doubts=board.doubts)


def task_settings(
    workspace: Workspace, plan: Plan, order: RunOrder, agent_keys: Sequence[str]
) -> dict[str, Settings]:
    """Resolve the settings of every task: flag > task > plan > default; ``agent`` as a flag is only the default.

    Raises:
        PlanError: a task file makes no sense or asks for an unknown agent.
    """
    flags = dict(order.flags)
    default_agent = {"agent": flags.pop("agent")} if "agent" in flags else {}
    common = {**plan.settings, **default_agent}
    if common.get("agent", agent_keys[0]) not in agent_keys:
        raise _unknown_default(plan, default_agent, common["agent"], agent_keys)
    existing = _names_in(workspace.layout.tasks)
    problems: list[Problem] = []
    policies: dict[str, Settings] = {}
    shared: dict[str, Settings] = {}
    for task in plan.tasks.values():
        row = {"agent": task.agent_key} if task.agent_key else {}
        if f"{task.stem}.md" not in existing:
            # Most tasks of a big plan share their settings; one object serves them all.
            if task.agent_key not in shared:
                shared[task.agent_key] = resolve(common, row, flags)
            policies[task.id] = shared[task.agent_key]
            where = task.where
        else:
            try:
                found = workspace.read_task_file(task) or TaskFile()
            except PlanError as error:
                problems += error.problems
                continue
            policies[task.id] = resolve(common, row, found.settings, flags)
            line = found.lines.get("agent")
            where = f"{workspace.shown_task_file(task)}:{line}" if line else task.where
        if policies[task.id].agent not in agent_keys:
            asks = f"task {task.id} asks for the agent {policies[task.id].agent!r}"
            problems.append(_unknown_agent(asks, where, agent_keys))
    if problems:
        raise PlanError(problems)
    return policies


def _unknown_default(
    plan: Plan, flag: Mapping[str, Any], key: str, known: Sequence[str]
) -> OrchestratorError:
    if flag:
        return UsageError(
            f"--agent: there is no agent {key!r}", hint=f"known are {', '.join(known)}"
        )
    where = f"{plan.file}:{plan.lines.get('agent', 1)}"
    return PlanError([_unknown_agent(f"the plan asks for the agent {key!r}", where, known)])


def _unknown_agent(asks: str, where: str, known: Sequence[str]) -> Problem:
    return Problem(
        f"{asks}, which is not known",
        where,
        f"known are {', '.join(known)}; a label such as Agent-01 or an empty cell means the default agent",
        "unknown_agent",
    )


def _names_in(directory: str) -> set[str]:
    try:
        return set(os.listdir(directory))
    except FileNotFoundError:
        return set()


def _only(only: Sequence[str], to_run: Sequence[str], board: Board) -> list[str]:
    chosen = set(only)
    for task_id in only:
        if task_id not in board.plan.tasks:
            raise UsageError(f"--only names {task_id}, which is not in the plan")
        for need in board.plan.tasks[task_id].needs:
            if need not in chosen and board.status(need) is not TaskStatus.COMPLETED:
                raise UsageError(
                    f"--only {task_id} needs {need}, which is not completed",
                    hint=f"add {need} to --only or run it first",
                )
    return [task_id for task_id in to_run if task_id in chosen]
