"""The states of a plan: every arrow of the seed's diagram and no other, and what follows from where tasks stand."""

from __future__ import annotations

from itertools import product

import pytest

from orchestrator.core.plan_status import (
    TERMINAL,
    PlanEvent,
    PlanState,
    Step,
    automatic,
    implied_state,
    move_plan,
    parse_state,
    read_steps,
    step_line,
    subtask_word,
)
from orchestrator.core.status import TaskStatus
from orchestrator.core.timestamp import parse_timestamp
from orchestrator.errors import TransitionError

ARROWS = {
    "PLANNING": {"approve": "APPROVED", "reject": "REJECTED"},
    "APPROVED": {"start": "IN_PROGRESS", "block": "BLOCKED"},
    "IN_PROGRESS": {"test": "TESTING", "block": "BLOCKED", "fail": "FAILED"},
    "TESTING": {"review": "REVIEW", "reopen": "IN_PROGRESS", "block": "BLOCKED", "fail": "FAILED"},
    "REVIEW": {"complete": "COMPLETED", "reopen": "IN_PROGRESS", "block": "BLOCKED", "fail": "FAILED"},
    "BLOCKED": {"unblock": "IN_PROGRESS", "fail": "FAILED"},
}
WAITING, PENDING, RUNNING, DONE, FAILED, CANCELLED = (
    TaskStatus.WAITING,
    TaskStatus.PENDING,
    TaskStatus.RUNNING,
    TaskStatus.COMPLETED,
    TaskStatus.FAILED,
    TaskStatus.CANCELLED,
)


@pytest.mark.parametrize(("state", "event"), list(product(PlanState, PlanEvent)))
def test_a_plan_moves_along_the_arrows_of_the_seed(state: PlanState, event: PlanEvent) -> None:
    after = ARROWS.get(state.word, {}).get(event.value)
    if after is not None:
        assert after == move_plan(state, event).word
        return
    with pytest.raises(TransitionError) as refused:
        move_plan(state, event)
    assert f"Invalid transition: {state.word} + '{event.value}'" == str(refused.value)


def test_a_word_that_is_no_event_is_refused_with_those_there_are() -> None:
    with pytest.raises(TransitionError) as refused:
        move_plan(PlanState.PLANNING, "approved")
    assert "from PLANNING: approve → APPROVED, reject → REJECTED" == refused.value.hint


def test_three_states_are_final() -> None:
    assert {state for state in PlanState if state.word not in ARROWS} == TERMINAL


@pytest.mark.parametrize("word", ["in_progress", "IN_PROGRESS", "In progress", " in-progress "])
def test_a_state_is_read_as_people_write_it(word: str) -> None:
    assert PlanState.IN_PROGRESS is parse_state(word)


@pytest.mark.parametrize(
    ("state", "tasks", "events"),
    [
        ("approved", [("dev", WAITING), ("dev", PENDING)], []),
        ("approved", [("dev", RUNNING)], ["start"]),
        ("in_progress", [], []),
        ("in_progress", [("dev", DONE), ("dev", PENDING)], []),
        ("in_progress", [("dev", DONE), ("dev", FAILED)], []),
        ("in_progress", [("dev", DONE), ("test", PENDING)], ["test"]),
        ("in_progress", [("", DONE), ("research", DONE)], ["test"]),
        ("in_progress", [("dev", DONE), ("dev", CANCELLED)], ["test"]),
        ("in_progress", [("dev", CANCELLED)], []),
        ("in_progress", [("test", DONE)], ["test", "review"]),
        ("in_progress", [("test", PENDING)], []),
        ("testing", [("dev", DONE)], []),
        ("testing", [("dev", DONE), (" Test ", DONE)], ["review"]),
        ("testing", [("dev", PENDING), ("test", DONE)], ["review"]),
        ("approved", [("dev", DONE), ("test", DONE)], ["start", "test", "review"]),
        ("review", [("dev", DONE), ("test", DONE)], []),
        ("planning", [("dev", DONE)], []),
        ("blocked", [("dev", DONE)], []),
        ("completed", [("dev", RUNNING)], []),
    ],
)
def test_what_follows_by_itself(state: str, tasks: list[tuple[str, TaskStatus]], events: list[str]) -> None:
    found = automatic(PlanState(state), tasks)
    assert events == [event.value for event, _ in found]


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({}, "approved"),
        ({PENDING: 2}, "approved"),
        ({PENDING: 2, DONE: 1}, "in_progress"),
        ({FAILED: 1, DONE: 1}, "in_progress"),
        ({DONE: 3}, "completed"),
    ],
)
def test_a_plan_without_a_state_has_that_of_its_tasks(counts: dict[TaskStatus, int], state: str) -> None:
    assert state == implied_state(counts).value


def test_a_plan_whose_tasks_were_given_up_after_an_attempt_has_begun() -> None:
    """So has one whose first attempt was interrupted."""
    for counts in {CANCELLED: 1}, {PENDING: 2}:
        assert PlanState.IN_PROGRESS is implied_state(counts, is_begun=True)


def test_a_step_is_read_as_it_was_written() -> None:
    steps = [
        Step("2026-01-05T10:00:00Z", "PLANNING", "APPROVED", "approve", "eva", "it: is · good"),
        Step("2026-01-05T10:00:00Z", "APPROVED", "BLOCKED", "block", "a.b@c"),
    ]
    lines = [*map(step_line, steps), "2026 · plan · created · by eva: X", "T-01 · started"]
    assert steps == list(read_steps(lines))


def test_the_words_of_the_seed_for_where_a_task_stands() -> None:
    words = {subtask_word(status, is_assigned=yes) for status in TaskStatus for yes in (True, False)}
    assert {"PENDING", "ASSIGNED", "IN_PROGRESS", "DONE", "BLOCKED", "FAILED", "CANCELLED"} == words
    assert "PENDING" == subtask_word(WAITING, is_assigned=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 2 * 86400 - 1),
        ("1970-01-02T00:00Z", 86400),
        ("1970-01-02 01:00+01:00", 86400),
        ("2h", 1000 + 7200),
    ],
)
def test_a_moment(text: str, seconds: float) -> None:
    assert seconds == parse_timestamp(text, 1000)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "2h"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match="is not a moment"):
        parse_timestamp(text)
