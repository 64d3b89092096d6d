"""The scheduler and money: caps are reserved before a launch, and settled with what it cost."""

from __future__ import annotations

import math

import pytest

from orchestrator.core.cost import USUAL_CAP
from orchestrator.core.result import Verdict
from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.budget import LEAST_CAP, Account, Budget
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import Begun, Ended, Finish, Launch, Record, Recorded, Replanned, Ticked
from orchestrator.scheduler.node import Node
from tests.scheduler.engine_play import caps, completes, ends, engine, launched, tell

FAILED, INTERRUPTED = Verdict.FAILED, Verdict.INTERRUPTED


def paid(id: str, budget: float = math.inf, *needs: str, **more: float) -> Node:
    return Node(id, needs, account="claude", budget=budget, **more)  # type: ignore[arg-type]


def money(run: Engine) -> tuple[float, float]:
    """What is spent, and what is reserved."""
    return round(run.budget.spent, 9), round(run.budget.reserved, 9)


# ── before a launch ───────────────────────────────────────────────────────────────────────────────────────────────


def test_caps_are_reserved_before_anything_starts() -> None:
    """Two caps of 0.5 under a budget of 1.0 are two at once, not three."""
    run = engine(*(paid(id, 0.5) for id in "abc"), budget=1.0)
    assert {"a": 0.5, "b": 0.5} == caps(tell(run, Begun()))
    assert (0.0, 1.0) == money(run)
    assert None is run.wake_at


def test_what_was_not_spent_is_free_for_the_next_one() -> None:
    """Reserved is only what may be spent; when it was less, another task fits."""
    run = engine(*(paid(id, 0.5) for id in "abc"), budget=1.0)
    tell(run, Begun())
    assert [] == launched(completes(run, "a", cost=0.2))
    assert {"c": 0.5} == caps(completes(run, "b", cost=0.3))
    assert (0.5, 0.5) == money(run)
    assert Finish() == completes(run, "c", cost=0.5)[-1]


def test_without_caps_of_their_own_tasks_share_what_is_left() -> None:
    """An even share for each slot that has a task, and one is kept back."""
    run = engine(*(paid(id) for id in "abcde"), slots=4, budget=2.0)
    assert dict.fromkeys("abcd", 0.4) == pytest.approx(caps(tell(run, Begun())))
    assert {"e": 0.4} == pytest.approx(caps(completes(run, "a", cost=0.0)))
    assert {"f": 1.0} == caps(tell(engine(paid("f"), slots=4, budget=2.0), Begun()))


def test_without_a_budget_a_task_still_has_a_cap() -> None:
    """Nobody said what it may cost: the usual, and of a task with a cap of its own that."""
    run = engine(paid("a"), paid("b", 20.0), Node("shell"))
    assert {"a": USUAL_CAP, "b": 20.0, "shell": math.inf} == caps(tell(run, Begun()))


def test_what_costs_nothing_needs_no_money() -> None:
    """Commands run with an empty purse."""
    run = engine(paid("a"), Node("b"), budget=0.01)
    assert {"b": math.inf} == caps(tell(run, Begun()))
    assert Finish(("a",)) == completes(run, "b")[-1]


def test_a_small_rest_goes_to_one_task_at_a_time() -> None:
    """A share too small to be worth starting is made one that is, for as many as that is enough for."""
    run = engine(*(paid(id) for id in "abc"), slots=3, budget=0.15)
    assert {"a": LEAST_CAP} == caps(tell(run, Begun()))
    assert {"b": LEAST_CAP} == caps(completes(run, "a", cost=0.05))
    assert Finish(("c",)) == completes(run, "b", cost=0.1)[-1]


def test_a_task_that_kept_its_slot_may_find_the_money_gone() -> None:
    """It waited for a result to be on disk, and meanwhile somebody else started with the money."""
    run = engine(
        Node("shell"), Node("other"), paid("first", 0.5, "shell", priority=9), paid("b", 0.5),
        budget=0.5, slots=2,
    )  # fmt: skip
    tell(run, Begun())
    assert [] == launched(tell(run, Ended("shell", 1, Verdict.COMPLETED)))
    assert ["b"] == launched(tell(run, Ended("other", 1, Verdict.COMPLETED)))
    assert [] == tell(run, Recorded("shell"))
    assert {"first": 0.5} == caps(completes(run, "b"))


# ── after an attempt ──────────────────────────────────────────────────────────────────────────────────────────────


def test_an_overshoot_is_spent() -> None:
    """The CLI looks at its cap after each turn: what it cost more is gone, and nothing is started on credit."""
    run = engine(paid("a", 0.5), paid("b", 0.5), budget=1.0, slots=1)
    tell(run, Begun())
    assert Finish(("b",)) == completes(run, "a", cost=0.9)[-1]
    assert (0.9, 0.0) == money(run)


def test_tasks_that_the_budget_cannot_take_are_named() -> None:
    """They stay as they are, in the order in which they would have run; their dependants wait."""
    run = engine(
        paid("rich", 9.0, priority=10), paid("richer", 10.0), paid("ok", 0.5),
        paid("after", 0.5, "rich"), budget=1.0,
    )  # fmt: skip
    assert ["ok"] == launched(tell(run, Begun()))
    assert Finish(("rich", "richer")) == completes(run, "ok", cost=0.1)[-1]
    assert TaskStatus.PENDING is run.entries["rich"].status
    assert TaskStatus.WAITING is run.entries["after"].status


def test_whose_money_is_used_up_is_told() -> None:
    """More for the plan helps the one and not the other."""
    run = engine(paid("spent", 0.0), paid("rich", 9.0), budget=1.0)
    assert [Finish(("rich",), ("spent",))] == tell(run, Begun())


def test_nobody_is_unaffordable_while_money_may_come_back() -> None:
    """What runs may cost less than its cap: the others wait for that."""
    run = engine(paid("a", 0.8), paid("b", 0.6), budget=1.0)
    assert ["a"] == launched(tell(run, Begun()))
    assert {"b": 0.6} == caps(completes(run, "a", cost=0.1))


def test_a_task_gets_no_retry_when_its_own_money_is_gone() -> None:
    """Its attempts together may cost so much; the rest of its attempts is not used."""
    run = engine(paid("a", 0.5, max_attempts=5))
    assert {"a": 0.5} == caps(tell(run, Begun()))
    assert Record("a", TaskStatus.RETRYING) == ends(run, "a", FAILED, cost=0.3)[0]
    assert {"a": 0.2} == caps(tell(run, Ticked()))
    assert [Record("a", TaskStatus.FAILED), Finish()] == ends(run, "a", FAILED, cost=0.2)


def test_no_money_is_made_by_rounding() -> None:
    """Of 0.8 − 0.7 − 0.1 a little is left over, and that is no reason for a retry that nobody could pay."""
    assert 0.8 - 0.7 - 0.1 > 0
    run = engine(paid("a", 0.8, max_attempts=5))
    tell(run, Begun())
    ends(run, "a", FAILED, cost=0.7)
    tell(run, Ticked())
    assert [Record("a", TaskStatus.FAILED), Finish()] == ends(run, "a", FAILED, cost=0.1)


# ── costs that nobody knows ───────────────────────────────────────────────────────────────────────────────────────


def test_an_unknown_cost_counts_with_all_it_may_have_been() -> None:
    """It was killed and no later attempt goes on with its session: nobody will ever know."""
    run = engine(paid("a", 0.5), paid("b", 0.6), budget=1.0, slots=1)
    tell(run, Begun())
    assert Finish(("b",)) == completes(run, "a", cost=None)[-1]
    assert (0.5, 0.0) == money(run)


def test_an_unknown_cost_counts_before_the_next_attempt_too() -> None:
    """The next attempt begins a new session: of what the task may cost, only the rest is left for it."""
    run = engine(paid("a", 2.0, max_attempts=3), paid("b"), budget=5.0, slots=1)
    assert {"a": 2.0} == caps(tell(run, Begun()))
    ended = ends(run, "a", FAILED, cost=None)
    assert (2.0, 1.5) == money(run)
    assert (Record("a", TaskStatus.FAILED), {"b": 1.5}) == (ended[0], caps(ended))


def test_an_unknown_cost_stays_reserved_until_the_session_tells() -> None:
    """The attempt that goes on with the session says what both have cost."""
    run = engine(paid("a", 2.0, max_attempts=3), budget=5.0)
    tell(run, Begun())
    ends(run, "a", FAILED, cost=None, is_resumable=True)
    assert (0.0, 2.0) == money(run)
    assert [Launch("a", 2, 2, 2.0)] == tell(run, Ticked())
    assert (0.0, 4.0) == money(run)
    ended = ends(run, "a", FAILED, cost=0.7, settles=True)
    assert Record("a", TaskStatus.RETRYING) == ended[0]
    assert (0.7, 0.0) == money(run)
    assert {"a": 1.3} == caps(tell(run, Ticked(), 10.0))


def test_an_interrupted_attempt_keeps_its_bill_open_too() -> None:
    """What we ended may go on, and what it cost will be known then."""
    run = engine(paid("a"), budget=4.0, slots=1)
    assert {"a": 2.0} == caps(tell(run, Begun()))
    # The share that was kept back lets it go on.
    assert {"a": 1.0} == caps(ends(run, "a", INTERRUPTED, cost=None, is_resumable=True))
    assert (0.0, 3.0) == money(run)


@pytest.mark.parametrize("verdict", [Verdict.COMPLETED, Verdict.FATAL, FAILED])
def test_a_bill_is_closed_by_the_last_attempt(verdict: Verdict) -> None:
    """When nothing comes after it, all that was open counts as spent."""
    run = engine(paid("a", 2.0, max_attempts=2), budget=5.0)
    tell(run, Begun())
    ends(run, "a", FAILED, cost=None, is_resumable=True)
    tell(run, Ticked())
    assert Finish() == ends(run, "a", verdict, cost=None, is_resumable=True)[-1]
    assert (4.0, 0.0) == money(run)


def test_a_session_that_was_lost_leaves_its_bill_unknown() -> None:
    """The next attempt began a new session: its own cost is known, of the one before everything counts."""
    run = engine(paid("a", 2.0, max_attempts=3), budget=10.0)
    tell(run, Begun())
    ends(run, "a", FAILED, cost=None, is_resumable=True)
    tell(run, Ticked())
    ended = ends(run, "a", FAILED, cost=0.1)
    assert (2.1, 0.0) == money(run)
    # It may cost 2.0 in all, and may have cost that.
    assert [Record("a", TaskStatus.FAILED), Finish()] == ended


def test_what_is_unknown_settles_nothing() -> None:
    """Only a known cost says what came before it."""
    run = engine(paid("a", 2.0, max_attempts=3), budget=10.0)
    tell(run, Begun())
    ends(run, "a", FAILED, cost=None, is_resumable=True)
    tell(run, Ticked())
    ends(run, "a", Verdict.COMPLETED, cost=None, settles=True)
    assert (4.0, 0.0) == money(run)


def test_a_bill_of_an_earlier_run_is_settled_too() -> None:
    """What a run before could not say is kept back from the start, until the session goes on."""
    entry = paid("a", 2.0, max_attempts=3)
    entry.open_bill = 0.5
    run = Engine([entry], max_parallel=1, budget=Budget(4.0, 1.0, 0.5), accounts={"claude": Account()})
    tell(run, Begun())
    assert (1.0, 2.5) == money(run)
    completes_both = ends(run, "a", Verdict.COMPLETED, cost=0.7, settles=True)
    assert Finish() == completes_both[-1]
    assert (1.7, 0.0) == money(run)


def test_less_than_was_feared_brings_back_what_was_unaffordable() -> None:
    """Money was kept for a cost that nobody knew; once it is known, what was given up starts after all."""
    run = engine(paid("cut", 1.5, max_attempts=2, retry_delay=4.0), paid("big", 3.0), budget=4.0)
    tell(run, Begun())
    assert [] == launched(ends(run, "cut", FAILED, cost=None, is_resumable=True))
    assert {"cut": 1.5} == caps(tell(run, Ticked(), 2.0))
    ended = ends(run, "cut", Verdict.COMPLETED, 3.0, cost=0.2, settles=True)
    assert {"big": 3.0} == caps(ended)
    assert (0.2, 3.0) == money(run)
    assert Finish() == completes(run, "big", 4.0)[-1]


def test_cap_of_a_launch_is_what_is_reserved_for_it() -> None:
    """What the agent is told is what the purse keeps back."""
    run = engine(paid("a"), paid("b", 1.5), slots=3, budget=6.0)
    told = caps(tell(run, Begun()))
    assert {"a": 2.0, "b": 1.5} == told
    assert sum(told.values()) == run.budget.reserved


def test_a_budget_that_is_changed_between_two_attempts_counts_for_the_next() -> None:
    """What was spent of it is spent."""
    run = engine(paid("a", 4.0, max_attempts=3), budget=10.0)
    tell(run, Begun())
    ends(run, "a", FAILED, cost=0.5)
    tell(run, Replanned((paid("a", 1.0, max_attempts=3),)))
    assert {"a": 0.5} == caps(tell(run, Ticked(), now=1000.0))
    ends(run, "a", FAILED, 1000.0, cost=0.5)
    assert TaskStatus.FAILED is run.entries["a"].status
