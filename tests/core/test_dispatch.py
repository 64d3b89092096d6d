"""What can be handed out, and what waits."""

from __future__ import annotations

import pytest

from orchestrator.core.agent import AgentRegistry, Member
from orchestrator.core.dispatch import ready, refusal, within_capacity
from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.plan_status import TERMINAL, PlanState
from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus


def task(id: str, *needs: str, priority: int = 10) -> Task:
    return Task(id=id, name=id, description="", needs=needs, priority=priority)


def board(*tasks: Task, **statuses: TaskStatus) -> PlanSnapshot:
    results = {
        id: Result(id, "shell", status, (Attempt(1, 1, run="r", status=status.value),))
        for id, status in statuses.items()
    }
    by_id = {each.id: each for each in tasks}
    return PlanSnapshot(Plan(tasks=by_id), shape(by_id), results)


def test_what_is_ready_and_why_the_rest_is_not() -> None:
    looked = board(
        task("a"),
        task("b", "a"),
        task("c"),
        task("d", priority=100),
        task("e"),
        task("f"),
        c=TaskStatus.RUNNING,
        e=TaskStatus.FAILED,
        f=TaskStatus.BLOCKED,
    )
    tasks, skipped = ready(looked)
    assert ["d", "a"] == [each.id for each in tasks]
    assert [("b", "Dependency not DONE: a"), ("f", "already BLOCKED")] == skipped
    for only, reason in (("c", "already IN_PROGRESS"), ("e", "already FAILED")):
        assert ([], [(only, reason)]) == ready(looked, only)


def test_an_agent_takes_no_more_than_it_has_room_for() -> None:
    """What is under way counts, also what was handed out a moment ago."""
    registry = AgentRegistry.of([Member("eva", max_parallel=2), Member("mia", max_parallel=1)])
    tasks = [task("a"), task("b"), task("c"), task("d")]
    agents = {"a": "eva", "b": "eva", "c": "shell", "d": "mia"}
    taken, skipped = within_capacity(tasks, agents, registry, {"eva": 1, "mia": 1})
    assert ["a", "c"] == [each.id for each in taken]
    assert [
        ("b", "Agent at capacity: eva has 2 of 2 tasks under way"),
        ("d", "Agent at capacity: mia has 1 of 1 tasks under way"),
    ] == skipped


@pytest.mark.parametrize("state", [None, *sorted(set(PlanState) - TERMINAL)])
def test_only_what_somebody_wants_done_is_handed_out(state: PlanState | None) -> None:
    command = {None, "approved", "in_progress", "testing", "review"}
    assert (state in command) == (refusal(state) == "")
