"""Backoff: full jitter under a doubling envelope with a ceiling."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.scheduler.timers import CEILING, backoff

bases = st.floats(0, 1e9)
failures = st.integers(1, 10_000)
draws = st.floats(0, 1, exclude_max=True)


@given(bases, failures, draws)
def test_the_wait_is_between_nothing_and_the_ceiling(base: float, count: int, draw: float) -> None:
    """Whatever the base, the failures and the dice: no wait is negative, endless or over the ceiling."""
    assert 0.0 <= backoff(base, count, draw) <= CEILING


@given(bases, st.integers(1, 30), draws)
def test_the_wait_is_a_share_of_the_envelope(base: float, count: int, draw: float) -> None:
    """Full jitter: the drawn number is the share of the doubled base that is waited."""
    assert draw * min(CEILING, base * 2 ** (count - 1)) == pytest.approx(backoff(base, count, draw))


@given(bases, failures, draws)
def test_the_envelope_never_shrinks(base: float, count: int, draw: float) -> None:
    """With equal luck, one more failure never means a shorter wait."""
    assert backoff(base, count, draw) <= backoff(base, count + 1, draw)


@given(bases, failures)
def test_the_dice_may_say_not_at_all(base: float, count: int) -> None:
    """Full jitter begins at zero, so that a crowd of failures spreads over the whole interval."""
    assert 0.0 == backoff(base, count, 0.0)


def test_the_envelope_doubles() -> None:
    """2, 4, 8 … seconds, and then the ceiling."""
    almost = 1 - 2**-53
    waits = [round(backoff(2.0, count, almost)) for count in range(1, 11)]
    assert [2, 4, 8, 16, 32, 64, 128, 256, 300, 300] == waits
