"""Moments, as people write them and as we write them back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.timestamp import format_timestamp, parse_timestamp


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("2026-03-01", "2026-03-01"),
        ("2026-03-01T23:59:59Z", "2026-03-01"),
        ("2026-03-01 14:00", "2026-03-01T14:00Z"),
        ("2026-03-01T14:00:07+02:00", "2026-03-01T12:00:07Z"),
        ("1h30m", "1970-01-01T01:30Z"),
    ],
)
def test_a_moment_is_written_in_utc(written: str, shown: str) -> None:
    """A day stays a day; a duration counts from the moment it is told."""
    assert shown == format_timestamp(parse_timestamp(written, 0.0))


@given(st.integers(-62135596800, 253402300799))
def test_what_was_written_is_read_again(seconds: int) -> None:
    """To the second, over all the years that a date has."""
    assert seconds == parse_timestamp(format_timestamp(seconds))


@pytest.mark.parametrize(
    "text", ["", "soon", "2026-13-01", "2026-02-30", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"]
)
def test_other_words_are_refused(text: str) -> None:
    """Also what no calendar has, and what lies outside of it in another time zone."""
    with pytest.raises(ValueError, match="is not a moment; write 2026-03-01"):
        parse_timestamp(text, 0.0)
