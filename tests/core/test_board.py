"""Where a task stands follows from the results and the graph, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.cost import total_cost
from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus

S = TaskStatus


def result(task: str, status: S = S.COMPLETED, number: int = 1, reason: str = "", **inputs: int) -> Result:
    attempt = Attempt(number=number, charge=number, status=status.value, reason=reason)
    return Result(task=task, agent="claude", status=status, attempts=(attempt,), inputs=inputs)


def board(needs: Mapping[str, str], *results: Result, doubts: dict[str, str] | None = None) -> PlanSnapshot:
    tasks = {id: Task(id=id, name=id, description="", needs=tuple(listed.split())) for id, listed in needs.items()}
    by_id = {each.task: each for each in results}
    return PlanSnapshot(Plan(tasks=tasks), shape(tasks), by_id, doubts=doubts or {})


def told(of: PlanSnapshot, task: str) -> tuple[S, str]:
    return of.standing[task].status, of.standing[task].reason


CHAIN = {"a": "", "b": "a", "c": "b"}


def test_before_the_first_run_tasks_are_pending_or_waiting() -> None:
    """Pending is what could start; waiting says for what."""
    found = board({"a": "", "b": "", "c": "a b"})
    assert (S.PENDING, "") == told(found, "a")
    assert (S.WAITING, "needs a, b") == told(found, "c")


def test_a_completed_task_makes_its_dependants_pending() -> None:
    """And only the direct ones."""
    found = board(CHAIN, result("a"))
    assert [S.COMPLETED, S.PENDING, S.WAITING] == [found.status(task) for task in "abc"]


@pytest.mark.parametrize("status", [S.RUNNING, S.RETRYING, S.BLOCKED])
def test_what_is_under_way_is_waited_for(status: S) -> None:
    """Its own status stands in its result, and its dependants wait for it."""
    found = board(CHAIN, result("a", status, reason="so it is"))
    assert (status, "so it is") == told(found, "a")
    assert (S.WAITING, "needs a") == told(found, "b")


@pytest.mark.parametrize("status", [S.FAILED, S.CANCELLED])
def test_dependants_of_what_will_not_come_are_skipped(status: S) -> None:
    """Each says which of its own dependencies it is about."""
    found = board(CHAIN, result("a", status))
    assert (S.SKIPPED, f"a {status.value}") == told(found, "b")
    assert (S.SKIPPED, "b skipped") == told(found, "c")


def test_one_failed_need_outweighs_an_open_one() -> None:
    """A task that will not run does not claim to be waiting."""
    found = board({"a": "", "b": "", "c": "a b"}, result("b", S.FAILED))
    assert (S.SKIPPED, "b failed") == told(found, "c")


def test_an_interrupted_attempt_leaves_the_task_pending() -> None:
    """With the reason, so that people see why it is not done."""
    found = board(CHAIN, result("a", S.PENDING, reason="the run was stopped"))
    assert (S.PENDING, "the run was stopped") == told(found, "a")


def test_nobody_knows_how_long_an_attempt_took_whose_runner_died() -> None:
    """No time at all would be a lie."""
    lost = Attempt(number=1, charge=1, started=1.0)
    dead = result("a", S.PENDING)._replace(attempts=(lost,))
    assert None is board(CHAIN, dead).lasted("a", 5.0)
    assert 4.0 == board(CHAIN, dead._replace(status=S.RUNNING)).lasted("a", 5.0)


def test_an_interrupted_attempt_of_a_task_whose_needs_are_gone_waits() -> None:
    """What it needs comes first again."""
    found = board(CHAIN, result("b", S.PENDING))
    assert (S.WAITING, "needs a") == told(found, "b")


def test_a_result_counts_only_for_the_inputs_it_was_made_from() -> None:
    """When a dependency ran again, its dependant is to be done again, and those after it wait."""
    results = result("a", number=2), result("b", a=1), result("c", b=1)
    found = board(CHAIN, *results)
    assert (S.PENDING, "a ran again") == told(found, "b")
    assert (S.WAITING, "needs b") == told(found, "c")


def test_a_result_made_from_the_newest_inputs_is_kept() -> None:
    """Nothing is done twice for nothing."""
    found = board(CHAIN, result("a", number=2), result("b", a=2), result("c", b=1))
    assert {S.COMPLETED} == {found.status(task) for task in "abc"}


def test_a_result_whose_dependency_lost_its_result_waits() -> None:
    """Deleting a result means: do it again, and what was made from it too."""
    found = board(CHAIN, result("b", a=1))
    assert [S.PENDING, S.WAITING, S.WAITING] == [found.status(task) for task in "abc"]


def test_inputs_that_are_no_longer_needed_do_not_count() -> None:
    """A dependency that was removed from the row makes nothing stale."""
    found = board({"a": "", "b": ""}, result("a", number=2), result("b", a=1))
    assert S.COMPLETED is found.status("b")


def test_a_doubt_is_the_reason_where_there_is_no_other() -> None:
    """What was found and not counted is told beside the status."""
    doubts = {"a": "its result file is damaged", "b": "never seen"}
    found = board(CHAIN, doubts=doubts)
    assert (S.PENDING, "its result file is damaged") == told(found, "a")
    assert (S.WAITING, "needs a") == told(found, "b")


def test_what_lies_there_and_does_not_count_is_told_of_what_waits_too() -> None:
    """An attempt that was interrupted is no result that does not count."""
    doubts = {"a": "attempt 1 was interrupted", "b": "its result is damaged"}
    found = board(CHAIN, result("a", S.PENDING), doubts=doubts)
    assert {"b": "its result is damaged"} == found.not_counted()
    assert "attempt 1 was interrupted" == found.why("a")
    assert "needs a · its result is damaged" == found.why("b")


def test_results_of_strangers_are_ignored() -> None:
    """A result of a task that is not in the plan changes nothing."""
    found = board(CHAIN, result("stranger", S.FAILED))
    assert CHAIN.keys() == found.standing.keys()


def test_counts_and_current_batch() -> None:
    """The batch shown is the first that has something left to do."""
    found = board({**CHAIN, "d": ""}, result("a"), result("d", S.FAILED))
    assert {S.COMPLETED: 1, S.FAILED: 1, S.PENDING: 1, S.WAITING: 1} == found.counts()
    assert 2 == found.current_batch()
    done = board(CHAIN, result("a"), result("b", a=1), result("c", b=1))
    assert 0 == done.current_batch()


@st.composite
def boards(draw: st.DrawFn) -> PlanSnapshot:
    needs: dict[str, str] = {}
    for n in range(draw(st.integers(1, 10))):
        chosen = draw(st.sets(st.integers(0, n - 1), max_size=3)) if n else set()
        needs[f"t{n}"] = " ".join(f"t{need}" for need in chosen)
    started = [S.COMPLETED, S.FAILED, S.PENDING, S.RUNNING, S.CANCELLED, S.BLOCKED]
    results = []
    for task, listed in needs.items():
        if draw(st.booleans()):
            inputs: dict[str, int] = dict.fromkeys(listed.split(), 1)
            status, number = draw(st.sampled_from(started)), draw(st.integers(1, 2))
            results.append(result(task, status, number)._replace(inputs=inputs))
    return board(needs, *results)


@given(boards())
def test_what_is_shown_is_never_a_lie(found: PlanSnapshot) -> None:
    """Whatever lies on disk: completed stands on completed, pending could start, skipped has a culprit."""
    for task in found.plan.tasks.values():
        before = {need: found.status(need) for need in task.needs}
        match found.status(task.id):
            case S.COMPLETED | S.PENDING:
                assert {S.COMPLETED} >= set(before.values())
            case S.WAITING:
                assert {S.COMPLETED} != set(before.values())
            case S.SKIPPED:
                assert {S.FAILED, S.SKIPPED, S.CANCELLED} & set(before.values())
            case status:
                assert status is found.results[task.id].status
    assert len(found.plan.tasks) == found.counts().total()


@pytest.mark.parametrize(("status", "unknown"), [(S.RUNNING, 0), (S.PENDING, 1)])
def test_what_a_dead_run_left_open_has_an_unknown_cost(status: S, unknown: int) -> None:
    """While it runs it will say what it cost; nobody will once its runner is gone, and every sum says so."""
    attempt = Attempt(number=1, charge=1, cost=None, cap=0.5)
    left = Result(task="a", agent="claude", status=status, attempts=(attempt,))
    spent = total_cost(board({"a": ""}, left).paid_for())
    assert (unknown, unknown * 0.5) == (spent.unknown, spent.feared)


def test_how_far_a_task_is_is_told_whoever_does_it() -> None:
    """Who does it only where no run does."""
    ours = result("a", S.RUNNING)._replace(progress=40)
    theirs = result("b", S.RUNNING)._replace(progress=60, attempts=(Attempt(number=1, charge=0, agent="ana"),))
    found = board({"a": "", "b": "", "c": ""}, ours, theirs, result("c", S.RUNNING))
    assert {"a": "40%", "b": "by ana · 60%"} == found.how_far()
