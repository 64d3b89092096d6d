"""An executor without processes, held to the same conformance suite as the real ones."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import anyio
import anyio.lowlevel

from orchestrator.core.result import ProcessExit, StopReason
from orchestrator.executors.exit_record import run_inline, write_exit
from orchestrator.executors.protocol import Batches, Done, Job, News, ProcessStarted


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """What a job of the fake does."""

    exit: ProcessExit = field(default_factory=lambda: ProcessExit(code=0))
    """Its ``error`` is that of a job that cannot be started."""
    output: str = ""
    lasts: bool = False
    """Runs until it is stopped, or until the test calls ``finish``."""


def play_nothing(job: Job) -> Play:
    """Every job ends at once and well."""
    return Play()


class FakeExecutor:
    """Plays what *play* says of each job; ``started`` and ``stopped`` tell a test what was asked of it."""

    def __init__(self, play: Callable[[Job], Play] = play_nothing) -> None:
        self._play = play
        self.started: list[Job] = []
        self.stopped: list[tuple[str, StopReason, float]] = []
        self.running: dict[str, tuple[Job, Play]] = {}
        self._pid = 1000
        self._known: list[News] = []
        self._wake = anyio.Event()
        self._error: Exception | None = None
        self._is_open = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        self._is_open = True
        try:
            yield
        finally:
            for key in tuple(self.running):
                self.finish(key, stopped=StopReason.SHUTDOWN)
            self._is_open = False
            self._wake.set()

    def start(self, job: Job) -> None:
        self.started.append(job)
        if not job.argv:
            self._tell(Done(job.key, run_inline(job)))
            return
        play = self._play(job)
        self.running[job.key] = (job, play)
        if play.exit.error:
            self.finish(job.key)
            return
        self._pid += 1
        self._tell(ProcessStarted(job.key, self._pid))
        if not play.lasts:
            self.finish(job.key)

    def stop(self, key: str, reason: StopReason, grace: float) -> None:
        self.stopped.append((key, reason, grace))
        if key in self.running:
            self.finish(key, stopped=reason)

    def news(self) -> AsyncIterator[Sequence[News]]:
        return Batches(self._next_batch)

    def finish(self, key: str, *, stopped: StopReason | None = None) -> None:
        """Let a job end, as it was going to or because it was stopped."""
        job, play = self.running.pop(key)
        now = time.time()
        known = play.exit._replace(started=now, ended=now)
        if stopped is not None:
            known = known._replace(code=None, signal=15, stopped=stopped)
        self._tell(Done(key, write_exit(job, known, output=play.output)))

    def die(self, error: Exception) -> None:
        """Lose every job, then raise *error* to whoever waits for news."""
        for key in tuple(self.running):
            self.finish(key, stopped=StopReason.ORPHANED)
        self._error = error
        self._wake.set()

    def _tell(self, news: News) -> None:
        self._known.append(news)
        self._wake.set()

    async def _next_batch(self) -> Sequence[News]:
        while not self._known and self._is_open and self._error is None:
            self._wake = anyio.Event()
            await self._wake.wait()
        await anyio.lowlevel.checkpoint()
        if not self._known and self._error is not None:
            raise self._error
        batch, self._known = self._known, []
        return batch
