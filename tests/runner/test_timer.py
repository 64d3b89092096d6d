"""A run is woken at its moment, also when the machine slept meanwhile."""

from __future__ import annotations

import anyio
import pytest

from orchestrator.runner import event_loop as timer_module
from orchestrator.runner.clock import Clock
from orchestrator.runner.event_loop import Timer
from orchestrator.scheduler.messages import Input, Slept, Ticked
from tests.executors.harness import until

HOUR = 3600.0


class Sleeper(Clock):
    """A machine whose wall clock goes on while nothing else does."""

    slept = 0.0

    def wall(self) -> float:
        return super().wall() + self.slept


class Watched:
    """A timer, and what it told."""

    def __init__(self, wakes_in: float) -> None:
        self.clock = Sleeper()
        self.told: list[Input] = []
        self.wake_at = self.clock.now() + wakes_in
        self.timer = Timer(self.clock, lambda: self.wake_at, self.handle)

    def handle(self, event: Input) -> None:
        self.told.append(event)
        if isinstance(event, Slept):
            self.wake_at -= event.seconds
        else:
            self.wake_at += HOUR
        self.timer.look()


@pytest.mark.parametrize("hours", [8.0, -8.0], ids=["slept", "put back"])
async def test_only_time_that_went_by_is_told(monkeypatch: pytest.MonkeyPatch, hours: float) -> None:
    """It is looked at while there is long to wait, and told once."""
    monkeypatch.setattr(timer_module, "_LOOK", 0.001)
    watched = Watched(wakes_in=9 * HOUR)
    before = watched.timer.timestamp(watched.clock.wall())
    async with anyio.create_task_group() as scope:
        scope.start_soon(watched.timer.keep_time)
        await until(lambda: watched.told)
        watched.clock.slept = hours * HOUR
        at = len(watched.told)
        await until(lambda: len(watched.told) > at + 2)
        scope.cancel_scope.cancel()
    found = [round(each.seconds / HOUR, 3) for each in watched.told if isinstance(each, Slept)]
    assert ([8.0] if hours > 0 else []) == found
    now = watched.timer.timestamp(watched.clock.wall())
    assert 0 <= now - before < HOUR


async def test_a_moment_that_has_come_is_told() -> None:
    """At once, and without a word of sleep."""
    watched = Watched(wakes_in=-1.0)
    async with anyio.create_task_group() as scope:
        scope.start_soon(watched.timer.keep_time)
        await until(lambda: watched.told)
        scope.cancel_scope.cancel()
    assert isinstance(watched.told[0], Ticked)
