"""The scheduler, one promise at a time; ``test_engine_machine.py`` plays it at random."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.result import StopReason, Verdict
from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.messages import (
    Begun,
    Ended,
    Finish,
    Instruction,
    Launch,
    Record,
    Recorded,
    Skip,
    Stop,
    StopRequested,
    Ticked,
)
from orchestrator.scheduler.node import Node
from orchestrator.scheduler.timers import CEILING
from tests.scheduler.engine_play import completes, engine, fails, launched, skipped, tell

# ── what starts when ──────────────────────────────────────────────────────────────────────────────────────────────


def test_what_needs_nothing_starts_at_once_and_together() -> None:
    """Everything that is ready is launched in the very first answer."""
    run = engine(Node("a"), Node("b"), Node("c", ("a",)))
    assert [Launch("a", 1, 1), Launch("b", 1, 1)] == tell(run, Begun())


def test_a_task_does_not_wait_for_the_rest_of_its_batch() -> None:
    """A dependant starts as soon as its own needs are done, while others of the batch before still run."""
    run = engine(Node("quick"), Node("slow"), Node("after", ("quick",)))
    tell(run, Begun())
    assert ["after"] == launched(completes(run, "quick"))
    assert ("slow", "after") == run.running


def test_a_task_waits_for_all_it_needs() -> None:
    """One finished dependency of two is not enough."""
    run = engine(Node("a"), Node("b"), Node("c", ("a", "b")))
    tell(run, Begun())
    assert [] == launched(completes(run, "a"))
    assert ["c"] == launched(completes(run, "b"))


def test_a_task_waits_until_the_result_it_needs_is_on_disk() -> None:
    """That a dependency ended is not enough: its result could still be lost."""
    run = engine(Node("a"), Node("b", ("a",)))
    tell(run, Begun())
    assert [Record("a", TaskStatus.COMPLETED)] == tell(run, Ended("a", 1, Verdict.COMPLETED))
    assert [Launch("b", 1, 1)] == tell(run, Recorded("a"))


def test_never_more_run_than_allowed() -> None:
    """With two slots, the third task starts when one of the first two has ended."""
    run = engine(Node("a"), Node("b"), Node("c"), slots=2)
    assert ["a", "b"] == launched(tell(run, Begun()))
    assert ["c"] == launched(completes(run, "b"))


def test_a_slot_is_free_before_the_result_is_on_disk() -> None:
    """Writing results never holds up independent work."""
    run = engine(Node("a"), Node("b"), slots=1)
    tell(run, Begun())
    assert [Record("a", TaskStatus.COMPLETED), Launch("b", 1, 1)] == tell(run, Ended("a", 1, Verdict.COMPLETED))


def test_priority_comes_first_then_the_longest_path_then_the_plan() -> None:
    """The three keys of the order of dispatch, in this order."""
    run = engine(
        Node("listed first", priority=10, rank=1.0),
        Node("listed second", priority=10, rank=1.0),
        Node("long path", priority=10, rank=9.0),
        Node("urgent", priority=1000, rank=0.0),
        Node("unimportant", priority=1, rank=99.0),
        slots=1,
    )
    order = launched(tell(run, Begun()))
    while run.running:
        order += launched(completes(run, run.running[0]))
    assert ["urgent", "long path", "listed first", "listed second", "unimportant"] == order


# ── how a run ends ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_run_is_finished_at_once() -> None:
    """No task, no waiting."""
    assert [Finish()] == tell(engine(), Begun())


def test_a_run_is_finished_once_the_last_result_is_on_disk() -> None:
    """``Finish`` comes after the last ``Recorded``, and only once."""
    run = engine(Node("a"))
    tell(run, Begun())
    assert [Record("a", TaskStatus.COMPLETED)] == tell(run, Ended("a", 1, Verdict.COMPLETED))
    assert [Finish()] == tell(run, Recorded("a"))
    assert [] == tell(run, Recorded("a"))
    assert [] == tell(run, StopRequested())


def test_completed_tasks_are_not_run_again() -> None:
    """What is done at the start is kept, and its dependants start at once."""
    run = engine(Node("a", status=TaskStatus.COMPLETED), Node("b", ("a",)))
    assert [Launch("b", 1, 1)] == tell(run, Begun())


def test_a_finished_plan_runs_nothing() -> None:
    """A run over a plan of which everything is done ends where it began."""
    done = TaskStatus.COMPLETED
    run = engine(Node("a", status=done), Node("b", ("a",), status=done))
    assert [Finish()] == tell(run, Begun())


def test_a_cancelled_task_skips_what_needs_it() -> None:
    """Nobody waits for a task that a person called off; the rest goes on."""
    run = engine(Node("off", status=TaskStatus.CANCELLED), Node("b", ("off",)), Node("c", ("b",)), Node("d"))
    begun = tell(run, Begun())
    assert {"b": "off cancelled", "c": "b skipped"} == skipped(begun)
    assert ["d"] == launched(begun)


def test_what_needs_a_blocked_task_stays_waiting() -> None:
    """A blocked task may yet be unblocked: its dependants are not given up, and the run ends without them."""
    run = engine(Node("held", status=TaskStatus.BLOCKED), Node("b", ("held",)))
    assert [Finish()] == tell(run, Begun())
    assert TaskStatus.WAITING is run.entries["b"].status


def test_attempts_are_numbered_on_from_earlier_runs() -> None:
    """No attempt ever overwrites the log of another one; charged attempts of a cut-short run still count."""
    run = engine(Node("a", attempt=4, charge=1, max_attempts=2))
    assert [Launch("a", 5, 2)] == tell(run, Begun())
    assert [Record("a", TaskStatus.FAILED), Finish()] == fails(run, "a")


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_timeout_stops_the_attempt_and_waits_for_its_end() -> None:
    """Until the attempt is really over it keeps its slot; then the failure is judged as any other."""
    run = engine(Node("a", timeout=30.0), Node("b"), slots=1)
    tell(run, Begun(), now=100.0)
    assert 130.0 == run.wake_at
    assert [] == tell(run, Ticked(), now=129.0)
    assert [Stop("a", 1, StopReason.TIMEOUT)] == tell(run, Ticked(), now=130.0)
    assert ("a",) == run.running
    assert [] == tell(run, Ticked(), now=500.0)
    ended = tell(run, Ended("a", 1, Verdict.FAILED, "timed out"), now=131.0)
    assert [Record("a", TaskStatus.FAILED), Launch("b", 1, 1)] == ended


def test_a_timer_of_an_attempt_that_ended_is_forgotten() -> None:
    """The next attempt has a deadline of its own."""
    run = engine(Node("a", timeout=10.0, max_attempts=2))
    tell(run, Begun(), now=0.0)
    fails(run, "a", now=9.0)
    assert [Launch("a", 2, 2)] == tell(run, Ticked(), now=9.0)
    assert [] == tell(run, Ticked(), now=10.0)
    assert 19.0 == run.wake_at


def test_without_timers_nobody_is_woken() -> None:
    """A task without a timeout asks for no tick."""
    run = engine(Node("a"))
    tell(run, Begun())
    assert None is run.wake_at


def test_a_success_that_beats_its_timeout_counts() -> None:
    """An attempt that ended well while it was being stopped has ended well."""
    run = engine(Node("a", timeout=1.0))
    tell(run, Begun())
    tell(run, Ticked(), now=1.0)
    assert [Record("a", TaskStatus.COMPLETED), Finish()] == completes(run, "a", now=1.5)


# ── trying again ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_attempt_is_repeated_until_the_budget_is_used_up() -> None:
    """Three attempts are allowed: they are numbered 1, 2, 3, each is charged, and the third failure is final."""
    run = engine(Node("a", max_attempts=3, retry_delay=2.0))
    seen: list[Instruction] = tell(run, Begun())
    seen += fails(run, "a", now=10.0)
    assert 11.0 == run.wake_at
    seen += tell(run, Ticked(), now=11.0)
    seen += fails(run, "a", now=20.0)
    assert 22.0 == run.wake_at
    seen += tell(run, Ticked(), now=22.0)
    seen += fails(run, "a", now=30.0)
    assert [
        Launch("a", 1, 1),
        Record("a", TaskStatus.RETRYING, 1.0),
        Launch("a", 2, 2),
        Record("a", TaskStatus.RETRYING, 2.0),
        Launch("a", 3, 3),
        Record("a", TaskStatus.FAILED),
        Finish(),
    ] == seen


@given(base=st.floats(0, 1e6), failures=st.integers(1, 12), draw=st.floats(0, 1, exclude_max=True))
def test_the_wait_before_a_retry_is_bounded(base: float, failures: int, draw: float) -> None:
    """Never longer than the doubled base and never longer than the ceiling, whatever the dice say."""
    run = engine(Node("a", max_attempts=failures + 1, retry_delay=base))
    now, seen = 0.0, tell(run, Begun())
    for number in range(1, failures + 1):
        seen = fails(run, "a", now, draw)
        (record,) = (each for each in seen if isinstance(each, Record))
        assert 0.0 <= record.retry_in <= min(CEILING, base * 2 ** (number - 1))
        now += record.retry_in
        seen = tell(run, Ticked(), now)
        assert [Launch("a", number + 1, number + 1)] == seen


def test_a_retry_waits_until_the_last_result_is_on_disk() -> None:
    """However slow the disk: two results of one task are never under way at once."""
    run = engine(Node("a", max_attempts=2))
    tell(run, Begun())
    tell(run, Ended("a", 1, Verdict.FAILED), now=1.0)
    assert None is run.wake_at
    assert [] == tell(run, Ticked(), now=1000.0)
    tell(run, Recorded("a"), now=1000.0)
    assert [Launch("a", 2, 2)] == tell(run, Ticked(), now=1000.0)


def test_waiting_for_a_retry_holds_no_slot() -> None:
    """While one task waits out its backoff, another one runs."""
    run = engine(Node("a", max_attempts=2, retry_delay=100.0, priority=1), Node("b"), slots=1)
    assert ["a"] == launched(tell(run, Begun()))
    assert ["b"] == launched(tell(run, Ended("a", 1, Verdict.FAILED)))


def test_an_interrupted_attempt_is_not_charged() -> None:
    """What we ended ourselves costs the task nothing: it starts again under a new number, with the budget as before."""
    run = engine(Node("a", max_attempts=1))
    tell(run, Begun())
    ended = tell(run, Ended("a", 1, Verdict.INTERRUPTED))
    assert [Record("a", TaskStatus.PENDING)] == ended
    assert [Launch("a", 2, 1)] == tell(run, Recorded("a"))


def test_a_fatal_failure_is_not_repeated() -> None:
    """What would fail the same way again is not paid for again."""
    run = engine(Node("a", max_attempts=5))
    tell(run, Begun())
    assert [Record("a", TaskStatus.FAILED)] == tell(run, Ended("a", 1, Verdict.FATAL))
    assert [Finish()] == tell(run, Recorded("a"))


def test_a_late_word_about_an_old_attempt_is_ignored() -> None:
    """The second attempt is not ended by news of the first."""
    run = engine(Node("a", max_attempts=2))
    tell(run, Begun())
    fails(run, "a")
    tell(run, Ticked())
    assert [] == tell(run, Ended("a", 1, Verdict.COMPLETED))
    assert ("a",) == run.running


# ── failure ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failed_task_skips_only_what_depends_on_it() -> None:
    """Dependants are skipped with the reason, their dependants too, each once; independent tasks go on."""
    run = engine(
        Node("bad"),
        Node("good"),
        Node("b1", ("bad",)),
        Node("b2", ("bad", "good")),
        Node("b3", ("b1", "b2")),
        Node("g1", ("good",)),
    )
    tell(run, Begun())
    skips = skipped(fails(run, "bad"))
    assert {"b1", "b2", "b3"} == skips.keys()
    assert {"bad failed"} == {skips["b1"], skips["b2"]}
    assert skips["b3"] in {"b1 skipped", "b2 skipped"}
    assert ["g1"] == launched(completes(run, "good"))
    assert [Record("g1", TaskStatus.COMPLETED), Finish()] == completes(run, "g1")


def test_nothing_is_skipped_before_the_failure_is_on_disk() -> None:
    """What is said about a task can be looked up."""
    run = engine(Node("a"), Node("b", ("a",)))
    tell(run, Begun())
    assert [Record("a", TaskStatus.FAILED)] == tell(run, Ended("a", 1, Verdict.FAILED))
    assert [Skip("b", "a failed"), Finish()] == tell(run, Recorded("a"))


def test_on_failure_stop_starts_nothing_new() -> None:
    """What runs may end in peace; what waits, also for a retry, is left for the next run."""
    run = engine(
        Node("bad"), Node("again", max_attempts=2), Node("busy"), Node("queued"), slots=3, stop_on_failure=True
    )
    tell(run, Begun())
    assert [Record("bad", TaskStatus.FAILED)] == fails(run, "bad")
    assert [Record("again", TaskStatus.RETRYING)] == fails(run, "again")
    assert [Record("busy", TaskStatus.COMPLETED), Finish()] == completes(run, "busy")
    assert TaskStatus.PENDING is run.entries["queued"].status


def test_a_retry_is_no_failure_for_on_failure_stop() -> None:
    """Only a task that failed for good stops the others."""
    run = engine(Node("a", max_attempts=2), Node("b"), slots=1, stop_on_failure=True)
    tell(run, Begun())
    assert ["b"] == launched(fails(run, "a"))


def test_a_stop_ends_what_runs_and_starts_nothing() -> None:
    """Every running attempt is stopped once, and the run is finished when all of them are over and recorded."""
    run = engine(Node("a"), Node("b"), Node("c"), Node("d", ("a",)), slots=2)
    tell(run, Begun())
    shutdown = StopReason.SHUTDOWN
    assert [Stop("a", 1, shutdown), Stop("b", 1, shutdown)] == tell(run, StopRequested())
    assert [] == tell(run, StopRequested())
    tell(run, Ended("a", 1, Verdict.INTERRUPTED))
    tell(run, Recorded("a"))
    tell(run, Ended("b", 1, Verdict.COMPLETED))
    assert [Finish()] == tell(run, Recorded("b"))
    assert TaskStatus.PENDING is run.entries["a"].status
    assert TaskStatus.COMPLETED is run.entries["b"].status


def test_a_stop_while_only_retries_wait_finishes_at_once() -> None:
    """Nobody waits for a backoff that leads nowhere."""
    run = engine(Node("a", max_attempts=2, retry_delay=100.0))
    tell(run, Begun())
    fails(run, "a")
    assert [Finish()] == tell(run, StopRequested())


def test_a_stop_after_a_timeout_does_not_stop_twice() -> None:
    """The executor hears one reason for one attempt."""
    run = engine(Node("a", timeout=1.0))
    tell(run, Begun())
    tell(run, Ticked(), now=1.0)
    assert [] == tell(run, StopRequested(), now=1.1)


def test_a_failure_after_a_stop_starts_nothing_either() -> None:
    """What ends while the run ends changes nothing about that."""
    run = engine(Node("a"), Node("b"), Node("c"), slots=2)
    tell(run, Begun())
    tell(run, StopRequested())
    assert [Record("a", TaskStatus.FAILED)] == fails(run, "a")
    assert [Record("b", TaskStatus.FAILED), Finish()] == fails(run, "b")


def test_a_task_that_kept_its_slot_does_not_start_after_a_stop() -> None:
    """The result it waited for is written while the run ends."""
    run = engine(Node("a"), Node("b", ("a",)))
    tell(run, Begun())
    tell(run, Ended("a", 1, Verdict.COMPLETED))
    assert run.is_awaiting_record
    assert [] == tell(run, StopRequested())
    assert [Finish()] == tell(run, Recorded("a"))
    assert TaskStatus.PENDING is run.entries["b"].status
