"""Waiting until a moment, or for the next round: no clock is real here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from orchestrator.runner.clock import Clock
from orchestrator.runner.signals import Wait, rounds, until_wall


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
    assert [10] * 10 == time.waited


def test_a_moment_that_is_over_is_not_waited_for() -> None:
    time = Time()
    assert 0 == until_wall(time.wall() - 1, time, time.wait)
    assert [] == time.waited


def test_a_clock_that_is_set_counts() -> None:
    """Somebody sets it forward while we wait; or the machine slept."""
    time = Time()
    timestamp = time.wall() + 3600

    def wait(seconds: float) -> int:
        time.offset += 3600
        return time.wait(seconds)

    assert 0 == until_wall(timestamp, time, wait)
    assert [10] == time.waited


def test_a_signal_ends_the_waiting() -> None:
    time = Time({1: 15})
    assert 15 == until_wall(time.wall() + 3600, time, time.wait)
    assert [10] == time.waited


def played(
    time: Time, every: float, happens: Callable[[int], None] = lambda _: None
) -> tuple[list[float], list[float]]:
    """Return when each round began and what was told before, in seconds after the first; *happens* in each of them."""
    begun: list[float] = []
    told: list[float] = []
    first = time.wall()
    for number in rounds(first, every, time, time.hearing, lambda each: told.append(each - first)):
        if number:
            assert 2 == number
            break
        begun.append(time.wall() - first)
        happens(len(begun))
    return begun, told


def test_rounds_begin_on_a_grid_and_late_ones_are_swallowed() -> None:
    time = Time({4: 2})

    def last(round: int) -> None:
        time.time += 25 if round == 2 else 1

    begun, told = played(time, 10, last)
    assert [0, 10, 40, 50, 60] == begun
    assert [10, 40, 50, 60, 70] == told


def test_a_clock_that_is_put_back_makes_nobody_wait_longer() -> None:
    time = Time({2: 2})
    begun: list[float] = []

    def put_back(_: int) -> None:
        begun.append(time.now() - 100)
        time.offset -= 86400
        time.time += 1

    played(time, 10, put_back)
    assert [0, 10, 20] == begun


def test_a_time_of_day_is_that_of_a_clock_that_was_put_back() -> None:
    """Put right in the night, by an hour."""
    time, begun = Time({2 * 8640: 2}), list[float]()

    def put_back(number: int) -> None:
        begun.append(time.now() - 100)
        if number == 1:
            time.offset -= 3600

    assert [0, 86400] == played(time, 86400, put_back)[0]
    assert [0, 86400 + 3600] == begun


@pytest.mark.parametrize(("every", "asleep"), [(100.0, 90.0), (86400.0, 8 * 3600.0)])
def test_what_goes_by_while_the_machine_sleeps_is_not_waited_for(every: float, asleep: float) -> None:
    """The wall clock goes on, and the other one stands still."""
    time, begun = Time(), list[float]()

    def wait(seconds: float) -> int:
        if len(time.waited) == 1:  # as soon as it waits for the second time
            time.offset += asleep
        time.wait(seconds)
        return 2 if len(begun) == 3 else 0

    @contextmanager
    def hearing() -> Iterator[Wait]:
        yield wait

    first, real = time.wall(), time.now()
    for number in rounds(first, every, time, hearing, lambda _: None):
        if number:
            break
        begun.append(time.wall() - first)
    assert begun[0] == 0
    assert all(0 <= late <= 30 for late in (begun[1] - every, begun[2] - 2 * every))
    assert time.now() - real < 2 * every - asleep + 90
