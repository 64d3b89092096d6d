"""The scheduler and accounts that let nothing through: holds, the canary, strain, pauses between starts."""

from __future__ import annotations

import math

from orchestrator.core.result import Verdict
from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.budget import Account
from orchestrator.scheduler.messages import (
    Begun,
    Ended,
    Finish,
    Hold,
    Launch,
    Record,
    Recorded,
    Resume,
    Slept,
    StopRequested,
    Strain,
    Ticked,
)
from orchestrator.scheduler.node import Node
from tests.scheduler.engine_play import completes, ends, engine, fails, launched, shows, tell, told

HELD = Verdict.HELD


def claude(id: str, *needs: str, **more: float) -> Node:
    return Node(id, needs, account="claude", **more)  # type: ignore[arg-type]


# ── a hold ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_stops_all_further_launches_of_its_account() -> None:
    """One attempt meets a usage limit: nothing more of the account starts, and people are told once."""
    run = engine(claude("a"), claude("b"), claude("c"), slots=2)
    tell(run, Begun())
    assert [Hold("claude", 100.0, ""), Record("a", TaskStatus.PENDING)] == ends(run, "a", HELD, 10.0, until=100.0)
    assert 100.0 == run.wake_at
    assert [] == told(ends(run, "b", HELD, 11.0, until=100.0))
    assert [] == tell(run, Ticked(), 99.0)


def test_a_hold_charges_no_attempt() -> None:
    """However often it is held, a task keeps all its attempts; only their numbers go on."""
    run = engine(claude("a", max_attempts=1))
    tell(run, Begun())
    for number in range(1, 5):
        ends(run, "a", HELD, number * 100.0, until=number * 100.0 + 50.0)
        launch = tell(run, Ticked(), number * 100.0 + 50.0)
        assert [Launch("a", number + 1, 1, 5.0)] == launch
    assert Record("a", TaskStatus.FAILED) in fails(run, "a", 600.0)


def test_other_accounts_go_on() -> None:
    """What costs nothing, and what somebody else pays for, is not held."""
    others = {"claude": Account(), "other": Account()}
    run = engine(
        claude("a"),
        claude("b", priority=1000),
        Node("shell"),
        Node("other", account="other"),
        Node("next", ("shell",)),
        slots=1,
        accounts=others,
    )
    assert ["b"] == launched(tell(run, Begun()))
    assert ["shell"] == launched(ends(run, "b", HELD, 1.0, until=100.0))
    assert ["other"] == launched(completes(run, "shell", 2.0))
    assert ["next"] == launched(completes(run, "other", 3.0))
    assert [] == launched(completes(run, "next", 4.0))
    assert ["b"] == launched(tell(run, Ticked(), 100.0))


def test_what_is_held_keeps_no_slot() -> None:
    """A slot is for something that can start."""
    run = engine(claude("a", priority=1000), Node("b"), slots=1)
    tell(run, Begun())
    assert ["b"] == launched(ends(run, "a", HELD, 1.0, until=100.0))


def test_a_hold_ends_at_its_moment_on_the_wall_although_the_machine_slept() -> None:
    """What the engine's clock did not count is told; one goes first all the same."""
    run = engine(*(claude(id) for id in "abc"), slots=3)
    tell(run, Begun())
    for id in "ab":
        ends(run, id, HELD, 10.0, until=100.0)
    assert [] == launched(tell(run, Slept(30.0), 20.0))
    assert 70.0 == run.wake_at
    assert ["a"] == launched(tell(run, Slept(3600.0), 30.0))
    assert [] == told(shows(run, "c", 31.0, is_answered=True))  # it was let through before the hold
    assert ["b"] == launched(shows(run, "a", 32.0, is_answered=True))


def test_sleep_opens_nothing_that_only_a_person_opens() -> None:
    """However long it was."""
    run = engine(claude("a"), claude("b"))
    tell(run, Begun())
    ends(run, "a", HELD, 1.0, until=math.inf)
    assert [] == launched(tell(run, Slept(1e9), 2.0))


# ── the canary ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_when_a_hold_is_over_one_goes_first_and_then_the_rest() -> None:
    """The first attempt after a hold is the only one until the service has answered it."""
    run = engine(*(claude(id) for id in "abc"))
    tell(run, Begun())
    for id in "abc":
        ends(run, id, HELD, 10.0, until=100.0)
    assert ["a"] == launched(tell(run, Ticked(), 100.0))
    assert [] == shows(run, "a", 101.0)
    answered = shows(run, "a", 102.0, is_answered=True)
    assert [Resume("claude")] == told(answered)
    assert ["b", "c"] == launched(answered)
    assert [] == told(shows(run, "a", 103.0, is_answered=True))


def test_a_canary_that_completes_without_a_word_has_been_answered() -> None:
    """An agent whose reader shows no signs opens the account with its success."""
    run = engine(claude("a"), claude("b"))
    tell(run, Begun())
    for id in "ab":
        ends(run, id, HELD, 10.0, until=100.0)
    tell(run, Ticked(), 100.0)
    ended = completes(run, "a", 105.0)
    assert ([Resume("claude")], ["b"]) == (told(ended), launched(ended))


def test_a_canary_that_fails_is_followed_by_another_one() -> None:
    """A failure proves nothing: still one at a time, and nobody waits for ever."""
    run = engine(*(claude(id) for id in "abc"))
    tell(run, Begun())
    for id in "abc":
        ends(run, id, HELD, 10.0, until=100.0)
    tell(run, Ticked(), 100.0)
    ended = fails(run, "a", 105.0)
    assert ([], ["b"]) == (told(ended), launched(ended))


def test_a_canary_may_meet_the_next_hold() -> None:
    """People are told of the new moment, and the trial begins again then."""
    run = engine(claude("a"), claude("b"))
    tell(run, Begun())
    for id in "ab":
        ends(run, id, HELD, 10.0, until=100.0)
    tell(run, Ticked(), 100.0)
    assert [Hold("claude", 300.0, "")] == told(ends(run, "a", HELD, 101.0, until=300.0))
    assert [] == launched(tell(run, Ticked(), 200.0))
    assert 1 == len(launched(tell(run, Ticked(), 300.0)))


def test_an_answer_to_an_attempt_from_before_the_hold_proves_nothing() -> None:
    """It was let through earlier; what starts now may not be."""
    run = engine(claude("early"), claude("late"), claude("next"), slots=2)
    tell(run, Begun())
    ends(run, "late", HELD, 10.0, until=100.0)
    assert [] == told(shows(run, "early", 20.0, is_answered=True))
    assert [] == told(completes(run, "early", 30.0))
    assert ["late"] == launched(tell(run, Ticked(), 100.0))


def test_what_still_runs_from_before_a_hold_delays_nobody() -> None:
    """It may go on for an hour, and says nothing of what the service answers now."""
    run = engine(claude("early"), claude("late"))
    tell(run, Begun())
    ends(run, "late", HELD, 10.0, until=100.0)
    assert ["late"] == launched(tell(run, Ticked(), 100.0))


# ── until a person does something, or a run is told to end ────────────────────────────────────────────────────────


def test_a_hold_that_only_a_person_ends_finishes_the_run() -> None:
    """Nobody is logged in: what runs may end, the rest is left pending for the next run."""
    run = engine(claude("a"), claude("b"), claude("c"), Node("shell"), Node("next", ("a",)))
    tell(run, Begun())
    assert [Hold("claude", math.inf, "")] == told(ends(run, "a", HELD, 1.0, until=math.inf))
    assert [] == launched(completes(run, "b", 2.0))
    completes(run, "shell", 3.0)
    assert Finish() == ends(run, "c", HELD, 4.0, until=math.inf)[-1]
    assert TaskStatus.PENDING is run.entries["a"].status is run.entries["c"].status
    assert TaskStatus.WAITING is run.entries["next"].status
    assert None is run.wake_at


def test_a_run_may_begin_held() -> None:
    """A restart goes on waiting for the moment an earlier run was told, and tries with one first."""
    run = engine(claude("a"), claude("b"), Node("shell"), accounts={"claude": Account(opens_at=50.0, is_on_trial=True)})
    assert ["shell"] == launched(tell(run, Begun(), 10.0))
    assert 50.0 == run.wake_at
    assert ["a"] == launched(tell(run, Ticked(), 50.0))
    assert ["b"] == launched(shows(run, "a", 51.0, is_answered=True))


def test_a_run_may_begin_after_a_hold_that_is_over() -> None:
    """The moment passed while nobody ran: still one goes first."""
    run = engine(claude("a"), claude("b"), accounts={"claude": Account(opens_at=-5.0, is_on_trial=True)})
    assert ["a"] == launched(tell(run, Begun()))
    assert ["b"] == launched(shows(run, "a", 1.0, is_answered=True))


def test_a_run_that_begins_shut_is_finished_at_once() -> None:
    """Nothing starts that would fail the same way."""
    shut = Account(opens_at=math.inf, is_on_trial=True)
    run = engine(claude("a"), accounts={"claude": shut})
    assert [Finish()] == tell(run, Begun())


def test_a_stop_does_not_wait_for_a_hold() -> None:
    """Ctrl-C ends a run that only waits for an account."""
    run = engine(claude("a"))
    tell(run, Begun())
    ends(run, "a", HELD, 1.0, until=1e6)
    assert [Finish()] == tell(run, StopRequested(), 2.0)


def test_a_hold_during_a_retry_counts_for_the_retry_too() -> None:
    """The backoff ends; the account does not open for that."""
    run = engine(claude("a", max_attempts=2), claude("b"))
    tell(run, Begun())
    fails(run, "a", 1.0)
    ends(run, "b", HELD, 1.0, until=100.0)
    assert [] == tell(run, Ticked(), 5.0)
    assert 100.0 == run.wake_at
    assert 1 == len(launched(tell(run, Ticked(), 100.0)))


def test_a_task_that_kept_its_slot_is_held_all_the_same() -> None:
    """It waited for a result to be on disk, and meanwhile the account was held."""
    run = engine(Node("shell"), claude("busy"), claude("after", "shell"), slots=3)
    tell(run, Begun())
    assert [] == launched(tell(run, Ended("shell", 1, Verdict.COMPLETED), 1.0))
    assert run.is_awaiting_record
    ends(run, "busy", HELD, 2.0, until=100.0)
    assert [] == launched(tell(run, Recorded("shell"), 3.0))
    assert TaskStatus.PENDING is run.entries["after"].status
    assert ["busy"] == launched(tell(run, Ticked(), 100.0))
    assert ["after"] == launched(shows(run, "busy", 101.0, is_answered=True))


# ── strain ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_close_to_a_limit_one_runs_at_a_time() -> None:
    """``allowed_warning`` slows launches down, and ``allowed`` lets them go again."""
    run = engine(*(claude(id) for id in "abcd"), slots=2)
    tell(run, Begun())
    assert [Strain("claude", 1)] == told(shows(run, "a", 1.0, is_strained=True))
    assert [] == launched(completes(run, "a", 2.0))
    assert ["c"] == launched(completes(run, "b", 3.0))
    assert [] == told(shows(run, "c", 4.0))
    assert [] == launched(tell(run, Ticked(), 5.0))
    relaxed = shows(run, "c", 6.0, is_strained=False)
    assert ([Strain("claude", 0)], ["d"]) == (told(relaxed), launched(relaxed))


def test_strain_of_one_account_slows_no_other() -> None:
    """Commands cost nothing and go on."""
    run = engine(claude("a"), claude("b"), Node("x"), Node("y"), slots=2)
    tell(run, Begun())
    shows(run, "a", 1.0, is_strained=True)
    assert ["x"] == launched(completes(run, "b", 2.0))


def test_what_costs_nothing_is_never_strained() -> None:
    """There is no account to slow down, whatever is said of it."""
    run = engine(Node("x"), Node("y"), Node("z"), slots=2)
    tell(run, Begun())
    shows(run, "x", 1.0, is_strained=True)
    assert ["z"] == launched(completes(run, "x", 2.0))


def test_as_many_as_there_are_slots_start_at_once() -> None:
    """Nothing spaces the starts of an account that was neither held nor is close to its limit."""
    run = engine(*(claude(id) for id in "abcde"), slots=4)
    assert ["a", "b", "c", "d"] == launched(tell(run, Begun(), 1.0))
    assert ["e"] == launched(completes(run, "a", 1.0))


def test_after_a_hold_the_rest_starts_at_once() -> None:
    """As soon as the one that goes first was answered."""
    run = engine(*(claude(id) for id in "abcd"))
    tell(run, Begun())
    for id in "abcd":
        ends(run, id, HELD, 10.0, until=100.0)
    tell(run, Ticked(), 100.0)
    assert ["b", "c", "d"] == launched(shows(run, "a", 101.0, is_answered=True))
