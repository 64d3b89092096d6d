"""What the engine wants done."""

from __future__ import annotations

import math
from typing import NamedTuple

from orchestrator.core.result import StopReason, Verdict
from orchestrator.core.status import TaskStatus


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
    """The moment is our own: nobody said when the service lets anything through."""


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


Instruction = Launch | Stop | Record | Refuse | Skip | Hold | Resume | Strain | Finish
