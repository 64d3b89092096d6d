"""How long a plan takes, and what is late."""

from __future__ import annotations

from orchestrator.core.critical_path import Estimate, Path, estimate, given_up, path_estimate
from orchestrator.core.graph import critical_path, shape
from orchestrator.core.heartbeat import AlertKind, alerts
from orchestrator.core.plan import Plan, Task, with_umbrellas
from orchestrator.core.plan_status import PlanState
from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import SIMULATED, PlanSnapshot
from orchestrator.core.status import TaskStatus

HOUR = 3600.0


def board(*tasks: Task, **statuses: TaskStatus) -> PlanSnapshot:
    """A plan of which some tasks have a result."""
    rows = with_umbrellas({task.id: task for task in tasks})
    attempt = Attempt(number=1, charge=1)
    results = {
        id: Result(task=id, agent="x", status=status, attempts=(attempt,), inputs={}) for id, status in statuses.items()
    }
    return PlanSnapshot(Plan(rows), shape(rows), results)


def test_hours_add_up_and_what_is_over_is_not_left() -> None:
    """What nobody estimated counts as the average; an umbrella counts nothing."""
    plan = board(
        Task("a", "", "", estimate=2 * HOUR),
        Task("b", "", "", ("a",), estimate=4 * HOUR),
        Task("c", "", "", ("b",), parent="u"),
        Task("d", "", "", estimate=HOUR * 6),
        Task("u", "", "", estimate=100 * HOUR),
        a=TaskStatus.COMPLETED,
        d=TaskStatus.CANCELLED,
    )
    found = estimate(plan)
    assert Estimate(16 * HOUR, 8 * HOUR, 8 * HOUR, known=3, tasks=4) == found
    told = "16h00m in all, 8h00m left, longest chain 8h00m (3 of 4 tasks; the others count as their average)"
    assert told == str(found)


def test_what_was_only_simulated_is_left() -> None:
    """It stands as completed, and nothing of it was done."""
    plan = board(Task("a", "", "", estimate=HOUR), a=TaskStatus.COMPLETED)
    plan.results["a"] = plan.results["a"]._replace(agent=SIMULATED)
    assert Estimate(HOUR, HOUR, HOUR, known=1, tasks=1) == estimate(plan)


def test_a_path_lasts_in_hours_or_else_in_tasks() -> None:
    """An umbrella on it is no task."""
    rows = [Task("a", "", "", estimate=2 * HOUR), Task("b", "", "", ("u",)), Task("u", "", "")]
    rows += [Task("c", "", "", ("a",), estimate=4 * HOUR, parent="u"), Task("d", "", "", ("a",))]
    plan = board(*rows, a=TaskStatus.COMPLETED)
    path = critical_path(plan.plan.tasks)
    assert ["a", "c", "u", "b"] == path
    found = path_estimate(plan, path)
    assert Path(tasks=3, done=1, seconds=9 * HOUR, left=7 * HOUR, is_timed=True) == found
    assert "3 tasks, 9h00m; 1 done, 7h00m left" == str(found)
    bare = board(Task("a", "", ""), Task("b", "", "", ("a",)), a=TaskStatus.COMPLETED)
    assert "2 tasks; 1 done, 1 left" == str(path_estimate(bare, critical_path(bare.plan.tasks)))


def test_what_nobody_will_do_is_neither_done_nor_on_the_path() -> None:
    """What is cancelled, and what is skipped because of it; what waits for a failed task is still to be done."""
    rows = [Task("a", "", "", estimate=HOUR), Task("b", "", "", ("a",), estimate=HOUR)]
    rows += [Task("c", "", "", ("a",), estimate=5 * HOUR), Task("d", "", "", ("c",))]
    rows += [Task("e", "", "", estimate=9 * HOUR), Task("f", "", "", ("e",))]
    cancelled = TaskStatus.CANCELLED
    plan = board(*rows, a=TaskStatus.FAILED, c=cancelled, e=cancelled, f=TaskStatus.COMPLETED)
    assert {"c", "d", "e", "f"} == given_up(plan)
    path = critical_path(plan.plan.tasks, given_up(plan))
    assert ["a", "b"] == path
    assert "2 tasks, 2h00m; 0 done, 2h00m left" == str(path_estimate(plan, path))
    assert Estimate(24 * HOUR, 2 * HOUR, 2 * HOUR, known=4, tasks=6) == estimate(plan)
    nothing = board(Task("a", "", ""), a=cancelled)
    assert [] == critical_path(nothing.plan.tasks, given_up(nothing))


def test_a_plan_that_nobody_estimated_says_nothing() -> None:
    """Tasks are not hours."""
    assert None is estimate(board(Task("a", "", "")))
    done = board(Task("a", "", "", estimate=HOUR), a=TaskStatus.COMPLETED)
    assert "1h00m in all, nothing left" == str(estimate(done))


def test_what_is_past_its_deadline_and_not_over_is_overdue() -> None:
    """It is told with how late it is, and an alert of the heartbeat; what is over is no news."""
    plan = board(
        Task("a", "", "", deadline=100.0),
        Task("b", "", "", deadline=100.0),
        Task("c", "", "", deadline=100.0),
        Task("d", "", "", deadline=5000.0),
        Task("e", "", ""),
        b=TaskStatus.COMPLETED,
        c=TaskStatus.BLOCKED,
    )
    assert ["a", "c"] == plan.overdue(160.0)
    assert [] == plan.overdue(100.0)
    found = list(alerts("P", plan, PlanState.IN_PROGRESS, {}, 100.0 + 3 * 86400.0))
    assert [(AlertKind.OVERDUE, "a"), (AlertKind.OVERDUE, "c"), (AlertKind.OVERDUE, "d")] == [
        (each.kind, each.subtask_id) for each in found
    ]
    assert "overdue P/a: pending, 3d past its deadline" == str(found[0])
