"""What was only simulated is shown as it went; for everything that is decided it is as if nothing had been done."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from orchestrator.core.board import SIMULATED, Board
from orchestrator.core.result import Result, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.state import UNDER_WAY, TaskStatus
from orchestrator.errors import PlanError
from orchestrator.store.assignments import Assignments
from orchestrator.store.layout import Layout

#: What somebody said of it, and what goes on right now, is no simulation.
_MEANT = UNDER_WAY | {TaskStatus.BLOCKED, TaskStatus.CANCELLED}


def without_simulated(board: Board, policies: Mapping[str, Settings]) -> Board:
    """Return the board without what was only simulated, unless the task asks for just that."""
    return _without(board, {id: policies[id].agent for id in _simulated(board)})


def really_done(layout: Layout, board: Board) -> Board:
    """Return the board that says what is to be done, for whoever does not know the settings of each task.

    A plan of which nothing was simulated costs a look at its results, and no file is read.

    Raises:
        StoreError: a task file cannot be read.
    """
    played = [task_id for task_id in _simulated(board) if board.is_simulated(task_id)]
    assignments = Assignments(layout, "")
    default = str(board.plan.settings.get("agent", Settings().agent))
    agents = {}
    for task_id in played:
        task, found = board.plan.tasks[task_id], None
        with suppress(PlanError):  # what makes no sense asks for nothing
            found = assignments.read(task)
        own = str(found.settings.get("agent", "")) if found is not None else ""
        agents[task_id] = own or task.agent_key or default
    return _without(board, agents)


def _simulated(board: Board) -> list[str]:
    return [
        task_id
        for task_id, result in board.results.items()
        if result.agent == SIMULATED and result.status not in _MEANT
    ]


def _without(board: Board, agents: Mapping[str, str]) -> Board:
    """Return the board without these results, each with the agent that is to do the task, unless that only plays."""
    played = {task_id: agent for task_id, agent in agents.items() if agent != SIMULATED}
    if not played:
        return board
    kept = dict(board.results)
    for task_id, agent in played.items():
        before = _before_simulation(kept.pop(task_id), agent)
        if before is not None:
            kept[task_id] = before
    return Board(board.plan, board.shape, kept, doubts=board.doubts, beside=board.beside)


def _before_simulation(result: Result, agent: str) -> Result | None:
    """Return what had been paid for before a task was simulated; None when that is nothing."""
    real = tuple(attempt for attempt in result.attempts if attempt.session)
    if not real:
        return None
    has_failed = real[-1].status == Verdict.FAILED.value
    status = TaskStatus.FAILED if has_failed else TaskStatus.PENDING
    return result._replace(agent=agent, status=status, attempts=real)
