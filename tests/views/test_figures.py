"""What several views say of money and holds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.cost import total_cost
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus
from orchestrator.views.status import cost_of, cost_rows, hold_line, log_link
from tests.views.example import BEGIN, HOSTILE, board, task

#: 0 in any spelling.
NOTHING = re.compile(r"\$0(\.0+)?(?!\.?\d)")

costs = st.none() | st.just(0.0) | st.floats(0.0001, 1000)


def paid(*of: float | None, agent: str = "claude") -> Result:
    attempts = tuple(
        Attempt(number, number, status="failed", cost=cost, models=(("opus", cost),) if cost else ())
        for number, cost in enumerate(of, start=1)
    )
    return Result("T-01", agent, TaskStatus.FAILED, attempts)


def held_until(until: float, reason: str = "You've hit your limit", agent: str = "claude") -> Result:
    last = Attempt(1, 1, status="held", reason=reason, started=BEGIN, ended=BEGIN + 1, until=until)
    return Result("T-01", agent, TaskStatus.PENDING, (last,))


@pytest.mark.parametrize(
    ("expected", "status", "has_errors"),
    [
        ("logs/agent-01.attempt-2.err", "failed", True),
        ("logs/agent-01.attempt-2.out", "failed", False),
        ("logs/agent-01.attempt-2.out", "completed", True),
        ("logs/agent-01.attempt-2.err", "interrupted", True),
    ],
)
def test_where_to_look_first(expected: str, status: str, *, has_errors: bool) -> None:
    """What a shell says of its failure is on standard error; a warning on the way to an answer is not what is asked."""
    last = Attempt(2, 2, status=status, has_errors=has_errors)
    assert expected == last.log_path("agent-01")
    assert f"[log]({expected})" == log_link(task("T-01"), last)


# ── money ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(costs, max_size=5))
def test_what_a_task_cost(of: list[float | None]) -> None:
    """A dash for nothing, a question mark where nobody knows, and both when it is both; unknown is never 0."""
    shown = cost_of(paid(*of))
    known, unknown = sum(filter(None, of)), None in of
    assert (shown == "-") == (not known and not unknown)
    assert ("?" in shown) == unknown
    assert ("$" in shown) == bool(known)
    assert NOTHING.search(shown) is None


@given(st.lists(costs, max_size=5), st.sampled_from([0.0, 5.0]))
def test_the_rows_of_a_table(of: list[float | None], budget: float) -> None:
    """None where nothing was paid; else the sum, and by agent and model what is known."""
    rows = dict(cost_rows(total_cost([paid(*of)]), budget))
    known, unknown = sum(filter(None, of)), of.count(None)
    assert bool(rows) == bool(known or unknown)
    if rows:
        assert ("unknown" in rows["Cost"]) == bool(unknown)
        assert ("of a budget of $5.00" in rows["Cost"]) == bool(budget)
        assert ("Cost by agent" in rows) == ("Cost by model" in rows) == bool(known)
        spent, feared, _ = rows["Cost"].partition(", counted as $")
        assert ("$" in spent.partition(" of a budget")[0]) == bool(known)
        assert bool(feared) == bool(unknown and budget)
        assert NOTHING.search(rows["Cost"]) is None


def test_who_cost_most_comes_first() -> None:
    """By agent and by model."""
    rows = dict(cost_rows(total_cost([paid(0.1, agent="a"), paid(2.0, agent="b")])))
    assert "b $2.00 · a $0.1000" == rows["Cost by agent"]


# ── holds ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_hold_says_who_why_and_until_when() -> None:
    """With the moment and how long that is."""
    line = hold_line(board([task("T-01")], held_until(BEGIN + 3600)), BEGIN)
    assert "⏸ claude is held: You've hit your limit (opens 2026-01-05 15:00:00Z, in 1h00m)" == line


def test_a_hold_that_only_a_person_can_end_says_so() -> None:
    """There is no moment."""
    line = hold_line(board([task("T-01")], held_until(0.0, "Not logged in")), BEGIN)
    assert "⏸ claude is held: Not logged in (waits for you)" == line


@pytest.mark.parametrize("seconds", [0.0, 1.0, 1e6])
def test_a_hold_whose_moment_has_passed_is_none(seconds: float) -> None:
    """The next run tries."""
    assert "" == hold_line(board([task("T-01")], held_until(BEGIN)), BEGIN + seconds)


@given(st.text(max_size=300) | st.just(HOSTILE), st.floats(0, 1e6))
def test_a_hold_is_one_line(reason: str, seconds: float) -> None:
    """Whatever the service said."""
    line = hold_line(board([task("T-01")], held_until(BEGIN + seconds, reason)), BEGIN)
    assert len(line.splitlines()) <= 1
    assert "\x1b" not in line
    assert len(line) < 250
