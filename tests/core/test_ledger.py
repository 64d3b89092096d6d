"""What attempts come to: every figure is a sum over them, however they are grouped."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.status import TaskStatus
from orchestrator.core.usage import DAY, Booking, bookings, day_of, figures, share, within
from tests.views.example import BEGIN, task

_WORDS = [*Verdict, "running"]


@st.composite
def booked(draw: st.DrawFn) -> list[Booking]:
    """Attempts of some days, agents, tasks and plans."""
    made = []
    for number in range(draw(st.integers(0, 30))):
        begun = BEGIN + draw(st.integers(0, 5 * DAY))
        status = draw(st.sampled_from(_WORDS))
        seconds = draw(st.integers(0, 2 * DAY))
        cost = draw(st.sampled_from([None, 0.0, 0.25, 3.5]))
        made.append(
            Booking(
                plan=draw(st.sampled_from([".", "TASK-001"])),
                task=draw(st.sampled_from(["T-01", "T-02"])),
                name="n",
                agent=draw(st.sampled_from(["claude", "shell"])),
                assignee=draw(st.sampled_from(["", "ann", "bob"])),
                status=status,
                started=begun,
                ended=0.0 if status == "running" else begun + seconds,
                seconds=seconds,
                cost=cost,
                attempt=number,
                is_unsettled=cost is None,
            )
        )
    return made


@given(booked(), st.lists(st.integers(0, 6 * DAY)), st.integers(-DAY, 7 * DAY))
def test_the_parts_add_up_to_the_whole(attempts: list[Booking], added: list[int], since: int) -> None:
    """Days to the total, agents to the total, and the total to the attempts in the time."""
    start = BEGIN + since
    found = figures(attempts, [BEGIN + each for each in added], since=start, until=BEGIN)
    recent = [each for each in attempts if (each.ended or each.started) >= start]
    assert recent == sorted(recent, key=attempts.index)
    days = [done for done, _ in found.days.values()]
    for shares in (days, list(found.agents.values())):
        for what in ("attempts", "completed", "failed", "seconds", "cost", "unknown"):
            assert getattr(found.total, what) == sum(getattr(each, what) for each in shares)
    assert len(recent) == found.total.attempts
    assert sum(each.seconds for each in recent) == found.total.seconds
    assert Counter(each.agent for each in recent) == {name: each.attempts for name, each in found.agents.items()}
    assert found.added == sum(new for _, new in found.days.values())
    assert found.added == sum(BEGIN + each >= start for each in added)
    assert list(found.days) == sorted(found.days)
    assert all(day >= day_of(start) for day in found.days)
    assert all(each.attempts > 1 for _, each in found.repeated)


@given(booked())
def test_order_does_not_matter(attempts: list[Booking]) -> None:
    """However they were found, the figures are the same."""
    one = figures(attempts, (), since=0.0, until=1.0)
    assert one == figures(attempts[::-1], (), since=0.0, until=1.0)
    assert within(attempts, 0.0) == within(attempts[::-1], 0.0)


def attempt(number: int, status: str, **more: Any) -> Attempt:
    begun = BEGIN + number
    ended = 0.0 if status == "running" else begun + 1
    return Attempt(number, number, status=status, started=begun, ended=ended, duration=1.0)._replace(**more)


def test_what_an_attempt_is_booked_as() -> None:
    """Interruptions are nobody's failure; only the last word on a task that stands failed is a lost task."""
    result = Result(
        "T-01",
        "claude",
        TaskStatus.FAILED,
        (attempt(1, "interrupted"), attempt(2, "held"), attempt(3, "failed", agent="eva"), attempt(4, "fatal")),
    )
    made = list(bookings(".", result, task("T-01", "Look")._replace(assignee="Agent-01")))
    assert ["claude", "claude", "eva", "claude"] == [each.agent for each in made]
    assert ["", ""] == [each.assignee for each in made[:2]]  # a label is nobody
    assert [False, False, True, True] == [each.is_failed for each in made]
    assert [4] == [each.attempt for each in made if each.is_last_word]
    done = share(made)
    assert (4, 0, 2, 1, 0.0) == (done.attempts, done.completed, done.failed, done.lost, done.success)


def test_a_run_that_died_left_no_work_under_way() -> None:
    """What its file says of itself is from before; nobody is at it."""
    open_attempt = (attempt(1, "running"),)
    lost = Result("T-01", "claude", TaskStatus.PENDING, open_attempt)
    live = lost._replace(status=TaskStatus.RUNNING)
    words = [next(bookings(".", each, task("T-01"))).status for each in (lost, live)]
    assert ["interrupted", "running"] == words


def test_costs_that_a_later_attempt_settled_are_not_unknown() -> None:
    """As `status` counts them."""
    attempts = (
        attempt(1, "failed", cost=None, session="s"),
        attempt(2, "completed", cost=0.5, session="s", settles=True),
        attempt(3, "completed", cost=None, session="t"),
    )
    done = share(list(bookings(".", Result("T-01", "c", TaskStatus.COMPLETED, attempts), None)))
    assert (0.5, 1) == (done.cost, done.unknown)


def test_the_median_is_of_what_was_completed() -> None:
    """Of an even number, the middle between the two in the middle."""
    attempts = tuple(
        attempt(number, word, duration=float(seconds))
        for number, (word, seconds) in enumerate(
            [("completed", 1), ("failed", 100), ("completed", 2), ("completed", 9), ("completed", 4)]
        )
    )
    made = list(bookings(".", Result("T-01", "c", TaskStatus.COMPLETED, attempts), None))
    assert (3.0, 2.0) == (share(made).median, share(made[:4]).median)
    assert share(made[1:2]).median is None
