"""Clock jumps neither kill nor freeze a run (promise 17): wall time is shown, and nothing is decided by it."""

from __future__ import annotations

import itertools
from pathlib import Path

import anyio
import pytest

from orchestrator.core.result import ProcessExit
from orchestrator.core.status import TaskStatus
from orchestrator.executors.protocol import Job
from orchestrator.runner.clock import Clock
from orchestrator.store.workspace import Workspace
from tests.fakes.executor import Play
from tests.runner.bench import Bench, write_plan

S = TaskStatus
DAY = 86_400.0


class Jumping(Clock):
    """Somebody sets the clock of the machine, far ahead and far back, at every look; it never stands still."""

    def __init__(self, *jumps: float) -> None:
        super().__init__()
        self._jumps = itertools.cycle(jumps)

    def wall(self) -> float:
        return super().wall() + next(self._jumps)


def test_decisions_are_made_on_a_clock_that_does_not_jump() -> None:
    """Only differences of it mean anything, and it never goes back."""
    clock = Jumping(-DAY, DAY)
    poll = [clock.now() for _ in range(1000)]
    assert sorted(poll) == poll
    assert poll[-1] - poll[0] < DAY
    assert abs(clock.wall() - clock.wall()) > DAY


@pytest.mark.parametrize(
    "jumps", [(0.0, 400 * DAY), (0.0, -400 * DAY), (DAY, -DAY, 0.0)], ids=["ahead", "back", "both"]
)
async def test_a_clock_that_jumps_neither_kills_nor_freezes_a_run(tmp_path: Path, jumps: tuple[float, ...]) -> None:
    """No timeout comes early, no retry late; what is written can be read again."""

    def play(job: Job) -> Play:
        is_first = job.facts["task"] == "T-01" and job.facts["attempt"] == 1
        return Play(exit=ProcessExit(code=1)) if is_first else Play(output="done\n")

    workspace = write_plan(tmp_path, {"T-01": "", "T-02": "T-01"})
    settings = {"timeout": 60.0, "retry_delay": 0.01}
    bench = Bench(workspace, play, settings=settings, clock=Jumping(*jumps))
    with anyio.fail_after(20):
        board = await bench.run()
    assert {S.COMPLETED: 2} == board.counts()
    assert [] == bench.executor.stopped
    assert {S.COMPLETED: 2} == Workspace(workspace.layout).load(is_live=False).counts()


async def test_a_timeout_comes_although_the_clock_is_set_back(tmp_path: Path) -> None:
    """It counts from the start of the attempt on the clock that does not jump."""
    workspace = write_plan(tmp_path, {"T-01": ""})
    settings = {"timeout": 0.3, "retries": 0}
    bench = Bench(workspace, lambda job: Play(lasts=True), settings=settings, clock=Jumping(0.0, -DAY))
    with anyio.fail_after(20):
        board = await bench.run()
    assert "timed out after 0.3s" == board.results["T-01"].reason
