"""One number for a priority, four spellings of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.priority import HIGH, LOW, NORMAL, URGENT, format_priority, parse_priority


@pytest.mark.parametrize(
    ("number", "texts"),
    [
        (URGENT, ["P0", "p0", "critical", "URGENT", " urgent ", "1000", 1000]),
        (HIGH, ["P1", "High", 100]),
        (NORMAL, ["P2", "normal", "Medium", "", "-", "  ", 10]),
        (LOW, ["P3", "low", 1]),
        (-5, ["-5", -5]),
        (7, ["7"]),
    ],
)
def test_every_spelling_of_a_priority_is_understood(number: int, texts: list[str | int]) -> None:
    """They all become one number; an empty cell is normal."""
    assert {number} == {parse_priority(text) for text in texts}


def test_what_is_more_urgent_is_bigger() -> None:
    """The order that the scheduler relies on."""
    assert URGENT > HIGH > NORMAL > LOW


@pytest.mark.parametrize("text", ["P4", "asap", "1.5", "high!", "10000000", "9" * 5000, "--"])
def test_what_is_no_priority_is_refused(text: str) -> None:
    """Nothing is guessed, and no number is out of hand."""
    with pytest.raises(ValueError, match=r"is not a priority; .* integer up to 1000000$"):
        parse_priority(text)


@given(st.integers(-1_000_000, 1_000_000))
def test_what_is_written_reads_back(number: int) -> None:
    """Writing and reading a priority gives the same number."""
    assert number == parse_priority(format_priority(number))


@given(st.text(max_size=20))
def test_any_text_may_stand_where_a_priority_is_expected(text: str) -> None:
    """Reading one gives a number in bounds, or the one error that callers expect."""
    try:
        number = parse_priority(text)
    except ValueError:
        return
    assert abs(number) <= 1_000_000
