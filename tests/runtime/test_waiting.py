"""Waiting until a moment, or for the next round: no clock is real here but in the tests of signals."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from orchestrator.runtime.clock import Clock
from orchestrator.runtime.waiting import rounds, until_wall, wait_or_signal
from tests.executors.harness import PATIENCE


class Time(Clock):
    """A clock that goes on when somebody waits. ``jump`` moves the wall clock alone."""

    def __init__(self, signals: dict[int, int] | None = None) -> None:
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
    begun = []
    for number in rounds(10, time, time.wait):
        if number:
            break
        begun.append(time.now() - 100)
        time.time += 25 if len(begun) == 2 else 1  # how long the round takes
    assert [0, 10, 40, 50, 60] == begun
    assert 2 == number


def test_a_wall_clock_that_is_set_moves_no_round() -> None:
    time = Time({2: 2})
    begun = []
    for number in rounds(10, time, time.wait):
        if not number:
            begun.append(time.now() - 100)
            time.offset -= 86400
    assert [0, 10, 20] == begun


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_real_signal_ends_the_waiting_at_once(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in signal.Signals if each not in {9, 19}]
    timer = threading.Timer(0.0, os.kill, (os.getpid(), number))
    # Sent when the signals are ours for sure: a signal that comes sooner would end the tests.
    armed = signal.getsignal(number)

    def send() -> None:
        while signal.getsignal(number) is armed:
            threading.Event().wait(0.001)
        timer.start()

    sender = threading.Thread(target=send)
    sender.start()
    assert number == wait_or_signal(PATIENCE)
    sender.join()
    assert before == [signal.getsignal(each) for each in signal.Signals if each not in {9, 19}]


def test_a_real_wait_comes_to_its_end() -> None:
    assert 0 == wait_or_signal(0.001)
    assert 0 == wait_or_signal(-1)
