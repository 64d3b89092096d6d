"""What was spent: unknown is never nothing, and nothing is counted twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.cost import cost_facts, spent_in, total_cost, unsettled, usd
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus

MODELS = ("opus", "haiku")


def attempt(cost: float | None, *, session: str = "", status: str = "failed") -> Attempt:
    return Attempt(
        number=1, charge=1, status=status, session=session, cost=cost, models=((MODELS[0], cost),) if cost else ()
    )


def result(*attempts: Attempt, task: str = "T-01", agent: str = "claude") -> Result:
    return Result(task=task, agent=agent, status=TaskStatus.COMPLETED, attempts=attempts)


costs = st.none() | st.floats(0, 1000, allow_nan=False)
attempts = st.builds(
    attempt,
    costs,
    session=st.sampled_from(["", "s1", "s2"]),
    status=st.sampled_from(["failed", "completed", "interrupted", "held", "running"]),
)
results = st.builds(
    lambda own, task, agent: result(*own, task=task, agent=agent),
    st.lists(attempts, max_size=6),
    st.sampled_from(["T-01", "T-02"]),
    st.sampled_from(["claude", "shell"]),
)


@given(st.lists(results, max_size=6))
def test_the_parts_are_the_whole(of: list[Result]) -> None:
    """By task and by agent it adds up to what is known, and to nothing that is not."""
    spent = total_cost(of)
    known = sum(each.cost or 0.0 for one in of for each in one.attempts)
    assert pytest.approx(known) == spent.known
    assert pytest.approx(known) == sum(spent.by_task.values())
    assert pytest.approx(known) == sum(spent.by_agent.values())
    assert pytest.approx(known) == sum(spent.by_model.values())


def test_programs_get_no_noise_of_sums() -> None:
    """0.1 + 0.2 is not 0.30000000000000004 to anybody who pays; the dearest tasks come first."""
    spent = total_cost([result(attempt(0.1), attempt(0.2)), result(attempt(0.5), task="T-02")])
    assert {
        "task": {"T-02": 0.5, "T-01": 0.3}, "agent": {"claude": 0.8}, "model": {"opus": 0.8},
    } == cost_facts(spent)  # fmt: skip
    assert {"T-02": 0.5} == cost_facts(spent, 1)["task"]


@given(st.lists(results, max_size=6))
def test_unknown_is_told(of: list[Result]) -> None:
    """A cost that nobody knows is in the words, whatever else was spent; and never as an amount of 0."""
    spent = total_cost(of)
    assert bool(spent) == bool(spent.known or spent.unknown)
    if spent.unknown:
        assert "unknown cost" in str(spent)
        assert ("$" in str(spent)) == bool(spent.known)
    else:
        assert "unknown" not in str(spent)
    last = [one.attempts[-1] for one in of if one.attempts]
    ended = [each for each in last if each.status != "running"]
    assert spent.unknown >= sum(each.cost is None for each in ended)


@given(st.lists(attempts, max_size=8))
def test_what_is_unsettled_was_settled_by_nobody_later(of: list[Attempt]) -> None:
    """Every one of them ended, nobody knows its cost, and no later attempt of its session settled it."""
    left = unsettled(of)
    for place, each in enumerate(of):
        told = any(later.session == each.session and later.settles for later in of[place + 1 :])
        is_open = each.cost is None and each.status != "running"
        assert (is_open and not told) == any(each is one for one in left)


@given(st.lists(attempts, max_size=8), st.sampled_from(["s1", "s2"]))
def test_a_session_has_cost_what_its_attempts_did(of: list[Attempt], session: str) -> None:
    """Those of others do not count."""
    total = spent_in(of, session)
    assert pytest.approx(sum(each.cost or 0.0 for each in of if each.session == session)) == total


def test_what_runs_is_not_unknown_yet() -> None:
    """It will say what it cost."""
    assert not total_cost([result(attempt(None, session="s1", status="running"))])


def test_only_what_says_so_settles() -> None:
    """A later attempt in the same session that cost something is no proof that the session knew of the earlier one."""
    cut, later = attempt(None, session="s1"), attempt(0.5, session="s1")
    assert 1 == total_cost([result(cut, later)]).unknown
    assert 0 == total_cost([result(cut, later._replace(settles=True))]).unknown


@given(st.floats(0, 1e8, allow_nan=False))
def test_an_amount_is_never_shown_as_nothing(amount: float) -> None:
    """What is not 0 does not look like it, down to a hundredth of a cent; and unknown is a word."""
    shown = usd(amount)
    assert shown.startswith("$")
    shown_as = float(shown.removeprefix("$").replace(",", ""))
    assert pytest.approx(amount, abs=0.005 if amount >= 1 else 0.00005) == shown_as
    if amount >= 0.0001:
        assert shown_as > 0
    assert "unknown" == usd(None)


@pytest.mark.parametrize(
    ("unknown", "words"),
    [(0, "$1.50"), (1, "$1.50 and 1 attempt of unknown cost"), (2, "$1.50 and 2 attempts of unknown cost")],
)
def test_the_words(unknown: int, words: str) -> None:
    """As people read them."""
    assert words == str(total_cost([result(attempt(1.5), *[attempt(None)] * unknown)]))
