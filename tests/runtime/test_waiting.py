"""Waiting until a moment, or for the next round: no clock is real here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.runtime.clock import Clock
from orchestrator.runtime.waiting import Wait, rounds, until_wall


class Time(Clock):
    """A clock that goes on when somebody waits. ``jump`` moves the wall clock alone."""

    def __init__(self, signals: dict[int, int] | None = None) -> None:
        super().__init__()
        self.time, self.offset = 100.0, 1_000_000.0
        self.waited: list[float] = []
        self._signals = signals or {}

    def wall(self) -> float:
        return self.time + self.offset

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> int:
        if number := self._signals.get(len(self.waited)):
            return number
        self.waited.append(seconds)
        self.time += seconds
        return 0

    @contextmanager
    def hearing(self) -> Iterator[Wait]:
        yield self.wait


def test_a_moment_comes() -> None:
    time = Time()
    assert 0 == until_wall(time.wall() + 100, time, time.wait)
    assert [30, 30, 30, 10] == time.waited


def test_a_moment_that_is_over_is_not_waited_for() -> None:
    time = Time()
    assert 0 == until_wall(time.wall() - 1, time, time.wait)
    assert [] == time.waited


def test_a_clock_that_is_set_counts() -> None:
    """Somebody sets it forward while we wait; or the machine slept."""
    time = Time()
    moment = time.wall() + 3600

    def wait(seconds: float) -> int:
        time.offset += 3600
        return time.wait(seconds)

    assert 0 == until_wall(moment, time, wait)
    assert [30] == time.waited


def test_a_signal_ends_the_waiting() -> None:
    time = Time({1: 15})
    assert 15 == until_wall(time.wall() + 3600, time, time.wait)
    assert [30] == time.waited


def test_rounds_begin_on_a_grid_and_late_ones_are_swallowed() -> None:
    time = Time({4: 2})
    begun: list[float] = []
    told: list[float] = []
    for number in rounds(10, time, time.hearing, told.append):
        if number:
            break
        begun.append(time.now() - 100)
        time.time += 25 if len(begun) == 2 else 1  # how long the round takes
    assert [0, 10, 40, 50, 60] == begun
    assert [9, 5, 9, 9, 9] == told
    assert 2 == number


def test_a_wall_clock_that_is_set_moves_no_round() -> None:
    time = Time({2: 2})
    begun: list[float] = []
    told: list[float] = []
    for number in rounds(10, time, time.hearing, told.append):
        if not number:
            begun.append(time.now() - 100)
            time.offset -= 86400
    assert [0, 10, 20] == begun
