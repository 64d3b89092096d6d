"""Task statuses and every transition between them, in one table.

``docs/state_machine.md`` is generated from ``TRANSITIONS``; nothing sets a status except ``move``.
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


class RunIf(StrEnum):
    """When a task runs, once everything that it depends on is over: the trigger rule."""

    ALL_COMPLETED = "all_completed"
    """Everything is completed, or was skipped because of a condition, but not all of it. The default."""
    ANY_COMPLETED = "any_completed"
    """Something is completed."""
    ALL_OVER = "all_over"
    """Whatever came of it."""
    ANY_FAILED = "any_failed"
    """Something failed, was cancelled, or was skipped because of that."""


class Verb(StrEnum):
    """What can happen to a task: in a run, and below that by a user's command."""

    READY = "ready"
    LAUNCH = "launch"
    SUCCEED = "succeed"
    REPEAT = "repeat"
    INTERRUPT = "interrupt"
    SKIP = "skip"
    WAIT = "wait"
    GATHER = "gather"
    FAIL = "fail"
    """By either."""
    START = "start"
    COMPLETE = "complete"
    BLOCK = "block"
    UNBLOCK = "unblock"
    CANCEL = "cancel"
    RETRY = "retry"


#: What people and outside agents can do, in the words of the command line.
COMMANDS = (Verb.START, Verb.COMPLETE, Verb.FAIL, Verb.BLOCK, Verb.UNBLOCK, Verb.CANCEL, Verb.RETRY)


_Arrows = dict[tuple[TaskStatus, Verb], tuple[TaskStatus, str]]


def _each(*statuses: TaskStatus, verb: Verb, after: TaskStatus, why: str) -> _Arrows:
    return {(status, verb): (after, why) for status in statuses}


#: (from, what happens) → (to, why, as a sentence for people)
TRANSITIONS: _Arrows = {
    (TaskStatus.WAITING, Verb.READY): (TaskStatus.PENDING, "every dependency is completed and its result is on disk"),
    (TaskStatus.WAITING, Verb.GATHER): (
        TaskStatus.COMPLETED,
        "it is an umbrella, and every task under it is completed",
    ),
    (TaskStatus.WAITING, Verb.SKIP): (
        TaskStatus.SKIPPED,
        "a task it depends on failed or was itself skipped, its condition is not met, or its batch stops",
    ),
    (TaskStatus.PENDING, Verb.WAIT): (
        TaskStatus.WAITING,
        "something that it depends on is not completed any more: its row was changed, or it was retried",
    ),
    (TaskStatus.SKIPPED, Verb.WAIT): (
        TaskStatus.WAITING,
        "nothing it depends on has failed any more: the plan was changed, or it was settled by command",
    ),
    (TaskStatus.RETRYING, Verb.WAIT): (
        TaskStatus.WAITING,
        "what it depends on was retried, or an umbrella it depends on has one more task",
    ),
    (TaskStatus.COMPLETED, Verb.WAIT): (
        TaskStatus.WAITING,
        "what it was made from was retried, or that is an umbrella with one more task",
    ),
    (TaskStatus.PENDING, Verb.LAUNCH): (TaskStatus.RUNNING, "a slot is free"),
    (TaskStatus.RUNNING, Verb.SUCCEED): (TaskStatus.COMPLETED, "the agent ended and there is evidence of success"),
    (TaskStatus.RUNNING, Verb.REPEAT): (TaskStatus.RETRYING, "the attempt failed and the retry budget is not used up"),
    (TaskStatus.RUNNING, Verb.FAIL): (
        TaskStatus.FAILED,
        "the attempt failed and nothing is left to try, or a command says so",
    ),
    (TaskStatus.RUNNING, Verb.INTERRUPT): (
        TaskStatus.PENDING,
        "the run was stopped or died, or the account was held; the attempt is not charged",
    ),
    (TaskStatus.RETRYING, Verb.LAUNCH): (TaskStatus.RUNNING, "the backoff is over and a slot is free"),
    # ── commands ────────────────────────────────────────────────────────────────────────────────────────────────
    (TaskStatus.PENDING, Verb.START): (TaskStatus.RUNNING, "claimed manually: it occupies no slot and has no timeout"),
    **_each(
        TaskStatus.PENDING,
        TaskStatus.RUNNING,
        TaskStatus.RETRYING,
        TaskStatus.BLOCKED,
        TaskStatus.FAILED,
        verb=Verb.COMPLETE,
        after=TaskStatus.COMPLETED,
        why="it was done by hand, and everything that it depends on is completed",
    ),
    **_each(
        TaskStatus.PENDING,
        TaskStatus.RETRYING,
        TaskStatus.BLOCKED,
        verb=Verb.FAIL,
        after=TaskStatus.FAILED,
        why="a command says that it cannot be done",
    ),
    **_each(
        TaskStatus.WAITING,
        TaskStatus.PENDING,
        TaskStatus.RUNNING,
        TaskStatus.RETRYING,
        TaskStatus.SKIPPED,
        verb=Verb.BLOCK,
        after=TaskStatus.BLOCKED,
        why="held back by command; what runs is ended, and what depends on it waits",
    ),
    (TaskStatus.BLOCKED, Verb.UNBLOCK): (TaskStatus.WAITING, "nothing keeps it any more but what it depends on"),
    **_each(
        TaskStatus.WAITING,
        TaskStatus.PENDING,
        TaskStatus.RUNNING,
        TaskStatus.RETRYING,
        TaskStatus.SKIPPED,
        TaskStatus.BLOCKED,
        verb=Verb.CANCEL,
        after=TaskStatus.CANCELLED,
        why="given up by command; what runs is ended, and what depends on it is skipped",
    ),
    **_each(
        TaskStatus.COMPLETED,
        TaskStatus.FAILED,
        TaskStatus.CANCELLED,
        TaskStatus.BLOCKED,
        verb=Verb.RETRY,
        after=TaskStatus.WAITING,
        why="it is to be done again, with all its attempts; those it had stay where they are",
    ),
    (TaskStatus.RUNNING, Verb.RETRY): (
        TaskStatus.WAITING,
        "a manual claim is released; what a run works on stays with the run",
    ),
}

#: Nothing more happens to a task in one of these during a run, unless a user asks for it.
SETTLED = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED})

#: A task in one of these was started and is not over.
ACTIVE = frozenset({TaskStatus.RUNNING, TaskStatus.RETRYING})
#: Nothing more is to be done about a task in one of these, unless a user wants it done again.
OVER = frozenset({TaskStatus.COMPLETED, TaskStatus.CANCELLED})
#: A task that needs one of these is skipped.
BLOCKS_DEPENDENTS = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED})

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
            f"Invalid transition: {status.value} + '{verb.value}'", hint="docs/state_machine.md shows every transition"
        )
    return arrow[0]


def parse_status(text: str) -> TaskStatus | None:
    """Read a status as people and the seeds write it: ``🔵 In Progress``, ``done``; None when it is not one.

    Besides our own words: six icons, ``in_progress``, ``ASSIGNED``, ``DONE``.
    """
    word = "_".join(re.findall(r"[a-z]+", text.lower()))
    try:
        return TaskStatus(word)
    except ValueError:
        return _OTHER_WORDS.get(word)
