"""What is said of a plan that was changed while it ran."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.plan import Plan, Task
from orchestrator.runner.plan_watcher import difference

ROWS = ("T-01", "T-02")


def plan(*ids: str, **settings: Any) -> Plan:
    tasks = {id: Task(id=id, name=f"do {id}", description="") for id in ids}
    return Plan(tasks=tasks, settings=settings)


@pytest.mark.parametrize(
    ("said", "after"),
    [
        ("new T-03; gone T-02", plan("T-01", "T-03", budget_usd=1)),
        ("budget_usd, from the next run on", plan(*ROWS, budget_usd=2)),
        ("budget_usd, max_parallel, from the next run on", plan(*ROWS, max_parallel=9)),
        ("settings timeout", plan(*ROWS, budget_usd=1, timeout=9.0)),
        ("settings env; budget_usd, from the next run on", plan(*ROWS, env={"A": None})),
        ("the order of its rows", plan("T-02", "T-01", budget_usd=1)),
    ],
)
def test_a_change_says_what_it_is_and_what_of_it_counts_later(said: str, after: Plan) -> None:
    """Settings of a run are those that it began with; somebody who raises its budget must not wait for it."""
    assert f"the plan was changed: {said}" == difference(plan(*ROWS, budget_usd=1), after)
