"""How often a task was seen without progress, and what a person is told."""

from __future__ import annotations

import pytest

from orchestrator.core.brief import Brief, Phase
from orchestrator.core.event import News, read_line
from orchestrator.core.graph import shape
from orchestrator.core.heartbeat import AlertKind, Pulse, alerts, beat, run_alerts
from orchestrator.core.plan import Plan, PlanHeader, Task
from orchestrator.core.plan_status import PlanState
from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus


def board(eta: float = 0.0, **statuses: TaskStatus) -> PlanSnapshot:
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
    return PlanSnapshot(Plan(tasks=tasks, header=PlanHeader(eta=eta)), shape(tasks), results)


LEFT = board(a=TaskStatus.PENDING)


def limited(until: float) -> PlanSnapshot:
    """Its account is held, until a moment or until a person does something."""
    looked = board(a=TaskStatus.PENDING)
    held = Attempt(1, 1, "ab12", "held", "limit", ended=1.0, agent="x", until=until)
    looked.results["a"] = Result("a", "x", TaskStatus.PENDING, (held,))
    return looked


def test_a_look_that_finds_a_task_as_it_was_is_counted() -> None:
    first = beat({}, {"a": "1", "b": "1"})
    assert {"a": Pulse("1", 1), "b": Pulse("1", 1)} == first
    assert {"a": Pulse("2", 1), "b": Pulse("1", 2)} == beat(first, {"a": "2", "b": "1"})
    assert {} == beat(first, {})


def test_what_a_person_is_told_the_worst_first() -> None:
    looked = board(
        eta=1000.0, a=TaskStatus.RUNNING, b=TaskStatus.FAILED, c=TaskStatus.BLOCKED, silent=TaskStatus.BLOCKED
    )
    pulses = {"a": Pulse("1", 3), "silent": Pulse("1", 6)}
    found = list(alerts("TASK-001", looked, PlanState.TESTING, pulses, 1060.0))
    assert [
        "failed TASK-001/b: Mismatch",
        "stuck TASK-001/a: no progress in 3 heartbeats",
        "blocked TASK-001/silent: by orchestrator: silent",
        "overdue TASK-001: TESTING, 1m00s past its ETA",
    ] == list(map(str, found))
    of_runs = {AlertKind.DIED, AlertKind.HELD}
    assert set(AlertKind) - of_runs == {each.kind for each in found}


def test_nobody_is_told_that_all_is_well() -> None:
    looked = board(eta=1000.0, a=TaskStatus.RUNNING, b=TaskStatus.COMPLETED, c=TaskStatus.BLOCKED)
    assert [] == list(alerts("p", looked, PlanState.TESTING, {"a": Pulse("1", 2)}, 999.0))


def brief(phase: Phase, results: PlanSnapshot, *about_run: str, begins: float = 0.0) -> Brief:
    lines = [line for each in about_run if (line := read_line(f"now · run · {each}"))]
    return Brief(results, News(), phase, lines, run="ab12", begins=begins)


@pytest.mark.parametrize(
    ("expected", "looked"),
    [
        (["died p: run ab12 died with work left"], brief(Phase.DIED, LEFT, "started")),
        ([], brief(Phase.DIED, LEFT, "started", begins=9.0)),
        ([], brief(Phase.DIED, board(a=TaskStatus.COMPLETED), "started")),
        (
            ["died p: run ab12 died with work left"],
            brief(Phase.DIED, board(a=TaskStatus.COMPLETED), "started")._replace(is_outdated=True),
        ),
        (
            ["died p: run ab12 was ended by SIGTERM with work left"],
            brief(Phase.STOPPED, LEFT, "started", "stopping · SIGTERM: stopping", "ended"),
        ),
        ([], brief(Phase.STOPPED, board(a=TaskStatus.COMPLETED), "stopping · SIGHUP: stopping", "ended")),
        ([], brief(Phase.STOPPED, LEFT, "started", "stopping · SIGINT: stopping", "ended")),
        ([], brief(Phase.STOPPED, LEFT, "told · to stop", "stopping · SIGTERM: stopping", "ended")),
        ([], brief(Phase.ENDED, LEFT, "started", "ended")),
        (["held p: x is held: limit"], brief(Phase.ENDED, limited(9.0), "started", "ended")),
        ([], brief(Phase.HELD, limited(9.0), "started", "held · x")),
        (["held p: x is held: limit"], brief(Phase.HELD, limited(0.0), "started", "held · x")),
        (["held p: $0 is left"], brief(Phase.ENDED, LEFT, "unaffordable · $0 is left", "ended")),
    ],
)
def test_a_person_is_told_that_nobody_goes_on(expected: list[str], looked: Brief) -> None:
    """Not of what goes on by itself, and not of what a person has done."""
    assert expected == list(map(str, run_alerts("p", looked)))
