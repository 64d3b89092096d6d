"""Who pays: what an account lets through, and what a run may still spend."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.cost import USUAL_CAP
from orchestrator.scheduler.budget import LEAST_CAP, Account, Budget

# ── an account ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_account_is_open_to_any_number() -> None:
    """Nothing is held back before anything was said."""
    account = Account()
    for _ in range(100):
        assert account.lets_through(0.0)
        account.start()


def test_a_held_account_opens_at_its_moment_to_one() -> None:
    """Not before, and then to one that goes first."""
    account = Account()
    assert account.hold(10.0)
    assert not account.lets_through(9.9)
    assert account.lets_through(10.0)
    account.start()
    assert not account.lets_through(11.0)
    account.end(10.0)
    assert account.lets_through(12.0)


def test_an_account_that_only_a_person_opens_stays_shut() -> None:
    """Whatever else is said about it afterwards."""
    account = Account()
    assert account.hold(math.inf)
    assert not account.hold(5.0)
    assert not account.lets_through(1e12)


def test_only_what_moves_the_moment_is_news() -> None:
    """Ten attempts that meet one limit are one hold; the canary that meets the next one is another."""
    account = Account()
    assert [True, False, False, True] == [account.hold(until) for until in (10.0, 10.0, 7.0, 20.0)]
    assert 20.0 == account.opens_at


def test_a_hold_given_at_the_start_is_no_news_to_come() -> None:
    """A run that begins with it has told people already; the next hold is news again."""
    account = Account(opens_at=10.0, is_on_trial=True)
    assert not account.lets_through(9.0)
    account.start()
    assert account.is_proven_by(10.0)
    assert account.hold(30.0)


@pytest.mark.parametrize(("started", "is_proof"), [(9.9, False), (10.0, True), (11.0, True)])
def test_only_what_started_after_the_hold_proves_that_it_is_over(started: float, is_proof: bool) -> None:
    """An attempt from before may still be answered, and says nothing."""
    account = Account()
    account.hold(10.0)
    assert account.is_proven_by(started) is is_proof


def test_an_account_that_was_never_held_needs_no_proof() -> None:
    """Nobody is told that it is open again."""
    assert not Account().is_proven_by(5.0)


@pytest.mark.parametrize(("near_limit", "most"), [(1, 1), (3, 3), (0, 9)])
def test_a_strained_account_takes_few_at_a_time(near_limit: int, most: int) -> None:
    """Close to its limit it is not pushed over it, unless somebody says so."""
    account = Account(is_strained=True, near_limit=near_limit)
    while account.lets_through(1.0) and account.running < 9:
        account.running += 1
    assert most == account.running


def test_an_outage_is_asked_less_and_less_and_given_up_where_nothing_ever_got_through() -> None:
    """A wrong address never answers: a person has to look. Where something got through, it is waited for."""
    waits = []
    for has_worked in (False, True):
        account, now = Account(), 0.0
        if has_worked:
            account.prove(now)
        while account.back_off(now, now, is_outage=True) and account.opens_at < 3600.0:
            waits.append(account.opens_at - now)
            now = account.opens_at
        assert has_worked == (account.opens_at < math.inf)
    assert [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0] == waits[:8] == waits[8:16]


def test_whoever_waits_for_no_limit_waits_for_no_long_outage() -> None:
    """``on_hold: stop``: some minutes are tried, and then it ends."""
    account, now = Account(is_patient=False), 0.0
    account.prove(now)
    tried = []
    while account.opens_at < math.inf:
        tried.append(now)
        account.back_off(now, now, is_outage=True)
        now = account.opens_at
    assert 100.0 < tried[-1] <= 300.0


def test_an_attempt_from_before_a_hold_makes_an_outage_no_longer() -> None:
    """It met the same as those that the account is held for."""
    account = Account()
    account.back_off(0.0, 5.0, is_outage=True)
    assert not account.back_off(0.0, 6.0, is_outage=True)
    assert 6.0 == account.opens_at


def test_refusals_are_alike_whatever_number_is_in_them() -> None:
    """Ids and times differ; words do not, and a minute later they mean nothing."""
    account = Account()
    account.note_refusal("a", "API Error: 400 no (request req_011CZ7)", 0.0)
    assert account.is_refused_alike("b", "API Error: 400 no (request req_98XY1)", 60.0)
    assert not account.is_refused_alike("b", "API Error: 400 no (request req_98XY1)", 61.0)
    assert not account.is_refused_alike("b", "API Error: 400 yes", 1.0)
    assert not account.is_refused_alike("a", "API Error: 400 no (request req_98XY1)", 1.0)
    account.prove(2.0)
    assert not account.is_refused_alike("b", "API Error: 400 no (request req_98XY1)", 3.0)


@pytest.mark.parametrize(
    ("limited", "model", "held"),
    [
        ("opus", "opus", {"opus", "claude-opus-5-5"}),
        ("opus", "default model", {"opus", "claude-opus-5-5", "default model"}),
        ("zephyr", "zephyr-1", {"zephyr-1"}),
        ("opus", "sonnet", {"opus", "claude-opus-5-5"}),
        ("", "opus", {"opus", "claude-opus-5-5", "sonnet", "default model", "zephyr-1"}),
    ],
)
def test_a_limit_of_a_model_holds_the_tasks_of_that_model(limited: str, model: str, held: set[str]) -> None:
    """By any of its names; and whatever met it, also where it asked for no model."""
    account = Account()
    for _, door in account.doors_held(limited, model):
        door.hold(10.0)
    models = {"opus", "claude-opus-5-5", "sonnet", "default model", "zephyr-1"}
    is_open = {each for each in models if all(d.lets_through(5.0) for _, d in account.doors(each))}
    assert models - held == is_open


# ── a purse ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_cap_of_ones_own_is_taken_whole_or_not_at_all() -> None:
    """Up to the last cent, and no cent over it."""
    assert 0.5 == Budget(1.0, reserved=0.5).cap(0.5, 10)
    assert None is Budget(1.0, reserved=0.51).cap(0.5, 10)
    assert None is Budget(1.0, spent=0.51).cap(0.5, 10)


def test_cents_lost_in_adding_do_not_matter() -> None:
    """Three times 0.1 is a little more than 0.3, and must fit."""
    budget = Budget(0.3)
    for _ in range(3):
        assert 0.1 == budget.cap(0.1, 1)
        budget.reserved += 0.1
    assert None is budget.cap(0.1, 1)


@pytest.mark.parametrize("own", [0.0, -1.0, 1e-12])
def test_a_cap_of_nothing_starts_nothing(own: float) -> None:
    """What is used up is used up, also when nothing else limits the run."""
    assert None is Budget().cap(own, 1)


@pytest.mark.parametrize(
    ("left", "slots", "share"),
    [
        (math.inf, 4, USUAL_CAP),
        (100.0, 4, USUAL_CAP),
        (8.0, 3, 2.0),
        (8.0, 1, 4.0),
        (8.0, 0, USUAL_CAP),
        (0.2, 4, LEAST_CAP),
        (LEAST_CAP, 4, LEAST_CAP),
        (0.09, 4, None),
        (0.0, 4, None),
        (-3.0, 4, None),
    ],
)
def test_who_has_no_cap_gets_an_even_share(left: float, slots: int, share: float | None) -> None:
    """Of what is left, with one share kept back: never more than usual, never too little to be worth it."""
    assert share == Budget(left).cap(math.inf, slots)


@given(
    budget=st.floats(0, 1000) | st.just(math.inf),
    spent=st.floats(0, 1000),
    reserved=st.floats(0, 1000),
    own=st.floats(-1, 1000) | st.just(math.inf),
    slots=st.integers(0, 20),
)
def test_a_cap_always_fits(budget: float, spent: float, reserved: float, own: float, slots: int) -> None:
    """Whatever is asked for, what is given is something, and is there."""
    money = Budget(budget, spent, reserved)
    cap = money.cap(own, slots)
    if cap is not None:
        assert 0 < cap <= min(own, max(USUAL_CAP, own if own < math.inf else 0))
        assert cap <= money.left + 1e-6


@pytest.mark.parametrize("named", [-50.0, 0.5], ids=["past", "always in a moment"])
def test_an_account_that_is_shut_again_and_again_is_asked_less_and_less(named: float) -> None:
    """A wrong clock somewhere must not become an attempt every second: nobody is charged for one."""
    account, now = Account(), 100.0
    waits = []
    for _ in range(12):
        account.hold_again(now + named, now)
        account.hold_again(now + named, now)  # two that started together are one trial
        waits.append(account.opens_at - now)
        now = account.opens_at
    assert [1.0, 2.0, 4.0, 8.0] == waits[:4]
    assert 256.0 == waits[-1]
    account.end_trial()  # it was answered
    account.hold_again(now, now)
    assert 1.0 == account.opens_at - now
