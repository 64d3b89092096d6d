"""The scheduler finds out what an error concerns: the account, the service, a model, or the task that met it."""

from __future__ import annotations

import math

from orchestrator.core.result import Verdict
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.scheduler.budget import Account
from orchestrator.scheduler.messages import Begun, Finish, Hold, Instruction, Launch, Record, Recorded, Resume, Ticked
from orchestrator.scheduler.node import Intervened, Node
from tests.scheduler.engine_play import breaks, completes, ends, engine, fails, launched, refused, shows, tell, told

PENDING, FAILED = TaskStatus.PENDING, TaskStatus.FAILED


def claude(id: str, *needs: str, **more: object) -> Node:
    return Node(id, needs, account="claude", **more)  # type: ignore[arg-type]


# ── many end alike ────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_tasks_that_end_alike_hold_their_account_and_nothing_is_failed() -> None:
    """The third waits, one goes first; after a handful a person has to look, and everything is pending."""
    run = engine(*(claude(f"t{n}") for n in range(20)), claude("all", *(f"t{n}" for n in range(20))), slots=4)
    assert 4 == len(launched(tell(run, Begun())))
    assert [] == told(refused(run, "t0", "400 no", 1.0))
    assert [Hold("claude", 2.0, "400 no", is_outage=True)] == told(refused(run, "t1", "400 no", 1.0))
    for id in ("t2", "t3"):
        refused(run, id, "400 no", 1.1)
    now, attempts = 1.1, 5  # t4 took the place of t0
    refused(run, "t4", "400 no", now)
    assert () == run.running
    last: list[Instruction] = []
    while not run.is_finished:
        assert run.wake_at is not None
        now = run.wake_at
        (first,) = launched(tell(run, Ticked(), now))
        attempts += 1
        last = refused(run, first, "400 no", now)
    assert Finish() == last[-1]
    assert 7 == attempts
    assert {PENDING} == {entry.status for entry in run.entries.values() if entry.id != "all"}
    assert TaskStatus.WAITING is run.entries["all"].status
    assert 0 == sum(entry.charge for entry in run.entries.values())


def test_the_one_that_goes_first_is_one_that_met_nothing_yet() -> None:
    """What two tasks have in common may be their own fault: the others find out, and only these two fail."""
    run = engine(claude("a", priority=9), claude("b", priority=9), claude("c"), claude("d"), slots=2)
    tell(run, Begun())
    assert ["c"] == launched(refused(run, "a", "404 no such model", 1.0))
    refused(run, "b", "404 no such model", 1.0)
    assert ["d"] == launched(tell(run, Ticked(), 2.0))
    answered = shows(run, "d", 3.0, turns=1)
    assert [Resume("claude")] == told(answered)
    assert [] == launched(answered)  # both slots are taken
    assert ["a"] == launched(completes(run, "c", 4.0))
    assert Record("a", FAILED) in refused(run, "a", "404 no such model", 5.0)
    assert Record("b", FAILED) in refused(run, "b", "404 no such model", 6.0)
    assert not told(completes(run, "d", 7.0))


def test_one_task_that_is_refused_alone_has_failed() -> None:
    """Nobody else could find out."""
    run = engine(claude("a"), claude("b", "a"), Node("shell"))
    tell(run, Begun())
    assert Record("a", FAILED) in refused(run, "a", "400 no", 1.0)


def test_one_that_is_refused_while_others_work_has_failed_at_once() -> None:
    """What the service did since it began is evidence enough."""
    run = engine(claude("a"), claude("b"))
    tell(run, Begun())
    shows(run, "b", 1.0, turns=1)
    assert Record("a", FAILED) in refused(run, "a", "400 no", 2.0)


def test_one_that_is_refused_waits_for_what_the_others_meet() -> None:
    """It keeps no slot meanwhile, is not tried again, and counts when somebody got through."""
    run = engine(claude("a", priority=9), claude("b"), claude("c"), slots=2)
    tell(run, Begun())
    assert [Launch("c", 1, 1, 5.0)] == refused(run, "a", "400 no", 1.0)
    assert [Record("a", FAILED)] == shows(run, "b", 2.0, turns=1)


def test_no_timeout_ends_what_is_in_doubt() -> None:
    """Its attempt is over."""
    run = engine(claude("a", timeout=5.0), claude("b"), slots=2)
    tell(run, Begun())
    refused(run, "a", "400 no", 1.0)
    assert None is run.wake_at
    assert [] == tell(run, Ticked(), 10.0)


def test_one_that_is_refused_has_failed_when_nobody_can_tell_any_more() -> None:
    """The others ended for reasons of their own."""
    run = engine(claude("a"), claude("b"), slots=2)
    tell(run, Begun())
    assert [] == refused(run, "a", "400 no", 1.0)
    assert Record("a", FAILED) in fails(run, "b", 2.0)


def test_a_person_need_not_wait_for_the_others() -> None:
    """Whoever settles a task that is in doubt ends the doubt."""
    run = engine(claude("a"), claude("b"), slots=2)
    tell(run, Begun())
    refused(run, "a", "400 no", 1.0)
    retry = TaskCommand(Verb.RETRY, "a", "alice", 2.0, id="r1")
    assert [Record("a", FAILED)] == tell(run, Intervened(retry), 2.0)
    assert Record("a", TaskStatus.WAITING, 0.0, "r1") in tell(run, Recorded("a"), 3.0)


def test_what_was_worked_on_is_no_refusal() -> None:
    """A crash after an hour of work says nothing of the account, however alike two are."""
    run = engine(claude("a"), claude("b"), claude("c"))
    tell(run, Begun())
    assert Record("a", FAILED) in fails(run, "a", 1.0)
    assert Record("b", FAILED) in fails(run, "b", 1.0)


def test_commands_are_tried_all_however_alike_they_fail() -> None:
    """They have no account that could be shut."""
    run = engine(*(Node(f"t{n}") for n in range(15)), slots=4)
    tell(run, Begun())
    for n in range(15):
        assert Record(f"t{n}", FAILED) in refused(run, f"t{n}", "exit 1", 1.0)


def test_a_minute_later_it_is_no_evidence() -> None:
    """Two that end alike an hour apart have nothing to do with each other."""
    run = engine(claude("a"), claude("b"), claude("c"))
    tell(run, Begun())
    refused(run, "a", "400 no", 1.0)
    assert [] == told(refused(run, "b", "400 no", 100.0))


def test_what_an_earlier_run_was_held_by_is_found_out_with_one() -> None:
    """And is given up as soon."""
    run = engine(*(claude(id) for id in "abc"), accounts={"claude": Account(-5.0, is_on_trial=True)})
    assert ["a"] == launched(tell(run, Begun()))
    refused(run, "a", "400 no", 1.0)
    assert ["b"] == launched(tell(run, Ticked(), 2.0))


# ── an outage ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_outage_of_a_minute_costs_a_handful_of_attempts_and_fails_nothing() -> None:
    """All back off as one: the tries get fewer, whoever makes them."""
    run = engine(*(claude(id, max_attempts=1) for id in "abcdefg"), slots=4)
    going, attempts, now = launched(tell(run, Begun())), 4, 0.3
    while now < 60.0:
        for id in going:
            breaks(run, id, now)
        assert run.wake_at is not None
        going = launched(tell(run, Ticked(), run.wake_at))
        attempts, now = attempts + len(going), run.wake_at or now + 0.3
        now = max(now, 0.3 + max(run.entries[id].started for id in going))
    assert attempts <= 12
    opened = completes(run, going[0], now)
    assert [Resume("claude")] == told(opened)
    assert 4 == len(launched(opened))
    assert {0} == {entry.charge for entry in run.entries.values() if entry.status is PENDING}


def test_a_chain_is_not_failed_by_an_outage() -> None:
    """There is nobody else to try it with."""
    run = engine(claude("a", max_attempts=1), claude("b", "a"))
    tell(run, Begun())
    for _ in range(5):
        breaks(run, "a", run.entries["a"].started + 1.0)
        assert ["a"] == launched(tell(run, Ticked(), run.wake_at or 0.0))
    assert ["b"] == launched(completes(run, "a", 100.0))


def test_an_error_of_the_service_that_only_one_task_meets_is_its_own() -> None:
    """It counts as soon as another one got through after it: nobody waits for it for ever."""
    run = engine(claude("bad", priority=9, max_attempts=2), claude("b"), claude("c"), slots=1)
    tell(run, Begun())
    breaks(run, "bad", 1.0)
    assert ["b"] == launched(tell(run, Ticked(), 2.0))
    assert ["bad"] == launched(completes(run, "b", 3.0))
    assert Record("bad", TaskStatus.RETRYING, verdict=Verdict.FAILED) in breaks(run, "bad", 4.0)


def test_what_never_answers_is_given_up() -> None:
    """A wrong address or proxy: the run ends after some minutes, and everything is pending."""
    run = engine(claude("a", max_attempts=1), claude("b"))
    tell(run, Begun())
    now = 1.0
    breaks(run, "b", now)
    while not run.is_finished:
        for id in run.running:
            breaks(run, id, now)
        now = run.wake_at or now
        tell(run, Ticked(), now)
    assert 60.0 < now < 300.0
    assert {PENDING} == {entry.status for entry in run.entries.values()}


# ── a limit of one model ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_limit_of_one_model_holds_that_model_alone() -> None:
    """The others go on, and it is tried once when its moment has come."""
    run = engine(
        claude("a", model="opus"),
        claude("b", model="claude-opus-5-5"),
        claude("c", model="sonnet"),
        claude("d"),
        slots=1,
    )
    tell(run, Begun())
    held = ends(run, "a", Verdict.HELD, 1.0, until=100.0, model="opus")
    assert [Hold("claude (opus)", 100.0, "")] == told(held)
    assert ["c"] == launched(held)
    assert ["d"] == launched(completes(run, "c", 2.0))
    assert [] == launched(completes(run, "d", 3.0))
    assert 100.0 == run.wake_at
    assert ["a"] == launched(tell(run, Ticked(), 100.0))
    assert [Resume("claude (opus)")] == told(shows(run, "a", 101.0, turns=1))


def test_a_task_that_meets_the_limit_of_another_model_waits_alone() -> None:
    """A helper of its own may need that model: others of its model need not."""
    run = engine(claude("a", model="sonnet"), claude("b", model="sonnet"), slots=1)
    tell(run, Begun())
    assert ["b"] == launched(ends(run, "a", Verdict.HELD, 1.0, until=100.0, model="opus"))
    assert [] == launched(completes(run, "b", 2.0))
    assert ["a"] == launched(tell(run, Ticked(), 100.0))


def test_tasks_that_name_no_model_have_the_same() -> None:
    """The one that is tried finds out for all of them."""
    run = engine(claude("a"), claude("b"), claude("c", model="sonnet"), slots=1)
    tell(run, Begun())
    assert ["c"] == launched(ends(run, "a", Verdict.HELD, 1.0, until=100.0, model="opus"))
    assert [] == launched(completes(run, "c", 2.0))


def test_a_limit_of_one_model_until_a_person_acts_ends_the_run_when_the_others_are_done() -> None:
    """It is no reason to wait, and none to leave the others undone."""
    run = engine(claude("a", model="opus"), claude("b", model="sonnet"), slots=1)
    tell(run, Begun())
    assert ["b"] == launched(ends(run, "a", Verdict.HELD, 1.0, until=math.inf, model="opus"))
    assert Finish() == completes(run, "b", 2.0)[-1]
    assert PENDING is run.entries["a"].status
