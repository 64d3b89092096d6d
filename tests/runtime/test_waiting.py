"""Waiting until a moment, or for the next round: no clock is real here but in the tests of signals."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from orchestrator.runtime.clock import Clock
from orchestrator.runtime.event_loop import run_in_event_loop
from orchestrator.runtime.waiting import Signals, Wait, hear_signals, rounds, until_wall
from tests.patience import PATIENCE


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_real_signal_ends_the_waiting_at_once(number: signal.Signals) -> None:
    """Also one that came before anybody waited; afterwards it means what it meant before."""
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    with hear_signals() as wait:
        os.kill(os.getpid(), number)
        assert number == wait(PATIENCE)
        assert 0 == wait(0.001)
        assert 0 == wait(-1)
    after = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
    assert before == after


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_that_nobody_heard_is_left_to_whoever_hears_them_next(
    number: signal.Signals,
) -> None:
    """One that comes when the waiting is over, and what it would have ended is not."""
    with Signals() as outer:
        with hear_signals():
            os.kill(os.getpid(), number)
        assert number == outer.look()


def test_a_signal_that_was_heard_is_not_left_to_anybody() -> None:
    """However often it came: whoever is impatient presses Ctrl-C again and again."""
    with Signals() as outer:
        with hear_signals() as wait:
            for _ in range(3):
                os.kill(os.getpid(), signal.SIGINT)
            assert signal.SIGINT == wait(PATIENCE)
        assert 0 == outer.look()


def test_an_event_loop_hears_what_came_before_it_and_loses_nothing_that_comes_at_its_end() -> None:
    heard: list[int] = []

    async def run(signals: AsyncIterator[signal.Signals]) -> None:
        try:
            async for number in signals:
                heard.append(number)
                break
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        run_in_event_loop(run, signals)
        assert signal.SIGINT == signals.wait(0.0)
    assert [signal.SIGTERM] == heard


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_what_our_caller_had_us_ignore_ends_nothing(number: signal.Signals) -> None:
    """As ``nohup`` does, and a shell for what it starts in the background; SIGTERM is heard all the same."""
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (number, signal.SIGTERM)}
    try:
        with hear_signals() as wait:
            os.kill(os.getpid(), number)
            assert 0 == wait(0.001)
            os.kill(os.getpid(), signal.SIGTERM)
            assert signal.SIGTERM == wait(PATIENCE)
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        for each, treatment in before.items():
            signal.signal(each, treatment)
