"""Jobs without a process: their output is known before they start."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel

from orchestrator.core.result import Exit, StopReason
from orchestrator.executors.protocol import Done, Job, News
from orchestrator.executors.record import write_exit


def run_inline(job: Job) -> Exit:
    """Write what a job without ``argv`` prints, and its record, as a process that ends at once would leave them."""
    return write_exit(job, Exit(code=0, started=time.time()), output=job.output)


class InlineExecutor:
    """Runs only jobs without a process, for instance those of simulated agents; starts no guard."""

    def __init__(self) -> None:
        self._known: list[News] = []
        self._wake = anyio.Event()
        self._is_open = False

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Nothing needs holding."""
        self._is_open = True
        try:
            yield
        finally:
            self._is_open = False
            self._wake.set()

    def start(self, job: Job) -> None:
        """Do it at once; its ``Done`` is among the next news."""
        if job.argv:
            text = f"cannot start {job.argv[0]!r}: this executor starts no processes"
            done = write_exit(job, Exit(error=text, started=time.time()))
        else:
            done = run_inline(job)
        self._known.append(Done(job.key, done))
        self._wake.set()

    def stop(self, key: str, reason: StopReason, grace: float) -> None:
        """Every job is over already."""

    def news(self) -> AsyncIterator[Sequence[News]]:
        """Yield what happened."""
        return _InlineNews(self)

    async def next_batch(self) -> Sequence[News]:
        """Wait for news; none are left: the executor is closed."""
        while not self._known and self._is_open:
            self._wake = anyio.Event()
            await self._wake.wait()
        await anyio.lowlevel.checkpoint()
        batch, self._known = self._known, []
        return batch


class _InlineNews:
    """An iterator that is no generator: leaving it in the middle leaves nothing to clean up."""

    def __init__(self, executor: InlineExecutor) -> None:
        self._executor = executor

    def __aiter__(self) -> _InlineNews:
        return self

    async def __anext__(self) -> Sequence[News]:
        batch = await self._executor.next_batch()
        if not batch:
            raise StopAsyncIteration
        return batch
