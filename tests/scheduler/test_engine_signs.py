"""The scheduler and signs of life: the idle timer, and the process that stays after its answer."""

from __future__ import annotations

import pytest

from orchestrator.core.result import StopReason, StreamSignals, Verdict
from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.messages import ActivitySeen, Begun, Ended, Launch, Record, Stop, StopRequested, Ticked
from orchestrator.scheduler.node import LINGER, Node
from tests.scheduler.engine_play import completes, engine, fails, shows, tell


def test_silence_ends_an_attempt() -> None:
    """Without a sign of life for so long it is stopped, and the failure is judged as any other."""
    run = engine(Node("a", idle_timeout=10.0, timeout=300.0))
    tell(run, Begun(), 100.0)
    assert 110.0 == run.wake_at
    assert [] == tell(run, Ticked(), 109.0)
    assert [Stop("a", 1, StopReason.IDLE)] == tell(run, Ticked(), 110.0)
    assert [Record("a", TaskStatus.FAILED)] == tell(run, Ended("a", 1, Verdict.FAILED), 111.0)


def test_every_sign_of_life_starts_the_idle_timer_anew() -> None:
    """However long it works: what talks is alive."""
    run = engine(Node("a", idle_timeout=10.0))
    tell(run, Begun())
    for now in range(5, 100, 5):
        assert [] == shows(run, "a", float(now))
        assert [] == tell(run, Ticked(), float(now))
    assert [] == tell(run, Ticked(), 104.0)
    assert 105.0 == run.wake_at
    assert [Stop("a", 1, StopReason.IDLE)] == tell(run, Ticked(), 105.0)


def test_signs_of_life_do_not_move_the_timeout() -> None:
    """Two timers: whichever is first."""
    run = engine(Node("a", idle_timeout=10.0, timeout=12.0))
    tell(run, Begun())
    shows(run, "a", 9.0)
    assert [] == tell(run, Ticked(), 10.0)
    assert 12.0 == run.wake_at
    assert [Stop("a", 1, StopReason.TIMEOUT)] == tell(run, Ticked(), 12.0)


def test_whoever_has_delivered_may_stay_a_moment() -> None:
    """After its answer the process gets some seconds, whatever the timers say that wait for an answer."""
    run = engine(Node("a", timeout=300.0, idle_timeout=100.0))
    tell(run, Begun())
    assert [] == shows(run, "a", 50.0, is_delivered=True)
    assert 50.0 + LINGER == run.wake_at
    assert [] == tell(run, Ticked(), 49.0 + LINGER)
    assert [Stop("a", 1, StopReason.LINGERING)] == tell(run, Ticked(), 50.0 + LINGER)


def test_without_timers_it_may_not_stay_either() -> None:
    """A process that never leaves would hold its slot for ever."""
    run = engine(Node("a"))
    tell(run, Begun())
    assert None is run.wake_at
    shows(run, "a", 5.0, is_delivered=True)
    assert 5.0 + LINGER == run.wake_at


def test_a_model_that_is_woken_again_goes_on() -> None:
    """Its answer was not the last one: no lingering, and the idle timer counts again."""
    run = engine(Node("a", idle_timeout=100.0))
    tell(run, Begun())
    shows(run, "a", 10.0, is_delivered=True)
    shows(run, "a", 15.0, is_delivered=False)
    assert [] == tell(run, Ticked(), 10.0 + LINGER)
    assert [] == tell(run, Ticked(), 114.0)
    assert 115.0 == run.wake_at
    shows(run, "a", 114.0, is_delivered=True)
    assert [Stop("a", 1, StopReason.LINGERING)] == tell(run, Ticked(), 114.0 + LINGER)


def test_the_next_attempt_has_delivered_nothing() -> None:
    """What the last one had done is no answer of this one."""
    run = engine(Node("a", max_attempts=2))
    tell(run, Begun())
    shows(run, "a", 1.0, is_delivered=True)
    fails(run, "a", 2.0)
    assert [Launch("a", 2, 2)] == tell(run, Ticked(), 3.0)
    assert None is run.wake_at
    assert [] == tell(run, Ticked(), 3.0 + 2 * LINGER)


def test_a_stopped_attempt_is_not_stopped_again() -> None:
    """One reason for one end, whatever is heard of it and however late it ends."""
    run = engine(Node("a", timeout=10.0, idle_timeout=5.0))
    tell(run, Begun())
    assert [Stop("a", 1, StopReason.IDLE)] == tell(run, Ticked(), 5.0)
    shows(run, "a", 6.0, is_delivered=True)
    assert None is run.wake_at
    assert [] == tell(run, Ticked(), 100.0)
    assert [] == tell(run, StopRequested(), 101.0)
    assert None is run.wake_at


def test_every_attempt_can_be_stopped() -> None:
    """That the last one was stopped does not make the next one immortal."""
    run = engine(Node("a", idle_timeout=5.0, max_attempts=2))
    tell(run, Begun())
    assert [Stop("a", 1, StopReason.IDLE)] == tell(run, Ticked(), 5.0)
    fails(run, "a", 6.0)
    assert [Launch("a", 2, 2)] == tell(run, Ticked(), 7.0)
    assert [Stop("a", 2, StopReason.IDLE)] == tell(run, Ticked(), 12.0)


@pytest.mark.parametrize("attempt", [0, 2])
def test_signs_of_another_attempt_are_nobodys(attempt: int) -> None:
    """They arrive late, and change nothing."""
    run = engine(Node("a", idle_timeout=10.0))
    tell(run, Begun())
    assert [] == tell(run, ActivitySeen("a", attempt, StreamSignals(is_delivered=True)), 9.0)
    assert [Stop("a", 1, StopReason.IDLE)] == tell(run, Ticked(), 10.0)
    completes(run, "a", 10.5)
    assert [] == tell(run, ActivitySeen("a", 1, StreamSignals(is_delivered=True)), 10.6)
    assert None is run.wake_at


def test_whoever_changes_its_mind_is_stopped_once_and_in_time() -> None:
    """A hundred deliveries and wakings leave a hundred timers, and one end."""
    run = engine(Node("a", idle_timeout=50.0))
    tell(run, Begun())
    for step in range(1, 101):
        shows(run, "a", step * 1.0, is_delivered=bool(step % 2))
    stops = []
    while (wake_at := run.wake_at) is not None:
        stops += [(wake_at, each) for each in tell(run, Ticked(), max(wake_at, 100.0))]
    assert [(150.0, Stop("a", 1, StopReason.IDLE))] == stops
