"""Real signals: who hears them, and that none is lost between two who do."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator

import pytest

from orchestrator.runner.event_loop import run_in_event_loop
from orchestrator.runner.signals import Signals, hear_signals
from tests.patience import PATIENCE


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
def test_a_signal_that_nobody_heard_is_left_to_whoever_hears_them_next(number: signal.Signals) -> None:
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


#: What harmless events send: a pool of workers, a resized window, a timer, `fg` …
HARMLESS = (signal.SIGUSR1, signal.SIGCHLD, signal.SIGWINCH, signal.SIGALRM, signal.SIGQUIT, signal.SIGCONT)


@pytest.mark.parametrize("number", HARMLESS)
def test_a_signal_that_the_program_handles_itself_ends_nothing(number: signal.Signals) -> None:
    """Whenever it comes; and whoever was woken by it before still is, each time."""
    handled: list[int] = []
    treatment = signal.signal(number, lambda number, _frame: handled.append(number))
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    try:
        with Signals() as outer:
            with hear_signals() as wait:
                os.kill(os.getpid(), number)
                assert 0 == wait(0.001)
                os.kill(os.getpid(), number)
                os.kill(os.getpid(), signal.SIGTERM)
                assert signal.SIGTERM == wait(PATIENCE)
                os.kill(os.getpid(), signal.SIGTERM)
                os.kill(os.getpid(), number)
            assert 0 == outer.look()
        assert [number] * 3 == handled
        assert bytes([number] * 3) == os.read(reader, 9)
    finally:
        signal.set_wakeup_fd(before)
        signal.signal(number, treatment)
        os.close(reader)
        os.close(writer)


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
