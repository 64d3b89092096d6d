"""The events that the engine receives: everything that can happen to a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from orchestrator.core.result import StopReason, StreamSignals, Verdict
from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.node import Intervened, Node


class Tick(NamedTuple):
    """When an event happened: seconds on a clock that never jumps, and one random number in [0, 1)."""

    now: float
    draw: float = 0.5


class Begun:
    """The run begins."""


class ActivitySeen(NamedTuple):
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
    """Of a held account: the service failed, and it is not said for how long."""
    is_refused: bool = False
    """It failed without a turn of work: that may say something of its account."""


class Recorded(NamedTuple):
    """The result of an attempt is on disk, durably: its dependants may count on it."""

    task: str


class Replanned(NamedTuple):
    """A person changed the plan: these are its tasks now, the completed ones too."""

    entries: tuple[Node, ...]
    widths: Mapping[str, int] = MappingProxyType({})
    """How many tasks may run at the same time by limit, where the plan brings limits that were not known."""


class Ticked:
    """The moment ``wake_at`` asked for has come."""


class Slept(NamedTuple):
    """Time went by that the clock of ``Tick`` did not count: the machine slept, or its clock was put forward."""

    seconds: float


class StopRequested(NamedTuple):
    """The run shall end: nothing new starts, what runs is stopped, or comes to its own end."""

    ends_agents: bool = True


class Decided(NamedTuple):
    """The answer to ``Decide``."""

    task: str
    condition: str
    """The condition that was looked at."""
    is_met: bool | None
    """None: undecided, for a value is missing. The task is skipped as if something before it had failed."""


Input = Begun | ActivitySeen | Ended | Recorded | Replanned | Intervened | Ticked | Slept | StopRequested | Decided


# ── instructions ────────
#
# What the engine wants done.


class Launch(NamedTuple):
    """Start an attempt. ``charge`` says which of the task's allowed attempts it is, ``cap`` what it may cost (USD)."""

    task: str
    attempt: int
    charge: int
    cap: float = math.inf


class Stop(NamedTuple):
    """End a running attempt; its ``Ended`` is still awaited."""

    task: str
    attempt: int
    reason: StopReason


class Record(NamedTuple):
    """Make the new status of a task durable, then answer with ``Recorded``."""

    task: str
    status: TaskStatus
    retry_in: float = 0.0
    """Seconds until the next attempt, for people."""
    request: str = ""
    """The command that settled it so, to be answered once it is durable; empty: none did."""
    verdict: Verdict | None = None
    """How its attempt ended in the light of what others of its account met; None: as it said itself."""


class Skip(NamedTuple):
    """A task will not run in this run; ``reason`` names the dependency that failed."""

    task: str
    reason: str


class Delay(NamedTuple):
    """A task waits for what other plans use as well: a limit that the machine has a say in. For people."""

    task: str
    limit: str


class Decide(NamedTuple):
    """Look whether the condition of a task is met, and answer with ``Decided``; what it depends on is over."""

    task: str
    condition: str


class Refuse(NamedTuple):
    """A command cannot be carried out: answer why."""

    request: str
    task: str
    code: str
    message: str
    hint: str


class Hold(NamedTuple):
    """An account is held until a moment; infinity: until a person does something. For people; nothing is to be done."""

    account: str
    until: float
    reason: str
    is_outage: bool = False
    """The moment is our own: no one said when the service lets anything through."""


class Resume(NamedTuple):
    """An account is open again. For people."""

    account: str


class Strain(NamedTuple):
    """An account is close to its limit: so many attempts at a time; 0: no longer so. For people."""

    account: str
    most: int


class Finish(NamedTuple):
    """Nothing is left to do, or nothing that there is money for."""

    unaffordable: tuple[str, ...] = ()
    """Tasks that the plan's budget could not take."""
    overspent: tuple[str, ...] = ()
    """Tasks whose own budget is used up."""


Instruction = Launch | Stop | Record | Refuse | Skip | Decide | Delay | Hold | Resume | Strain | Finish
