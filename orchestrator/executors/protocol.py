"""The protocol for executors: start, stop, and a stream of news."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeGuard

from orchestrator.core.result import ProcessExit, StopReason


class Job(NamedTuple):
    """One attempt, with every path resolved (absolute). Files of the attempt lie in directories that exist."""

    key: str
    """Unique within the run, for instance ``agent-01.attempt-1``."""
    argv: tuple[str, ...] = ()
    """Empty: nothing runs, ``output`` is what it printed."""
    env: Mapping[str, str] = MappingProxyType({})
    """Variables the process gets besides those it inherits."""
    keep: Sequence[str] = ("*",)
    """Names of variables the process inherits; ``*`` at the end stands for anything."""
    unset: Sequence[str] = ()
    """Names of variables it does not inherit all the same."""
    cwd: str = ""
    stdin: str = ""
    """Path of the file the process reads; empty: nothing to read."""
    stdout: str = ""
    stderr: str = ""
    record: str = ""
    """Where the attempt record is written, by temp + rename, when the whole tree of the attempt has ended."""
    output: str = ""
    facts: Mapping[str, Any] = MappingProxyType({})
    """Copied into the record as they are: task, attempt, run."""


class ProcessStarted(NamedTuple):
    """The process of a job runs."""

    key: str
    pid: int


class Done(NamedTuple):
    """A job is over: nothing of its tree is left, its logs are complete and its record is written."""

    key: str
    exit: ProcessExit


News = ProcessStarted | Done


def is_lost(news: News) -> TypeGuard[Done]:
    """Say whether a job is over because what ran it died."""
    return isinstance(news, Done) and news.exit.stopped is StopReason.ORPHANED


class Executor(Protocol):
    """Runs jobs."""

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Hold what the executor needs; on leaving, everything that still runs is ended.

        What takes time may begin at the call already, so that it is ready when the event loop is.
        """

    def start(self, job: Job) -> None:
        """Start a job without waiting. Every start is answered by exactly one ``Done``, also when it fails."""

    def stop(self, key: str, reason: StopReason, grace: float) -> None:
        """Ask a job to end, and make it after *grace* seconds. A job that is over or unknown is no error.

        A second call with a shorter grace makes it sooner.
        """

    def news(self) -> AsyncIterator[Sequence[News]]:
        """Yield what happened, everything that is known at once in one batch, until the executor is closed.

        Raises:
            ExecutorError: the executor died; every job it had is over and was reported before.
        """


class Batches:
    """News by batches, until one is empty. No generator: leaving it in the middle leaves nothing to clean up."""

    def __init__(self, following: Callable[[], Awaitable[Sequence[News]]]) -> None:
        """Take what waits for the next batch."""
        self._following = following

    def __aiter__(self) -> Batches:
        """Begin with what is known."""
        return self

    async def __anext__(self) -> Sequence[News]:
        """Return the next batch."""
        if batch := await self._following():
            return batch
        raise StopAsyncIteration
