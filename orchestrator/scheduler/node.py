"""What the engine keeps of one task."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.core.readiness import PLAIN, Rule
from orchestrator.core.result import StopReason, Verdict
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.scheduler.budget import DEFAULT_MODEL, DUST

#: Seconds a process may stay once its answer is complete.
LINGER = 10.0


class Intervened(NamedTuple):
    """A user settles a task by command: an event, kept by its entry while that cannot be decided yet."""

    command: TaskCommand
    doer: str = ""
    """Who is at the task right now."""


@dataclass(slots=True, eq=False, repr=False)
class Node:
    """What the engine knows of one task. The caller fills it in to build an engine; then only the engine writes it."""

    id: str
    needs: tuple[str, ...] = ()
    priority: int = 0
    rank: float = 0.0
    timeout: float = math.inf
    max_attempts: int = 1
    retry_delay: float = 0.0
    idle_timeout: float = math.inf
    account: str = ""
    """Who pays for it; empty: it costs nothing."""
    model: str = DEFAULT_MODEL
    """The model that is asked of its agent, and others that it turned out to need."""
    pool: tuple[str, ...] = ()
    """Agents whose ``max_parallel`` it counts against (``core.capacity``)."""
    budget: float = math.inf
    """USD it may cost, all its attempts together; infinity: no one said."""
    spent: float = 0.0
    """USD of that which its attempts have cost, or may have."""
    open_bill: float = 0.0
    """USD reserved for earlier attempts that were cut short: the next one in their session will tell what they cost."""
    is_umbrella: bool = False
    """It completes by itself when its needs are: no slot, no attempt, no cost, no result file."""
    status: TaskStatus = TaskStatus.WAITING
    attempt: int = 0
    """Number of the newest attempt."""
    charge: int = 0
    """Attempts that count against ``max_attempts``."""
    order_needs: frozenset[str] = frozenset()
    """Needs that hand nothing over: done again, they make nothing stale."""
    rule: Rule = PLAIN
    """What has to become of its needs for it to run."""
    condition: str = ""
    """The runner is asked whether it is met, once the needs are over; empty: it has none."""
    stops: str = ""
    """The batch of which nothing more is started once one task of it failed; empty: none."""
    is_omitted: bool = False
    """Skipped because nothing needs it: what depends on it goes on without it."""
    is_outdated: bool = False
    """Of a row of a plan that was changed: its result was made without something that is under an umbrella now."""
    place: int = field(default=0, init=False)
    ticket: int = field(default=0, init=False)
    """Its number in the queue of what is ready; 0: it does not wait there."""
    unmet: int = field(default=0, init=False)
    """Needs that are not completed."""
    undurable: int = field(default=0, init=False)
    """Needs that are completed and not yet recorded."""
    started: float = field(default=0.0, init=False)
    heard: float = field(default=0.0, init=False)
    is_delivered: bool = field(default=False, init=False)
    turns: int = field(default=0, init=False)
    """Turns of work that the attempt under way has shown."""
    refused: float = field(default=-math.inf, init=False)
    """When it was refused, or met an outage, and was not charged; minus infinity: not since it got through."""
    cap: float = field(default=0.0, init=False)
    """USD reserved for the attempt under way."""
    due: float = field(default=-1.0, init=False)
    """When its backoff is over; negative: it waits for none."""
    stopping: bool = field(default=False, init=False)
    unrecorded: bool = field(default=False, init=False)
    is_decided: bool = field(default=False, init=False)
    """Whether its condition is met."""
    intended: tuple[Verb, str] | None = field(default=None, init=False)
    """What becomes of it once its attempt has ended, whatever that says: a verb, and the request for it."""
    asked: list[Intervened] = field(default_factory=list, init=False, repr=False)
    """What a user wants done with it once its newest result is on disk."""
    dependants: list[Node] = field(default_factory=list, init=False, repr=False)
    revised: Node | None = field(default=None, init=False, repr=False)
    """What its row says since it was changed; counts from the next attempt."""

    @property
    def conditions(self) -> tuple[str, str, tuple[str, ...]]:
        """What has to let it through before it can start: its account, its model, the agents it counts against."""
        return self.account, self.model if self.account else "", self.pool

    @property
    def left(self) -> float:
        """USD it may still cost."""
        left = self.budget - self.spent
        return left if left > DUST else 0.0

    def times_out(self) -> tuple[float, StopReason]:
        """When the attempt under way is ended if nothing more is heard of it, and why."""
        patience = LINGER if self.is_delivered else self.idle_timeout
        quiet = StopReason.LINGERING if self.is_delivered else StopReason.IDLE
        return min((self.started + self.timeout, StopReason.TIMEOUT), (self.heard + patience, quiet))

    def verb_after(self, verdict: Verdict) -> Verb:
        """Return what an attempt that no one interfered with does to its task."""
        match verdict:
            case Verdict.COMPLETED:
                return Verb.SUCCEED
            case Verdict.INTERRUPTED | Verdict.HELD:
                return Verb.INTERRUPT
            case Verdict.FAILED if self.charge < self.max_attempts and self.left > 0:
                return Verb.REPEAT
            case Verdict.FAILED | Verdict.FATAL:
                return Verb.FAIL

    def apply_revision(self) -> None:
        """Take over what its changed row says."""
        new, self.revised = self.revised, None
        if new is None:
            return
        self.timeout, self.idle_timeout = new.timeout, new.idle_timeout
        self.max_attempts, self.retry_delay = max(new.max_attempts, self.charge), new.retry_delay
        self.account, self.model, self.pool = new.account, new.model, new.pool
        self.budget = new.budget  # what was spent of it is spent
