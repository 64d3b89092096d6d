"""What happened, said once: the journal, the progress view and ``run --json`` all tell it in their own words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Any, NamedTuple

from orchestrator.core.cost import total_cost, usd
from orchestrator.core.duration import format_duration
from orchestrator.core.result import Result
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.text import join_first, one_line, pluralize
from orchestrator.core.timestamp import iso
from orchestrator.scheduler.budget import MOST_NAMED, too_little
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import Finish


class Kind(StrEnum):
    """The kinds of things that happen; stable words of ``run --json``."""

    RUN_STARTED = "run_started"
    TASK_STARTED = "task_started"
    TASK_COMPLETED = "task_completed"
    TASK_FAILED = "task_failed"
    TASK_RETRYING = "task_retrying"
    TASK_INTERRUPTED = "task_interrupted"
    TASK_SKIPPED = "task_skipped"
    TASK_STOPPING = "task_stopping"
    TASK_BLOCKED = "task_blocked"
    TASK_UNBLOCKED = "task_unblocked"
    TASK_CANCELLED = "task_cancelled"
    TASK_RESET = "task_reset"
    """A user wants it done again."""
    TASK_PROGRESS = "task_progress"
    """The worker says how far they are."""
    TASK_WAITING = "task_waiting"
    """It could start, but for what other plans use as well: a shared pool, memory."""
    NEWS = "news"
    WARNING = "warning"
    SHARE = "share"
    """A user said something; these four are the words of ``core/message.py``."""
    DISCOVER = "discover"
    SYNC = "sync"
    JOIN = "join"
    RUN_CHANGED = "run_changed"
    """A person changed the plan."""
    RUN_HELD = "run_held"
    RUN_UNAFFORDABLE = "run_unaffordable"
    """The plan's budget is used up: the next run ends the same way, unless a user raises it."""
    RUN_OVERSPENT = "run_overspent"
    """So is the own budget of tasks."""
    RUN_RESUMED = "run_resumed"
    RUN_DELAYED = "run_delayed"
    """What is ready starts a little later, and why: the service failed a moment ago, or a limit is near."""
    RUN_STOPPING = "run_stopping"
    RUN_ENDED = "run_ended"


#: What it is called when an attempt leaves its task with a status.
ENDINGS = {
    TaskStatus.COMPLETED: Kind.TASK_COMPLETED,
    TaskStatus.FAILED: Kind.TASK_FAILED,
    TaskStatus.RETRYING: Kind.TASK_RETRYING,
    TaskStatus.PENDING: Kind.TASK_INTERRUPTED,
}


#: What it is called when a user settles a task by command.
COMMANDED = {
    Verb.START: Kind.TASK_STARTED,
    Verb.COMPLETE: Kind.TASK_COMPLETED,
    Verb.FAIL: Kind.TASK_FAILED,
    Verb.BLOCK: Kind.TASK_BLOCKED,
    Verb.UNBLOCK: Kind.TASK_UNBLOCKED,
    Verb.CANCEL: Kind.TASK_CANCELLED,
    Verb.RETRY: Kind.TASK_RESET,
}


#: Characters of a line in the journal.
_LONGEST = 1000


class Event(NamedTuple):
    """One thing that happened. ``time`` is seconds since the epoch, ``duration`` and ``retry_in`` are seconds."""

    kind: Kind
    time: float
    task: str = ""
    name: str = ""
    agent: str = ""
    attempt: int = 0
    run: str = ""
    """The run that starts."""
    tasks: int = 0
    """How many tasks a run is about to run; those that it is at when the plan is changed are among them."""
    duration: float | None = None
    retry_in: float | None = None
    cost: float | None = 0.0
    """USD of an attempt that is over; None when unknown."""
    text: str = ""
    """Why, or what, in one line."""

    def line(self) -> str:
        """One line for the journal: time, task, what, why."""
        what = self.kind.value.partition("_")[2] or self.kind.value
        parts = [
            iso(self.time),
            one_line(self.task) or "run",
            f"{what}{f' attempt {self.attempt}' if self.attempt else ''}",
        ]
        if self.run:
            parts.append(f"run {self.run}")
        if self.agent:
            parts.append(f"agent {one_line(self.agent)}")
        if self.duration is not None:
            parts.append(f"after {format_duration(self.duration)}")
        if self.cost != 0:
            parts.append(f"cost {usd(self.cost)}")
        if self.retry_in is not None:
            parts.append(f"again in {format_duration(self.retry_in)}")
        line = " · ".join(parts)
        said = one_line(self.text, _LONGEST - len(line) - len(" · ")) if self.text else ""
        return f"{line} · {said}" if said else line

    def as_json(self) -> dict[str, Any]:
        """Return the fields that say something, for ``run --json``."""
        fields: dict[str, Any] = {"event": self.kind.value, "time": iso(self.time)}
        for name in ("run", "task", "name", "agent", "attempt", "tasks", "text"):
            if value := getattr(self, name):
                fields[name] = value
        for name in ("duration", "retry_in"):
            if (seconds := getattr(self, name)) is not None:
                fields[name] = round(seconds, 3)
        if self.cost != 0:
            fields["cost_usd"] = self.cost
        return fields


def money_used_up(engine: Engine, finish: Finish, paid_for: Iterable[Result]) -> Iterator[tuple[Kind, str]]:
    """Yield which budget is used up, and for which tasks: their own, that of the plan.

    *paid_for* is everything that may have cost something.
    """
    if finish.overspent:
        yield (Kind.RUN_OVERSPENT, f"their own budget is used up: {join_first(finish.overspent, MOST_NAMED)}")
    if finish.unaffordable:
        budget = engine.budget
        left = f"{usd(max(budget.left, 0.0))} of the budget of {usd(budget.budget)} is left"
        if (spent := total_cost(paid_for)).unknown:
            attempts = pluralize(spent.unknown, "attempt")
            verb = "counts" if spent.unknown == 1 else "count"
            left += f" ({attempts} of unknown cost {verb} as {usd(spent.feared)})"
        own = {each: engine.entries[each].left for each in finish.unaffordable}
        yield Kind.RUN_UNAFFORDABLE, f"{left}, {too_little(own)}"


#: A user who wants to know. Called in the event loop, so it must be quick.
Listener = Callable[[Event], None]
