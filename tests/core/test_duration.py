"""Durations as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.duration import MAX_SECONDS, format_duration, parse_duration, require_unit


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (90, "90"),
        (60, 60),
        (1.5, 1.5),
        (90, "90s"),
        (90, "90 sec"),
        (300, "5m"),
        (300, "5 min"),
        (300, "5 Minutes"),
        (300, "~5 minutes"),
        (5400, "1h30m"),
        (5400, "1h 30m"),
        (5400, "1.5 hours"),
        (7200, "2hrs"),
        (86400, "1 day"),
        (0.25, "250ms"),
        (0, "0"),
        (MAX_SECONDS, "366d"),
    ],
)
def test_a_duration_is_read(seconds: float, text: str | float) -> None:
    """All the spellings mean seconds inside."""
    assert seconds == parse_duration(text)


@pytest.mark.parametrize(
    "text",
    ["", "  ", "-", "-5", "soon", "5 apples", "m", "1h30x", "1:30", "1e3", "0x10", "nan", "inf", "2-3h",
     "367d", "9" * 400, True],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: str) -> None:
    """Nothing is guessed, and no timer becomes infinite."""
    with pytest.raises(ValueError, match=r"is not a duration|longer than a year"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0.0s", 0.0),
        ("0.0s", 0.0004),
        ("4ms", 0.0043),
        ("50ms", 0.0499),
        ("0.1s", 0.05),
        ("0.4s", 0.4),
        ("12.3s", 12.34),
        ("59.9s", 59.9),
        ("1m00s", 59.96),
        ("1m00s", 60.0),
        ("4m05s", 245.0),
        ("1h00m", 3599.7),
        ("1h02m", 3720.0),
        ("25h00m", 90_000.0),
    ],
)
def test_a_duration_is_written_for_people(text: str, seconds: float) -> None:
    """Short, and never sixty seconds or sixty minutes; what took a moment did not take nothing."""
    assert text == format_duration(seconds)


@given(st.integers(0, int(MAX_SECONDS)))
def test_what_is_written_reads_back(seconds: int) -> None:
    """At most the unit that is not shown is lost."""
    lost = 1 if seconds < 3600 else 60
    assert abs(parse_duration(format_duration(seconds)) - seconds) < lost


@given(st.text(max_size=40))
def test_any_text_may_stand_where_a_duration_is_expected(text: str) -> None:
    """Reading one gives seconds in bounds, or the one error that callers expect."""
    try:
        seconds = parse_duration(text)
    except ValueError:
        return
    assert 0 <= seconds <= MAX_SECONDS


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (600000, "600000 seconds are 7 days; write 600000ms, 600s or 7d"),
        ("172800", "172800 seconds are 2 days; write 172800ms, 172.8s or 2d"),
    ],
)
def test_a_bare_number_over_a_day_asks_for_its_unit(text: str | float, told: str) -> None:
    """Where a setting is meant; with a unit it is taken, and so is a day itself."""
    with pytest.raises(ValueError, match=told):
        require_unit(text, parse_duration(text))
    require_unit(f"{text}s", parse_duration(f"{text}s"))
    require_unit("86400", parse_duration("86400"))
