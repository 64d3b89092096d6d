"""What is concluded from what was seen in a plan directory; that it is seen is in ``tests/reliability``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.core.finding import Level
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus
from orchestrator.doctor.checks import (
    Breach,
    DirectoryEntry,
    Evidence,
    JournalSeen,
    LockSeen,
    RecordSeen,
    Repair,
    ResultSeen,
    Stray,
    Temporary,
    breaches,
)
from orchestrator.errors import Problem

ONE, TWO = Task("T-01", "one", "do one"), Task("T-02", "two", "do two", needs=("T-01",))
PLAN = Plan(tasks={"T-01": ONE, "T-02": TWO})
LIVE, DEAD = LockSeen("b", is_live=True), LockSeen("a", dead=("a",))


def attempt(number: int = 1, status: str = "completed", exit: str = "") -> Attempt:
    return Attempt(number=number, charge=number, run="a", status=status, exit=exit)


def result(
    task: Task, *attempts: Attempt, status: TaskStatus = TaskStatus.COMPLETED, inputs: Mapping[str, int] | None = None
) -> ResultSeen:
    known = Result(task.id, "shell", status, attempts or (attempt(),), inputs or {})
    return ResultSeen(task.stem, f"results/{task.stem}-result.md", known)


def record(task: Task, number: int = 1, **more: Any) -> RecordSeen:
    path = f"logs/{task.stem}.attempt-{number}.json"
    return RecordSeen(task.stem, number, path, task.id, number, "a", **more)


def seen(*results: ResultSeen, records: tuple[RecordSeen, ...] = ()) -> Evidence:
    known = records or (record(ONE), record(TWO))
    return Evidence(
        plan=PLAN,
        results=results,
        records={(each.stem, each.number): each for each in known},
        attempts={each.stem: each.number for each in known},
    )


HEALTHY = seen(result(ONE), result(TWO, inputs={"T-01": 1}))


def found(evidence: Evidence) -> dict[str, Breach]:
    return {each.finding.name: each for each in breaches(evidence)}


def test_what_is_as_it_must_be_is_not_mentioned() -> None:
    """Neither done nor under way, neither empty nor alive."""
    under_way = result(TWO, attempt(1, "running"), status=TaskStatus.RUNNING)
    assert {} == found(HEALTHY)
    assert {} == found(Evidence(plan=PLAN))
    assert {} == found(seen(result(ONE), under_way, records=(record(ONE),))._replace(lock=LIVE))


def test_only_the_newest_attempt_decides_whether_a_result_is_believed() -> None:
    """Of a failed one the record is only missed; an attempt of which there was no process has none."""
    no_process = attempt(1, "failed", exit="no program")
    earlier = attempt(1, "failed", exit="exit 1")
    known = (record(ONE, 2),)
    assert {} == found(seen(result(ONE, no_process, attempt(2)), records=known))
    missed = found(seen(result(ONE, earlier, attempt(2)), records=known))
    assert {"record_missing"} == set(missed)
    assert Level.OK is missed["record_missing"].finding.level
    unbelieved = found(seen(result(ONE), records=(record(TWO),)))["completed_without_record"]
    assert (Level.WARNING, None) == (unbelieved.finding.level, unbelieved.repair)


@pytest.mark.parametrize(
    ("evidence", "repair"),
    [
        (seen(result(ONE, attempt(1, "running"), status=TaskStatus.RUNNING)), Repair.RECOVER),
        (seen(result(ONE, attempt(2, "running"), status=TaskStatus.RUNNING), records=(record(ONE, 1),)), None),
        (seen(result(ONE, attempt(1, "running"), status=TaskStatus.RUNNING))._replace(plan=None), None),
    ],
)
def test_what_nobody_runs_is_harvested_only_with_a_record_and_a_plan(evidence: Evidence, repair: Repair | None) -> None:
    """Else it is named, and left to the next run."""
    assert repair is found(evidence)["stale_running"].repair
    assert "stale_running" not in found(evidence._replace(lock=LIVE))


def test_an_attempt_that_no_result_knows_belongs_to_a_dead_run_or_to_nobody() -> None:
    """A result that a person removed means: do it again."""
    removed = seen(result(ONE))
    assert {} == found(removed)
    assert {"unharvested_attempt", "dead_run"} == set(found(removed._replace(lock=DEAD)))
    assert {} == found(removed._replace(lock=LIVE))


def test_inputs_are_stale_or_impossible() -> None:
    """An attempt that was is worth knowing; one that never was is broken; a need that was taken out is nothing."""
    again = result(ONE, attempt(1), attempt(2))
    records = (record(ONE), record(ONE, 2), record(TWO))
    stale = found(seen(again, result(TWO, inputs={"T-01": 1}), records=records))
    assert {"stale_result"} == set(stale)
    assert not stale["stale_result"].is_broken
    impossible = found(seen(result(ONE), result(TWO, inputs={"T-01": 3})))
    assert {"unknown_input"} == set(impossible)
    assert {} == found(seen(result(ONE), result(TWO, inputs={"T-09": 3})))


@pytest.mark.parametrize(
    ("problem", "repair"), [(None, Repair.SET_ASIDE), (Problem("a merge", "r:3", "decide", "conflict"), None)]
)
def test_half_a_merge_is_left_to_a_person(problem: Problem | None, repair: Repair | None) -> None:
    """Any other damage is moved aside."""
    damaged = ResultSeen("agent-01", "results/agent-01-result.md", None, "cut", problem)
    (breach,) = breaches(seen(damaged))
    assert (repair, "agent-01" if repair else "") == (breach.repair, breach.stem)
    assert breach.is_broken


@pytest.mark.parametrize(
    ("age", "gone", "is_left"),
    [(1, True, True), (1, False, False), (600, False, False), (7200, False, True), (1, None, False), (600, None, True)],
)
def test_what_is_being_written_is_no_leftover(age: float, gone: bool | None, is_left: bool) -> None:
    """A temporary file is left when its writer is gone, or when it is too old to be anybody's."""
    evidence = Evidence(plan=PLAN, temporaries=[Temporary("results/.x.tmp", age, gone)])
    assert is_left == ("left_temporary" in found(evidence))
    assert {} == found(evidence._replace(lock=LIVE))


def test_a_log_is_missed_only_where_there_should_be_one() -> None:
    """Of an attempt that could not be started there is none."""
    lost = seen(result(ONE), records=(record(ONE, log="missing"),))
    assert {"log_missing"} == set(found(lost))
    failed = seen(result(ONE), records=(record(ONE, log="missing", trouble="no disk"),))
    assert {} == found(failed)


def test_nothing_that_people_wrote_is_repaired() -> None:
    """Plan, task files, links and strangers are named only; what a run would refuse is a failure."""
    evidence = Evidence(
        problems=[Problem("a cycle", "master_plan.md:7", "cut it", "cycle")],
        task_problems=[Problem("bad", "agent_tasks/agent-01.md:1", "mend it", "bad_setting")],
        task_files=["agent-09"],
        nodes=[DirectoryEntry("results/agent-01-result.md", "link"), DirectoryEntry("run.lock", "link")],
        strangers=["results/mine.txt"],
        journal=JournalSeen(lines=9, foreign=(4,), others=1),
    )
    told = breaches(evidence)
    assert [None] * len(told) == [each.repair for each in told]
    levels = [(each.finding.name, each.finding.level) for each in told]
    assert ("plan_cycle", Level.FAILED) in levels
    assert ("link", Level.WARNING) in levels
    assert ("link", Level.FAILED) in levels
    assert ("odd_name", Level.OK) in levels


def test_everything_says_what_where_and_what_to_do() -> None:
    """Whatever it is; only what is merely known may need nothing done."""
    broken = Evidence(
        plan=PLAN,
        task_files=["T-01", "agent-01"],
        nodes=[DirectoryEntry("logs", "directory", is_open=True), DirectoryEntry("results/x-result.md", "other")],
        cache="it is damaged",
        journal=JournalSeen(is_torn=True, lines=3),
        strays=[Stray(7, "a", "T-01")],
        lock=DEAD,
    )
    told = breaches(broken)
    assert 7 == len(told)
    for each in told:
        assert each.where
        assert each.finding.found
        assert each.finding.hint
