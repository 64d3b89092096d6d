"""The one rule about dependencies, and what reads it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.readiness import Omitted, Ready, Skipped, Waiting, kept_back, open_needs, readiness
from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import BLOCKS_DEPENDENTS, TaskStatus

S = TaskStatus
#: What a result file may say of a task that no run is at.
STORED = (S.COMPLETED, S.FAILED, S.CANCELLED, S.BLOCKED, S.PENDING)


@st.composite
def boards(draw: st.DrawFn) -> PlanSnapshot:
    """A plan whose rows depend on earlier rows, some with a result."""
    names = [f"T-{number}" for number in range(draw(st.integers(1, 8)))]
    tasks, results = {}, {}
    for at, name in enumerate(names):
        needs = draw(st.lists(st.sampled_from(names[:at]), unique=True)) if at else []
        tasks[name] = Task(id=name, name=name, description="", needs=tuple(needs))
        if (status := draw(st.none() | st.sampled_from(STORED))) is not None:
            attempts = (Attempt(number=1, charge=1),)
            results[name] = Result(
                task=name, agent="shell", status=status, attempts=attempts, inputs=dict.fromkeys(needs, 1)
            )
    return PlanSnapshot(Plan(tasks=tasks), shape(tasks), results)


@given(boards())
def test_a_snapshot_says_what_the_rule_says(board: PlanSnapshot) -> None:
    """Of each task that its result leaves to the dependencies."""
    for task in board.plan.tasks.values():
        result, status = board.results.get(task.id), board.status(task.id)
        if result is not None and result.status not in {S.COMPLETED, S.PENDING}:
            assert result.status is status
            continue
        match readiness(task.needs, board.status):
            case Skipped() as found:
                assert (S.SKIPPED, found.why) == (status, board.standing[task.id].reason)
            case Waiting() as found:
                assert (S.WAITING, found.why) == (status, board.standing[task.id].reason)
            case Omitted():
                raise AssertionError("nothing has a condition")
            case Ready():
                assert status in {S.PENDING, S.COMPLETED}


@given(boards())
def test_what_keeps_a_task_is_something_that_it_needs(board: PlanSnapshot) -> None:
    """Ready: nothing is open. Skipped: the first that will not be completed. Waiting: all that are open."""
    for task in board.plan.tasks.values():
        left = open_needs(task.needs, board.status)
        lost = [need for need, status in left if status in BLOCKS_DEPENDENTS]
        match readiness(task.needs, board.status):
            case Skipped(need):
                assert need == lost[0]
            case Waiting(needs):
                assert not lost
                assert list(needs) == [need for need, _ in left]
            case Omitted():
                raise AssertionError("nothing has a condition")
            case Ready():
                assert not left


@given(boards(), st.data())
def test_a_run_does_all_that_it_is_asked_for_but_what_is_kept_back(board: PlanSnapshot, data: st.DataObject) -> None:
    """A task is kept back exactly where something before it is neither completed nor done by this run."""
    left = [each for each in board.plan.tasks if board.status(each) is not S.COMPLETED]
    to_run = data.draw(st.lists(st.sampled_from(left), unique=True)) if left else []
    causes = kept_back(board, to_run)
    done = {each for each in board.plan.tasks if board.status(each) is S.COMPLETED}
    for task_id in board.shape.order:
        if task_id in to_run and done.issuperset(board.plan.tasks[task_id].needs):
            done.add(task_id)
    assert done.intersection(to_run) == set(to_run) - causes.keys()
    assert all(cause.partition(" ")[0] not in to_run for cause in causes.values())
