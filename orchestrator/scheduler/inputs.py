"""What can happen to a run, as the engine is told of it."""

from __future__ import annotations

from typing import NamedTuple

from orchestrator.core.result import StreamSignals, Verdict
from orchestrator.scheduler.node import Intervened, Node


class Tick(NamedTuple):
    """When an event happened: seconds on a clock that never jumps, and one random number in [0, 1)."""

    now: float
    draw: float = 0.5


class Begun:
    """The run begins."""


class Heard(NamedTuple):
    """An attempt gave a sign of life."""

    task: str
    attempt: int
    signs: StreamSignals


class Ended(NamedTuple):
    """An attempt is over and judged."""

    task: str
    attempt: int
    verdict: Verdict
    reason: str = ""
    cost: float | None = 0.0
    """USD of this attempt; with ``settles``, of it and of earlier ones whose cost was not known. None: unknown."""
    settles: bool = False
    is_resumable: bool = False
    """The next attempt goes on with its session, and its cost will be known then."""
    until: float = 0.0
    """Of a held account: when it opens, on the clock of ``Tick``; infinity: when a person opens it."""
    model: str = ""
    """Of a held account: the model that alone is held."""
    is_outage: bool = False
    """Of a held account: the service failed, and nobody said for how long."""
    is_refused: bool = False
    """It failed without a turn of work: that may say something of its account."""


class Recorded(NamedTuple):
    """The result of an attempt is on disk, durably: its dependants may count on it."""

    task: str


class Replanned(NamedTuple):
    """A person changed the plan: these are its tasks now, the completed ones too."""

    entries: tuple[Node, ...]


class Ticked:
    """The moment ``wake_at`` asked for has come."""


class Slept(NamedTuple):
    """Time went by that the clock of ``Tick`` did not count: the machine slept, or its clock was put forward."""

    seconds: float


class StopRequested(NamedTuple):
    """The run shall end: nothing new starts, what runs is stopped, or comes to its own end."""

    ends_agents: bool = True


Event = Begun | Heard | Ended | Recorded | Replanned | Intervened | Ticked | Slept | StopRequested
