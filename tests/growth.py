"""How work grows with its input, counted instead of timed: a busy machine counts the same."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from tests.patience import PATIENCE

T = TypeVar("T")
R = TypeVar("R")

#: Calls a function with each of many arguments.
_EACH = """
import pickle, sys
function, arguments = pickle.load(sys.stdin.buffer)
pickle.dump([function(each) for each in arguments], sys.stdout.buffer)
"""


def growth(work: Callable[[int], object], size: int) -> float:
    """Return how many times the function calls of *size* that twice the size takes: 2 is linear, 4 is quadratic.

    What a single call does inside, as a regular expression does, is not seen: that is for `come_back`.
    """
    work(size)  # what is made once is made now
    return _calls(work, 2 * size) / _calls(work, size)


def come_back(function: Callable[[T], R], arguments: Sequence[T]) -> list[R]:
    """Return what a function makes of each argument; give so much that in quadratic time it would not come back.

    It works in a process of its own, because nothing else can end a regular expression.
    """
    done = subprocess.run(
        [sys.executable, "-c", _EACH],
        input=pickle.dumps((function, arguments)),
        stdout=subprocess.PIPE,
        timeout=PATIENCE,
        check=True,
    )
    answers: list[R] = pickle.loads(done.stdout)
    return answers


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
