"""A command that changes where a task stands: may it, and what comes of it. The same rules with and without a live run.

Nothing that was paid for is deleted: attempts are only ever added or closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt, Result, Verdict, closed
from orchestrator.core.status import COMMANDS, TRANSITIONS, TaskStatus, Verb, move
from orchestrator.errors import DependencyError, TransitionError

#: How an attempt ended that no own process was behind.
BY_HAND = "by hand"
#: What `complete` of a task is answered that its own worker calls.
OWN_END = "your final answer is the result"
#: Open dependencies named in one message.
_NAMED = 10
_NEEDS_DONE = frozenset({Verb.START, Verb.COMPLETE})
_UNMET = frozenset({TaskStatus.WAITING, TaskStatus.SKIPPED})
#: Anyone who says one of these wants the task to be done.
_TO_BE_DONE = frozenset({Verb.START, Verb.UNBLOCK, Verb.RETRY})
_AGAIN = "`orchestrator retry {}` has it done again; "
#: What leads to that. Hints are typed as they stand: none may say that a task is done, or keep it from being so.
_WAYS = {
    TaskStatus.WAITING: "a run does it once what it depends on is completed; ",
    TaskStatus.PENDING: "the next run does it, or the one that is at work; ",
    TaskStatus.RETRYING: "its run does it again; ",
    TaskStatus.BLOCKED: "`orchestrator unblock {}` lets it be done; ",
    TaskStatus.COMPLETED: _AGAIN,
    TaskStatus.FAILED: _AGAIN,
    TaskStatus.CANCELLED: _AGAIN,
    TaskStatus.SKIPPED: "`orchestrator retry {}` has done again what failed before it; ",
}


class TaskCommand(NamedTuple):
    """What a user wants done with a task."""

    verb: Verb
    """A command; or ``launch``: the active run is to start it, too, and only that run can."""
    task: str
    """Empty with ``start``: the next one that is ready."""
    by: str
    """Who wants it."""
    time: float
    """When, seconds since the epoch."""
    id: str = ""
    """Names it for ever: it is carried out once."""
    note: str = ""
    """Why, in one line."""
    answer: str = ""
    """With ``complete``: the result."""
    progress: int | None = None
    """With ``start``: per cent done."""
    run: str = ""
    """The run whose worker for this very task asks for it; empty: another user."""

    @property
    def why(self) -> str:
        """Who and why: ``by alice: waits for the key``."""
        return f"by {self.by}: {self.note}" if self.note else f"by {self.by}"

    @property
    def is_claim(self) -> bool:
        """Whether any ready task will do."""
        return self.verb is Verb.START and not self.task


def decide(
    status: TaskStatus,
    command: TaskCommand,
    *,
    open_needs: Iterable[tuple[str, TaskStatus]] = (),
    doer: str = "",
    is_in_run: bool = False,
    is_held: bool = False,
) -> TaskStatus:
    """Return where the task stands after it.

    Args:
        status: Where it stands now.
        command: What a user wants.
        open_needs: What the task needs that is not completed: id and status.
        doer: Who is at it right now.
        is_in_run: It is an attempt of a run.
        is_held: Its newest attempt met a hold of its account, and no run is active.

    Raises:
        DependencyError: it cannot be started or completed before what it depends on.
        TransitionError: there is no such arrow.
    """
    verb = command.verb
    is_possible = (status, verb) in TRANSITIONS
    if verb in _NEEDS_DONE and (is_possible or status in _UNMET):
        _require_done(command.task, open_needs)
    is_own = status is TaskStatus.RUNNING and doer == command.by and command.progress is not None
    if verb is Verb.START and is_own:
        return status  # how far they are
    if verb is Verb.RETRY and status is TaskStatus.PENDING and is_held:
        return status  # the account is to be tried before it opens
    if not is_possible or (verb is Verb.RETRY and is_in_run):
        raise TransitionError(f"Invalid transition: {status.value} + '{verb.value}'", hint=_hint(status, command, doer))
    return move(status, verb)


def _require_done(task: str, open_needs: Iterable[tuple[str, TaskStatus]]) -> None:
    listed = [f"{need} ({before.value})" for need, before in open_needs]
    if listed:
        more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
        raise DependencyError(
            f"Dependency not DONE: {', '.join(listed[:_NAMED])}{more}",
            hint=f"{task} can be done once they are completed",
        )


def _hint(status: TaskStatus, command: TaskCommand, doer: str) -> str:
    task = command.task
    if status is TaskStatus.RUNNING and doer == command.by:
        further = f"`orchestrator start {task} --progress N` says how far you are"
        return f"you have it already: {further}, `complete` or `fail` ends it"
    if status is TaskStatus.RUNNING and doer:
        return f"{doer} runs {task}"
    verbs = [each.value for each in COMMANDS if (status, each) in TRANSITIONS]
    way = _WAYS.get(status, "") if command.verb in _TO_BE_DONE else ""
    return f"{way.format(task)}a task that is {status.value} allows {', '.join(verbs)}"


def apply(
    before: Result | None, command: TaskCommand, status: TaskStatus, *, number: int, inputs: Mapping[str, int]
) -> Result:
    """Return the result of a task once *command* is carried out on it; no run is at it.

    Args:
        before: What is known of it.
        command: What a user wants.
        status: What ``decide`` answered.
        number: Of the attempt that this makes, if it makes one.
        inputs: The newest attempts of what it depends on.
    """
    if command.verb in {Verb.COMPLETE, Verb.FAIL} and (had := taken_from(command, before)):
        command = command._replace(note=f"{command.note}; {had}" if command.note else had)
    attempts, kept = _attempts_after(before, command, number=number, inputs=inputs)
    return noted(
        Result(
            task=command.task,
            agent=attempts[-1].agent if attempts else "",
            # What waits or may start is derived from what it depends on.
            status=TaskStatus.PENDING if status is TaskStatus.WAITING else status,
            attempts=tuple(attempts),
            inputs=kept,
            progress=before.progress if before else None,
        ),
        command,
    )


def _attempts_after(
    before: Result | None, command: TaskCommand, *, number: int, inputs: Mapping[str, int]
) -> tuple[list[Attempt], Mapping[str, int]]:
    """Return the attempts of a task once *command* is carried out, and what its result is made from."""
    attempts = _with_agents(before)
    last = attempts[-1] if attempts else None
    is_open = last is not None and last.is_open and last.is_manual
    if not is_open:
        # What its run left open is over as that run is: its log and record are evidence of it, and of nothing else.
        attempts = list(closed(attempts))
    fresh = Attempt(
        number=number,
        charge=last.charge if last else 0,
        agent=command.by,
        started=command.time,
        exit="" if command.verb is Verb.START else BY_HAND,
    )
    kept = before.inputs if before else {}
    match command.verb:
        case Verb.START if not is_open:
            attempts, kept = [*attempts, fresh], inputs
        case Verb.COMPLETE | Verb.FAIL:
            if not is_open:
                attempts, kept = [*attempts, fresh], {}
            # What was put before it since it was begun is known to anyone who says how it ended.
            kept = {**inputs, **kept}
            verdict = Verdict.COMPLETED if command.verb is Verb.COMPLETE else Verdict.FAILED
            attempts[-1] = _closed(attempts[-1], command, verdict)._replace(agent=command.by)
        case Verb.BLOCK | Verb.CANCEL | Verb.RETRY if is_open:
            attempts[-1] = _closed(attempts[-1], command, Verdict.INTERRUPTED)
        case Verb.RETRY | Verb.UNBLOCK if last is not None and last.status == Verdict.HELD.value:
            attempts[-1] = last._replace(until=command.time)  # it holds its account no longer
        case _:
            pass  # the attempts stay as they are
    return attempts, kept


def taken_from(command: TaskCommand, before: Result | None) -> str:
    """Say who had a task in hand that another user completes or fails; empty: no one."""
    last = before.last if before else None
    is_held = last is not None and last.is_open and last.is_manual and last.agent != command.by
    is_settled = command.verb in {Verb.COMPLETE, Verb.FAIL}
    return f"{last.agent} had it in hand" if last and is_held and is_settled else ""


def noted(result: Result, command: TaskCommand) -> Result:
    """Return a result that says who settled it so."""
    note, progress = command.why, result.progress
    match command.verb:
        case Verb.START:
            note, progress = "", command.progress if command.progress is not None else progress
        case Verb.COMPLETE:
            is_told = command.note or command.by != result.agent
            note, progress = command.why if is_told else "", None
        case Verb.FAIL:
            note = ""  # the reason of its attempt
        case Verb.UNBLOCK | Verb.RETRY:
            note, progress = f"{command.verb.value} {command.why}", None
        case _:
            pass  # who and why
    return result._replace(note=note, progress=progress, request=command.id)


def _with_agents(before: Result | None) -> list[Attempt]:
    """Return the attempts so far; those of old files were all made by the agent that their result names."""
    if before is None:
        return []
    return [each if each.agent else each._replace(agent=before.agent) for each in before.attempts]


def _closed(attempt: Attempt, command: TaskCommand, verdict: Verdict) -> Attempt:
    return attempt._replace(
        status=verdict.value,
        reason="" if verdict is Verdict.COMPLETED else command.why,
        ended=command.time,
        duration=max(command.time - attempt.started, 0.0),
        exit=BY_HAND,
    )


def next_ready(tasks: Iterable[Task], status: Callable[[str], TaskStatus], by: str) -> str | None:
    """Return the task that a user who asks for work gets: what is assigned to them first, then by priority.

    What is assigned to another user is not for them; they may still take it by its id.
    """
    pending = (task for task in tasks if status(task.id) is TaskStatus.PENDING and not task.is_batch)
    ready = (task for task in pending if task.assignee in {"", by})
    best = min(ready, key=lambda task: (task.assignee != by, -task.priority), default=None)
    return best.id if best is not None else None


#: What leads to a status that a user wants, in the order of preference.
_TOWARDS = {
    TaskStatus.RUNNING: (Verb.START,),
    TaskStatus.COMPLETED: (Verb.COMPLETE,),
    TaskStatus.FAILED: (Verb.FAIL,),
    TaskStatus.BLOCKED: (Verb.BLOCK,),
    TaskStatus.CANCELLED: (Verb.CANCEL,),
    TaskStatus.PENDING: (Verb.UNBLOCK, Verb.RETRY),
    TaskStatus.WAITING: (Verb.UNBLOCK, Verb.RETRY),
}


def verb_towards(command: TaskStatus, now: TaskStatus) -> Verb:
    """Return the verb that brings a task to a status.

    Raises:
        TransitionError: none does: no one says that a task is skipped or retrying.
    """
    verbs = _TOWARDS.get(command)
    if verbs is None:
        known = ", ".join(status.value for status in _TOWARDS)
        raise TransitionError(f"nobody sets the status {command.value}: it follows from others", hint=f"one of {known}")
    return next((verb for verb in verbs if (now, verb) in TRANSITIONS), verbs[-1])
