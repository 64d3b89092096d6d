"""How often a task was seen without progress, and what a person is told."""

from __future__ import annotations

from orchestrator.core.board import Board
from orchestrator.core.charter import Charter
from orchestrator.core.graph import shape
from orchestrator.core.heartbeat import AlertKind, Pulse, alerts, beat
from orchestrator.core.plan import Plan, Task
from orchestrator.core.plan_state import PlanState
from orchestrator.core.result import Attempt, Result
from orchestrator.core.state import TaskStatus


def board(eta: float = 0.0, **statuses: TaskStatus) -> Board:
    tasks = {id: Task(id=id, name=id, description="") for id in statuses}
    results = {
        id: Result(
            task=id,
            agent="eva",
            status=status,
            attempts=(Attempt(1, 1, status=status.value, reason="Mismatch", agent="eva"),),
            note="by orchestrator: silent" if id == "silent" else "",
        )
        for id, status in statuses.items()
    }
    return Board(Plan(tasks=tasks, charter=Charter(eta=eta)), shape(tasks), results)


def test_a_look_that_finds_a_task_as_it_was_is_counted() -> None:
    first = beat({}, {"a": "1", "b": "1"})
    assert {"a": Pulse("1", 1), "b": Pulse("1", 1)} == first
    assert {"a": Pulse("2", 1), "b": Pulse("1", 2)} == beat(first, {"a": "2", "b": "1"})
    assert {} == beat(first, {})


def test_what_a_person_is_told_the_worst_first() -> None:
    looked = board(
        eta=1000.0,
        a=TaskStatus.RUNNING,
        b=TaskStatus.FAILED,
        c=TaskStatus.BLOCKED,
        silent=TaskStatus.BLOCKED,
    )
    pulses = {"a": Pulse("1", 3), "silent": Pulse("1", 6)}
    found = list(alerts("TASK-001", looked, PlanState.TESTING, pulses, 1060.0))
    assert [
        "failed TASK-001/b: Mismatch",
        "stuck TASK-001/a: no progress in 3 heartbeats",
        "blocked TASK-001/silent: by orchestrator: silent",
        "overdue TASK-001: TESTING, 1m00s past its ETA",
    ] == list(map(str, found))
    assert list(AlertKind) == sorted({each.kind for each in found}, key=list(AlertKind).index)


def test_nobody_is_told_that_all_is_well() -> None:
    looked = board(eta=1000.0, a=TaskStatus.RUNNING, b=TaskStatus.COMPLETED, c=TaskStatus.BLOCKED)
    assert [] == list(alerts("p", looked, PlanState.TESTING, {"a": Pulse("1", 2)}, 999.0))
