"""What a time means that a person wrote."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.timestamp import next_round, next_timestamp, time_of_day

at = datetime.fromisoformat

#: A noon, in the time zone of this machine.
NOON = at("2026-01-31T12:00:20").astimezone()


@pytest.mark.parametrize(
    ("timestamp", "text"),
    [
        (at("2026-01-31T12:01:00"), "12:01"),
        (at("2026-02-01T11:59:00"), "11:59"),
        (at("2026-02-01T07:30:00"), "7:30"),
        (at("2026-02-01T00:00:00"), "00:00"),
        (at("2026-01-31T12:00:20"), "12:00"),  # the minute that is running
        (at("2026-03-01T09:00:00"), "2026-03-01T09:00"),
        (at("2026-03-01T09:00:00"), "2026-03-01 09:00"),
        (at("2026-03-01T00:00:00"), "2026-03-01"),
        (datetime(2026, 3, 1, 9, tzinfo=UTC), "2026-03-01T09:00:00Z"),
        (datetime(2026, 3, 1, 9, tzinfo=timezone(timedelta(hours=2))), "2026-03-01T09:00+02:00"),
    ],
)
def test_the_moment_that_is_meant(timestamp: datetime, text: str) -> None:
    assert timestamp.timestamp() == next_timestamp(text, NOON).timestamp()


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Clocks there go from 02:00 to 03:00 on 2027-03-28, and from 03:00 back to 02:00 on 2026-10-25."""
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("timestamp", "text", "now"),
    [
        ("2026-10-25T02:30+02:00", "02:30", "2026-10-25T02:15+02:00"),
        ("2026-10-25T02:30+01:00", "02:30", "2026-10-25T02:45+02:00"),
        ("2026-10-25T02:30+01:00", "02:30", "2026-10-25T02:15+01:00"),
        ("2026-10-25T02:15:20+01:00", "02:15", "2026-10-25T02:15:20+01:00"),
        ("2026-10-26T02:10+01:00", "02:10", "2026-10-25T02:15+01:00"),
        ("2027-03-28T03:30+02:00", "02:30", "2027-03-28T01:30+01:00"),
        ("2027-03-29T02:30+02:00", "02:30", "2027-03-28T03:40+02:00"),
    ],
)
def test_the_night_in_which_clocks_are_set(timestamp: str, text: str, now: str) -> None:
    """An hour that there is twice has each of its times twice, and the next one is meant."""
    local = datetime.fromtimestamp(at(now).timestamp()).astimezone()
    assert at(timestamp).timestamp() == next_timestamp(text, local).timestamp()


@pytest.mark.parametrize("text", ["", "24:00", "12:60", "noon", "7", "12:00:00", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a time; write 07:30"):
        next_timestamp(text, NOON)


def test_what_is_over_is_refused() -> None:
    with pytest.raises(ValueError, match="is over"):
        next_timestamp("2026-01-31T11:00", NOON)


@given(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_time_of_day_is_never_more_than_a_day_away(hour: int, minute: int, second: int) -> None:
    now = NOON.replace(second=second)
    away = next_timestamp(f"{hour:02d}:{minute:02d}", now).timestamp() - now.timestamp()
    assert 0 <= away <= 25 * 3600
    assert (hour, minute) == time_of_day(f"{hour}:{minute:02d}")


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("begin", "every", "rounds"),
    [
        # The end of summer time, and its beginning.
        ("2026-10-24T09:00+02:00", 24, ["2026-10-25T09:00+01:00", "2026-10-26T09:00+01:00"]),
        ("2027-03-27T09:00+01:00", 24, ["2027-03-28T09:00+02:00", "2027-03-29T09:00+02:00"]),
        ("2026-10-20T09:00+02:00", 168, ["2026-10-27T09:00+01:00", "2026-11-03T09:00+01:00"]),
        ("2026-10-24T21:00+02:00", 12, ["2026-10-25T09:00+01:00", "2026-10-25T21:00+01:00"]),
        # An hour that there is twice, and one that there is not.
        ("2026-10-24T02:30+02:00", 24, ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("2027-03-27T02:30+01:00", 24, ["2027-03-28T03:30+02:00", "2027-03-29T02:30+02:00"]),
        # What comes back to no time of day.
        ("2026-10-25T01:30+02:00", 1, ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]),
        ("2026-10-24T09:00+02:00", 5, ["2026-10-24T14:00+02:00", "2026-10-24T19:00+02:00"]),
        ("2026-10-24T09:00+02:00", 25, ["2026-10-25T09:00+01:00", "2026-10-26T10:00+01:00"]),
    ],
)
def test_what_comes_back_to_a_time_of_day_comes_back_to_that_on_the_wall(
    begin: str, every: int, rounds: list[str]
) -> None:
    first = timestamp = at(begin).timestamp()
    for each in rounds:
        timestamp = next_round(first, every * 3600.0, timestamp)
        assert at(each).timestamp() == timestamp


@given(st.floats(0, 1e6), st.floats(1, 1e5), st.floats(0, 1e6))
def test_rounds_stay_on_their_grid(begin: float, every: float, later: float) -> None:
    now = begin + later
    following = next_round(begin, every, now)
    assert now < following + 1e-6
    assert following - now <= every * (1 + 1e-6)
