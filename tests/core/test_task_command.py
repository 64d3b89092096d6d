"""What a command may do to a task, and what the task's result says afterwards."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.ids import NAME
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import COMMANDS, TRANSITIONS, TaskStatus, Verb
from orchestrator.core.task_command import BY_HAND, TaskCommand, apply, decide, next_ready, noted, verb_towards
from orchestrator.errors import DependencyError, TransitionError

S = TaskStatus


def wants(verb: Verb, by: str = "bob", **more: Any) -> TaskCommand:
    """A command, at second 20."""
    return TaskCommand(verb, "T-02", by, 20.0, id="q1")._replace(**more)


@pytest.mark.parametrize(("status", "verb"), list(product(TaskStatus, COMMANDS)))
def test_commands_follow_the_table(status: S, verb: Verb) -> None:
    """With everything done that the task needs, the table of transitions is all there is to say."""
    arrow = TRANSITIONS.get((status, verb))
    if arrow is not None:
        assert arrow[0] is decide(status, wants(verb))
        return
    with pytest.raises(TransitionError) as caught:
        decide(status, wants(verb))
    assert f"Invalid transition: {status} + '{verb}'" == str(caught.value)
    possible = [each for each in COMMANDS if (status, each) in TRANSITIONS]
    assert caught.value.hint.endswith(f"a task that is {status} allows {', '.join(possible)}")


@pytest.mark.parametrize(
    ("status", "verb", "way"),
    [
        (S.FAILED, Verb.START, "`orchestrator retry T-02` has it done again; "),
        (S.COMPLETED, Verb.UNBLOCK, "`orchestrator retry T-02` has it done again; "),
        (S.CANCELLED, Verb.START, "`orchestrator retry T-02` has it done again; "),
        (S.SKIPPED, Verb.UNBLOCK, "`orchestrator retry T-02` has done again what failed before"),
        (S.BLOCKED, Verb.START, "`orchestrator unblock T-02` lets it be done; "),
        (S.PENDING, Verb.RETRY, "the next run does it, or the one that is at work; "),
        (S.RETRYING, Verb.START, "its run does it again; "),
        (S.WAITING, Verb.UNBLOCK, "a run does it once what it depends on is completed; "),
        (S.BLOCKED, Verb.BLOCK, "a task that is blocked allows "),
        (S.COMPLETED, Verb.CANCEL, "a task that is completed allows "),
    ],
)
def test_a_hint_leads_where_somebody_wanted_to_go(status: S, verb: Verb, way: str) -> None:
    """Typed as it is printed it has the task done; nothing to type says that it is done, or keeps it from being so."""
    with pytest.raises(TransitionError) as caught:
        decide(status, wants(verb))
    assert caught.value.hint.startswith(way)


@pytest.mark.parametrize(
    ("status", "verb"),
    [
        (S.WAITING, Verb.START),
        (S.SKIPPED, Verb.START),
        (S.WAITING, Verb.COMPLETE),
        (S.BLOCKED, Verb.COMPLETE),
        (S.FAILED, Verb.COMPLETE),
    ],
)
def test_what_a_task_needs_comes_first(status: S, verb: Verb) -> None:
    """Seed row S4-60."""
    with pytest.raises(DependencyError, match=r"^Dependency not DONE: T-01 \(pending\)$") as caught:
        decide(status, wants(verb), open_needs=[("T-01", S.PENDING)])
    assert "dependency_not_done" == caught.value.code


def test_many_open_needs_are_told_in_one_line() -> None:
    """The first ten by name."""
    needs = [(f"T-{n:02}", S.WAITING) for n in range(14)]
    with pytest.raises(DependencyError, match=r"T-09 \(waiting\) and 4 more$"):
        decide(S.WAITING, wants(Verb.START), open_needs=needs)


@pytest.mark.parametrize("status", [S.COMPLETED, S.CANCELLED, S.BLOCKED])
def test_a_settled_task_is_not_told_to_wait(status: S) -> None:
    """That its needs are open is not why it cannot be started."""
    with pytest.raises(TransitionError) as caught:
        decide(status, wants(Verb.START), open_needs=[("T-01", S.PENDING)])
    assert "invalid_transition" == caught.value.code


def test_whoever_runs_a_task_is_named() -> None:
    """And only they say how far they are."""
    with pytest.raises(TransitionError) as caught:
        decide(S.RUNNING, wants(Verb.START, progress=10), doer="alice")
    assert "alice runs T-02" == caught.value.hint
    assert S.RUNNING is decide(S.RUNNING, wants(Verb.START, progress=10), doer="bob")
    with pytest.raises(TransitionError) as caught:
        decide(S.RUNNING, wants(Verb.START), doer="bob")
    assert "you have it already: `orchestrator start T-02 --progress N` says how far you are" in (caught.value.hint)


def test_an_attempt_by_hand() -> None:
    """It is not charged, belongs to no run, and is that of whoever ends it, knowing what came before it meanwhile."""
    begun = apply(None, wants(Verb.START, "alice"), S.RUNNING, number=4, inputs={"T-01": 2})
    (attempt,) = begun.attempts
    assert (4, 0, "", "alice", "running") == (
        attempt.number, attempt.charge, attempt.run, attempt.agent, attempt.status,
    )  # fmt: skip
    assert (True, {"T-01": 2}, S.RUNNING) == (attempt.is_manual, begun.inputs, begun.status)
    now, seen = {"T-01": 3, "T-05": 1}, {"T-01": 2, "T-05": 1}
    ended = apply(begun, wants(Verb.COMPLETE)._replace(time=50.0), S.COMPLETED, number=9, inputs=now)
    assert [("completed", "bob", 4, 30.0, BY_HAND)] == [
        (each.status, each.agent, each.number, each.duration, each.exit) for each in ended.attempts
    ]
    told = "by bob: alice had it in hand"
    assert (seen, told, "q1") == (ended.inputs, ended.note, ended.request)


def test_how_far_it_is_stays_until_it_is_over() -> None:
    """A newer word replaces an older one."""
    begun = apply(None, wants(Verb.START, progress=10), S.RUNNING, number=1, inputs={})
    further = apply(begun, wants(Verb.START, progress=60), S.RUNNING, number=2, inputs={})
    assert ([10, 60], 1) == ([begun.progress, further.progress], len(further.attempts))
    assert None is apply(further, wants(Verb.COMPLETE), S.COMPLETED, number=2, inputs={}).progress


@pytest.mark.parametrize("verb", COMMANDS)
def test_no_attempt_is_ever_lost(verb: Verb) -> None:
    """What was paid for stays, with the agent that made it."""
    paid = Attempt(1, 1, run="r1", status="failed", reason="exit 1", ended=9.0, cost=0.5)
    before = Result("T-02", "claude", S.FAILED, (paid,), {"T-01": 1})
    after = apply(before, wants(verb, note="so"), S.PENDING, number=2, inputs={"T-01": 3})
    assert paid._replace(agent="claude") == after.attempts[0]
    is_new = verb in {Verb.START, Verb.COMPLETE, Verb.FAIL}
    assert (2 if is_new else 1) == len(after.attempts)
    assert ({"T-01": 3} if is_new else {"T-01": 1}) == after.inputs
    assert all(each.charge == 1 for each in after.attempts)


@pytest.mark.parametrize("verb", COMMANDS)
def test_an_attempt_of_a_dead_run_is_closed_and_another_one_made(verb: Verb) -> None:
    """Its log and its number are the dead agent's: nothing that is said by hand goes there."""
    dead = Attempt(1, 1, run="r1", agent="claude", started=5.0)
    before = Result("T-02", "claude", S.RUNNING, (dead,), {"T-01": 1})
    after = apply(before, wants(verb), S.PENDING, number=2, inputs={"T-01": 3})
    left, *made = after.attempts
    assert dead._replace(status="interrupted", reason="the runner died") == left
    is_new = verb in {Verb.START, Verb.COMPLETE, Verb.FAIL}
    assert ([(2, "", "bob")] if is_new else []) == [(each.number, each.run, each.agent) for each in made]


def test_what_may_run_again_says_pending() -> None:
    """Whether it waits follows from what it needs."""
    before = Result("T-02", "", S.BLOCKED)
    after = apply(before, wants(Verb.UNBLOCK, note="found it"), S.WAITING, number=1, inputs={})
    assert (S.PENDING, "unblock by bob: found it", ()) == (after.status, after.note, after.attempts)


def test_what_a_run_is_at_is_not_given_back() -> None:
    """It is the run's: who wants it to end says `block` or `cancel`."""
    with pytest.raises(TransitionError, match=r"^Invalid transition: running \+ 'retry'$") as caught:
        decide(S.RUNNING, wants(Verb.RETRY), doer="claude, in run r1,", is_in_run=True)
    assert "claude, in run r1, runs T-02" == caught.value.hint


def test_blocking_closes_what_somebody_had_begun() -> None:
    """It is no longer in their hands."""
    begun = apply(None, wants(Verb.START, "alice"), S.RUNNING, number=1, inputs={})
    after = apply(begun, wants(Verb.BLOCK, note="no key"), S.BLOCKED, number=2, inputs={})
    assert [("interrupted", "by bob: no key")] == [(each.status, each.reason) for each in after.attempts]
    assert "by bob: no key" == after.note


def test_a_failure_says_why_in_its_attempt() -> None:
    """As that of any agent."""
    after = apply(None, wants(Verb.FAIL, note="no way"), S.FAILED, number=1, inputs={})
    assert ("by bob: no way", "") == (after.reason, after.note)


def test_who_completed_it_is_noted_when_it_was_somebody_else() -> None:
    """An agent was at it, and a person said that it is done."""
    of_agent = Result("T-02", "claude", S.COMPLETED, (Attempt(1, 1, run="r1", agent="claude"),))
    assert "by bob" == noted(of_agent, wants(Verb.COMPLETE)).note
    assert "" == noted(of_agent._replace(agent="bob"), wants(Verb.COMPLETE)).note


def test_work_is_handed_out_in_order() -> None:
    """What is assigned to whoever asks, then the most important, then the order of the plan."""
    tasks = [
        Task("a", "a", "", priority=10),
        Task("b", "b", "", priority=100),
        Task("c", "c", "", priority=1, assignee="bob"),
        Task("d", "d", "", priority=100),
        Task("e", "e", "", priority=1000, assignee="alice"),
    ]
    ready = {task.id: S.PENDING for task in tasks}
    order = []
    while (found := next_ready(tasks, ready.__getitem__, "bob")) is not None:
        order.append(found)
        ready[found] = S.RUNNING
    assert ["c", "b", "d", "a"] == order


@pytest.mark.parametrize(
    ("command", "now", "verb"),
    [
        (S.BLOCKED, S.PENDING, Verb.BLOCK),
        (S.RUNNING, S.PENDING, Verb.START),
        (S.COMPLETED, S.RUNNING, Verb.COMPLETE),
        (S.PENDING, S.BLOCKED, Verb.UNBLOCK),
        (S.PENDING, S.FAILED, Verb.RETRY),
        (S.WAITING, S.COMPLETED, Verb.RETRY),
        (S.PENDING, S.RUNNING, Verb.RETRY),
        (S.CANCELLED, S.BLOCKED, Verb.CANCEL),
    ],
)
def test_a_status_is_reached_by_a_verb(command: S, now: S, verb: Verb) -> None:
    """For `update ID --status S`."""
    assert verb is verb_towards(command, now)


def test_some_statuses_only_follow_from_others() -> None:
    """Nobody says that a task is skipped."""
    for command in (S.SKIPPED, S.RETRYING):
        with pytest.raises(TransitionError, match="nobody sets the status"):
            verb_towards(command, S.PENDING)


@given(st.from_regex(NAME, fullmatch=True))
def test_a_name_can_stand_anywhere(name: str) -> None:
    """In a file name, in a line of the journal, in a cell."""
    assert name.isascii()
    assert not set(name) & set("/\\ |·:\n\"'")
