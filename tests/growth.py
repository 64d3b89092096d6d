"""How work grows with its input, counted instead of timed: a busy machine counts the same."""

from __future__ import annotations

import sys
from collections.abc import Callable


def growth(work: Callable[[int], object], size: int) -> float:
    """Return how many times the function calls of *size* that twice the size takes: 2 is linear, 4 is quadratic.

    What a single call does inside, as a regular expression does, is not seen: of that, give so much that a quadratic
    one never comes back.
    """
    work(size)  # what is made once is made now
    return _calls(work, 2 * size) / _calls(work, size)


def _calls(work: Callable[[int], object], size: int) -> int:
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(seen)
    try:
        work(size)
    finally:
        sys.setprofile(before)
    return count
