"""Task statuses and every transition between them, in one table.

``docs/state_machine.md`` is generated from ``TRANSITIONS``; nothing sets a status except ``move``.
Rules: seed rows S2-23 and S1-34; design, "Identity and vocabulary".
"""

from __future__ import annotations

import re
from enum import StrEnum

from orchestrator.errors import TransitionError


class TaskStatus(StrEnum):
    """Where a task stands."""

    WAITING = "waiting"
    PENDING = "pending"
    RUNNING = "running"
    RETRYING = "retrying"
    COMPLETED = "completed"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class Verb(StrEnum):
    """What can happen to a task."""

    READY = "ready"
    LAUNCH = "launch"
    SUCCEED = "succeed"
    RETRY = "retry"
    FAIL = "fail"
    INTERRUPT = "interrupt"
    SKIP = "skip"
    WAIT = "wait"
    GATHER = "gather"


#: (from, what happens) → (to, why, as a sentence for people)
TRANSITIONS: dict[tuple[TaskStatus, Verb], tuple[TaskStatus, str]] = {
    (TaskStatus.WAITING, Verb.READY): (
        TaskStatus.PENDING,
        "every dependency is completed and its result is on disk",
    ),
    (TaskStatus.WAITING, Verb.GATHER): (
        TaskStatus.COMPLETED,
        "it is an umbrella, and every task under it is completed",
    ),
    (TaskStatus.WAITING, Verb.SKIP): (
        TaskStatus.SKIPPED,
        "a task it depends on failed or was itself skipped",
    ),
    (TaskStatus.PENDING, Verb.WAIT): (
        TaskStatus.WAITING,
        "its row in the plan was changed and depends on something that is not completed",
    ),
    (TaskStatus.SKIPPED, Verb.WAIT): (
        TaskStatus.WAITING,
        "the plan was changed and nothing it depends on has failed",
    ),
    (TaskStatus.PENDING, Verb.LAUNCH): (TaskStatus.RUNNING, "a slot is free"),
    (TaskStatus.RUNNING, Verb.SUCCEED): (
        TaskStatus.COMPLETED,
        "the agent ended and there is evidence of success",
    ),
    (TaskStatus.RUNNING, Verb.RETRY): (
        TaskStatus.RETRYING,
        "the attempt failed and the retry budget is not used up",
    ),
    (TaskStatus.RUNNING, Verb.FAIL): (
        TaskStatus.FAILED,
        "the attempt failed and nothing is left to try",
    ),
    (TaskStatus.RUNNING, Verb.INTERRUPT): (
        TaskStatus.PENDING,
        "the run was stopped or died, or the account was held; the attempt is not charged",
    ),
    (TaskStatus.RETRYING, Verb.LAUNCH): (
        TaskStatus.RUNNING,
        "the backoff is over and a slot is free",
    ),
}

#: Nothing more happens to a task in one of these during a run.
SETTLED = frozenset(
    {TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED}
)

_OTHER_WORDS = {
    "in_progress": TaskStatus.RUNNING,
    "assigned": TaskStatus.PENDING,
    "todo": TaskStatus.PENDING,
    "done": TaskStatus.COMPLETED,
    "success": TaskStatus.COMPLETED,
    "canceled": TaskStatus.CANCELLED,
}


def move(status: TaskStatus, verb: Verb) -> TaskStatus:
    """Return the status after *verb*.

    Raises:
        TransitionError: the table has no such arrow.
    """
    arrow = TRANSITIONS.get((status, verb))
    if arrow is None:
        raise TransitionError(
            f"invalid transition: {status.value} + '{verb.value}'",
            hint="docs/state_machine.md shows every transition",
        )
    return arrow[0]


def parse_status(text: str) -> TaskStatus | None:
    """Read a status as people and the seeds write it: ``🔵 In Progress``, ``done``; None when it is not one.

    Seed words: S2-23 (six icons), S1-34 (``in_progress``), S4-40 (``ASSIGNED``, ``DONE``).
    """
    word = "_".join(re.findall(r"[a-z]+", text.lower()))
    try:
        return TaskStatus(word)
    except ValueError:
        return _OTHER_WORDS.get(word)
