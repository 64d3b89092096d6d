"""What is known of a task once it was started: its attempts, its status, its answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from orchestrator.core.state import TaskStatus


class Verdict(StrEnum):
    """How an attempt ended, as the agent's evidence says."""

    COMPLETED = "completed"
    FAILED = "failed"
    """Failed; another attempt may help."""
    FATAL = "fatal"
    """Failed; another attempt would fail the same way."""
    INTERRUPTED = "interrupted"
    """We ended it or lost it; it is not charged to the task."""


class StopReason(StrEnum):
    """Why we ended an attempt ourselves."""

    TIMEOUT = "timeout"
    SHUTDOWN = "shutdown"
    ORPHANED = "orphaned"
    """The runner died; the guard ended what it had started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How the processes of an attempt ended: what the attempt record says. Times are seconds since the epoch."""

    code: int | None = None
    signal: int | None = None
    stopped: StopReason | None = None
    error: str = ""
    """What went wrong on our side: nothing could be started, no record could be written, the guard died."""
    started: float = 0.0
    ended: float = 0.0
    duration: float = 0.0
    """Seconds on a clock that does not jump."""
    pid: int = 0
    max_rss: int = 0
    """Bytes; 0 when unknown (seed row S2-67)."""
    cpu: float = 0.0
    """Seconds of processor time, user and system."""

    def describe(self) -> str:
        """Say it in a few words: ``exit 1``, ``killed by signal 9``."""
        if self.error:
            return self.error
        if self.signal is not None:
            return f"killed by signal {self.signal}"
        return "no exit status" if self.code is None else f"exit {self.code}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an agent makes of its log and its exit."""

    verdict: Verdict
    reason: str = ""
    """Why it is not completed, in one line for people."""
    answer: str = ""
    is_markdown: bool = False
    statistics: Mapping[str, str] = field(default_factory=dict)
    """Figures for the result's table: metric → value."""


class Attempt(NamedTuple):
    """One line of the attempts in a result file. ``charge`` counts the attempts charged so far, this one included.

    A tuple like ``Task``, and for the same reason.
    """

    number: int
    charge: int
    run: str = ""
    status: str = TaskStatus.RUNNING.value
    """``running`` or the word of a ``Verdict``."""
    reason: str = ""
    started: float = 0.0
    ended: float = 0.0
    duration: float = 0.0
    exit: str = ""
    pid: int = 0


class Result(NamedTuple):
    """The outcome of one task: what ``results/agent-XX-result.md`` holds."""

    task: str
    agent: str
    status: TaskStatus
    attempts: tuple[Attempt, ...] = ()
    inputs: Mapping[str, int] = MappingProxyType({})
    """Which attempt of each dependency this result was made from; another one makes it stale."""
    answer: str = ""

    @property
    def last(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def number(self) -> int:
        """Number of the newest attempt; 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def reason(self) -> str:
        """Why the newest attempt is not completed."""
        return self.attempts[-1].reason if self.attempts else ""

    @property
    def duration(self) -> float:
        """Seconds the newest attempt took."""
        return self.attempts[-1].duration if self.attempts else 0.0
