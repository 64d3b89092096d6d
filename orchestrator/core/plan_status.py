"""Where a whole plan stands, and every transition of it, in one table.

``docs/state_machine.md`` is generated from ``PLAN_TRANSITIONS``; nothing sets the state of a plan except ``move_plan``.
A plan that says no state (it has no ``status:`` in its front matter) needs no approval, and no one moves it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.status import TaskStatus
from orchestrator.errors import TransitionError


class PlanState(StrEnum):
    """Where a plan stands."""

    PLANNING = "planning"
    APPROVED = "approved"
    IN_PROGRESS = "in_progress"
    TESTING = "testing"
    REVIEW = "review"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    FAILED = "failed"
    REJECTED = "rejected"

    @property
    def word(self) -> str:
        """How people and programs see it: ``IN_PROGRESS``."""
        return self.value.upper()


class PlanEvent(StrEnum):
    """What can happen to a plan."""

    APPROVE = "approve"
    REJECT = "reject"
    START = "start"
    TEST = "test"
    REVIEW = "review"
    COMPLETE = "complete"
    BLOCK = "block"
    UNBLOCK = "unblock"
    REOPEN = "reopen"
    FAIL = "fail"


_S, _E = PlanState, PlanEvent

#: (from, event) → (to, why, as a sentence for people)
PLAN_TRANSITIONS: dict[tuple[PlanState, PlanEvent], tuple[PlanState, str]] = {
    (_S.PLANNING, _E.APPROVE): (_S.APPROVED, "a person has read the plan and approves it"),
    (_S.PLANNING, _E.REJECT): (_S.REJECTED, "a person has read the plan and rejects it"),
    (_S.APPROVED, _E.START): (_S.IN_PROGRESS, "its first task is dispatched, or a run begins"),
    (_S.APPROVED, _E.BLOCK): (_S.BLOCKED, "it waits for something outside of it"),
    (_S.IN_PROGRESS, _E.TEST): (_S.TESTING, "everything but its tests is done"),
    (_S.IN_PROGRESS, _E.BLOCK): (_S.BLOCKED, "it waits for something outside of it"),
    (_S.IN_PROGRESS, _E.FAIL): (_S.FAILED, "given up by command"),
    (_S.TESTING, _E.REVIEW): (_S.REVIEW, "its tests are done"),
    (_S.TESTING, _E.REOPEN): (_S.IN_PROGRESS, "the tests found work to do"),
    (_S.TESTING, _E.BLOCK): (_S.BLOCKED, "it waits for something outside of it"),
    (_S.TESTING, _E.FAIL): (_S.FAILED, "given up by command"),
    (_S.REVIEW, _E.COMPLETE): (_S.COMPLETED, "a reviewer accepts it"),
    (_S.REVIEW, _E.REOPEN): (_S.IN_PROGRESS, "the review found work to do"),
    (_S.REVIEW, _E.BLOCK): (_S.BLOCKED, "it waits for something outside of it"),
    (_S.REVIEW, _E.FAIL): (_S.FAILED, "given up by command"),
    (_S.BLOCKED, _E.UNBLOCK): (_S.IN_PROGRESS, "what it waited for is there"),
    (_S.BLOCKED, _E.FAIL): (_S.FAILED, "given up by command"),
}

#: A plan in one of these is over, and may be archived.
TERMINAL = frozenset({PlanState.COMPLETED, PlanState.FAILED, PlanState.REJECTED})


def move_plan(state: PlanState, event: str) -> PlanState:
    """Return the state after *event*, which is whatever word a user has typed.

    Raises:
        TransitionError: there is no such event, or none that leads on from here.
    """
    arrows = {each: to for (before, each), (to, _) in PLAN_TRANSITIONS.items() if before is state}
    word = event.strip().lower().replace("-", "_")
    found = next((to for each, to in arrows.items() if each.value == word), None)
    if found is None:
        listed = ", ".join(f"{each.value} → {to.word}" for each, to in arrows.items())
        raise TransitionError(
            f"Invalid transition: {state.word} + '{event}'",
            hint=f"from {state.word}: {listed}" if listed else f"{state.word} is final",
        )
    return found


def parse_state(text: str) -> PlanState | None:
    """Read a state as people write it: ``IN_PROGRESS``, ``in progress``; None when it is none."""
    try:
        return PlanState("_".join(re.findall(r"[a-z]+", text.lower())))
    except ValueError:
        return None


class Step(NamedTuple):
    """One transition of a plan: a line of its journal."""

    time: str
    before: str
    after: str
    event: str
    who: str
    note: str = ""


_STEP = re.compile(r"(\S+) · plan · transition · (\w+) → (\w+) · (\w+) by ([^\s:]+)(?:: (.*))?", re.DOTALL)


def step_line(step: Step) -> str:
    """Return the line that a transition makes in the journal, without a line break as long as its parts have none."""
    note = f": {step.note}" if step.note else ""
    moved = f"{step.before} → {step.after}"
    return f"{step.time} · plan · transition · {moved} · {step.event} by {step.who}{note}"


def read_steps(lines: Iterable[str]) -> Iterator[Step]:
    """Yield the transitions among the lines of a journal, oldest first."""
    for line in lines:
        if (found := _STEP.fullmatch(line)) is not None:
            time, before, after, event, who, note = found.groups()
            yield Step(time, before, after, event, who, note or "")


#: Who makes the transitions that follow from where the tasks stand.
ITSELF = "orchestrator"
#: Tasks of this kind are the tests of a plan; all others are its work, whatever they are called.
TEST = "test"
_UNTOUCHED = frozenset({TaskStatus.WAITING, TaskStatus.PENDING, TaskStatus.SKIPPED, TaskStatus.CANCELLED})


def automatic(state: PlanState, tasks: Iterable[tuple[str, TaskStatus]]) -> list[tuple[PlanEvent, str]]:
    """Return the events that follow from where the tasks stand, each with its reason; they never lead back.

    *tasks* are the kind and the status of each (seed: "Auto-transitions"). A plan without tests stays in testing, and
    one in review stays there: that is for people.
    """
    known = [(kind.strip().lower() == TEST, status) for kind, status in tasks]
    events: list[tuple[PlanEvent, str]] = []
    if state is PlanState.APPROVED and any(status not in _UNTOUCHED for _, status in known):
        events.append((PlanEvent.START, "a task was started"))
        state = PlanState.IN_PROGRESS
    tests = _are_done(status for is_test, status in known if is_test)
    work = _are_done(status for is_test, status in known if not is_test)
    if state is PlanState.IN_PROGRESS and (work or (work is None and tests)):
        events.append((PlanEvent.TEST, "everything but the tests is done"))
        state = PlanState.TESTING
    if state is PlanState.TESTING and tests:
        events.append((PlanEvent.REVIEW, "all tests are done"))
    return events


def _are_done(statuses: Iterable[TaskStatus]) -> bool | None:
    """Say whether all of them are done; None when there are none. What was cancelled is not missing."""
    command = [status for status in statuses if status is not TaskStatus.CANCELLED]
    return all(status is TaskStatus.COMPLETED for status in command) if command else None


def implied_state(counts: Mapping[TaskStatus, int], *, is_begun: bool = False) -> PlanState:
    """Return where a plan that says no state stands, going by its tasks; *is_begun*: an attempt was made at one."""
    started = {status for status, count in counts.items() if count} - _UNTOUCHED
    if started == {TaskStatus.COMPLETED} and not any(counts.get(each) for each in _UNTOUCHED):
        return PlanState.COMPLETED
    return PlanState.IN_PROGRESS if started or is_begun else PlanState.APPROVED


#: The seed's words for where a task stands. Ours say more: who waits, and what was cancelled.
_SUBTASK_WORDS = {
    TaskStatus.WAITING: "PENDING",
    TaskStatus.PENDING: "PENDING",
    TaskStatus.RUNNING: "IN_PROGRESS",
    TaskStatus.RETRYING: "IN_PROGRESS",
    TaskStatus.COMPLETED: "DONE",
    TaskStatus.FAILED: "FAILED",
    TaskStatus.BLOCKED: "BLOCKED",
    TaskStatus.SKIPPED: "BLOCKED",
    TaskStatus.CANCELLED: "CANCELLED",
}


def subtask_word(status: TaskStatus, *, is_assigned: bool) -> str:
    """Return the seed's word. ``ASSIGNED`` has an agent and may begin; ``BLOCKED`` is also what can no longer begin."""
    if status is TaskStatus.PENDING and is_assigned:
        return "ASSIGNED"
    return _SUBTASK_WORDS[status]
