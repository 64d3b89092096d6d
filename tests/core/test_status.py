"""Every arrow of the state machine, and no other one."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.status import COMMANDS, SETTLED, TRANSITIONS, TaskStatus, Verb, move, parse_status
from orchestrator.errors import TransitionError

S = TaskStatus
OPEN = (S.WAITING, S.PENDING, S.RUNNING, S.RETRYING, S.SKIPPED)
DOABLE = (S.PENDING, S.RUNNING, S.RETRYING, S.BLOCKED, S.FAILED)
ARROWS = [
    (S.WAITING, Verb.READY, S.PENDING),
    (S.WAITING, Verb.GATHER, S.COMPLETED),
    (S.WAITING, Verb.SKIP, S.SKIPPED),
    (S.PENDING, Verb.WAIT, S.WAITING),
    (S.SKIPPED, Verb.WAIT, S.WAITING),
    (S.PENDING, Verb.LAUNCH, S.RUNNING),
    (S.RETRYING, Verb.LAUNCH, S.RUNNING),
    (S.RUNNING, Verb.SUCCEED, S.COMPLETED),
    (S.RUNNING, Verb.REPEAT, S.RETRYING),
    (S.RUNNING, Verb.FAIL, S.FAILED),
    (S.RUNNING, Verb.INTERRUPT, S.PENDING),
    (S.RETRYING, Verb.WAIT, S.WAITING),
    (S.COMPLETED, Verb.WAIT, S.WAITING),
    (S.PENDING, Verb.START, S.RUNNING),
    (S.BLOCKED, Verb.UNBLOCK, S.WAITING),
    *((before, Verb.COMPLETE, S.COMPLETED) for before in DOABLE),
    *((before, Verb.FAIL, S.FAILED) for before in (S.PENDING, S.RETRYING, S.BLOCKED)),
    *((before, Verb.BLOCK, S.BLOCKED) for before in OPEN),
    *((before, Verb.CANCEL, S.CANCELLED) for before in (*OPEN, S.BLOCKED)),
    *((before, Verb.RETRY, S.WAITING) for before in (S.COMPLETED, S.FAILED, S.CANCELLED, S.BLOCKED, S.RUNNING)),
]
OTHERS = sorted(set(product(TaskStatus, Verb)) - {(status, verb) for status, verb, _ in ARROWS})


@pytest.mark.parametrize(("status", "verb", "after"), ARROWS)
def test_an_arrow_leads_where_it_points(status: S, verb: Verb, after: S) -> None:
    """A status moves along an arrow of the table."""
    assert after is move(status, verb)


@pytest.mark.parametrize(("status", "verb"), OTHERS)
def test_there_is_no_other_arrow(status: S, verb: Verb) -> None:
    """Anything else is refused, with one message that says from where and by what."""
    with pytest.raises(TransitionError) as caught:
        move(status, verb)
    assert f"Invalid transition: {status.value} + '{verb.value}'" == str(caught.value)
    assert "invalid_transition" == caught.value.code


def test_every_arrow_says_why() -> None:
    """The generated documentation has a sentence for each of them."""
    assert [] == [arrow for arrow, (_, why) in TRANSITIONS.items() if len(why.split()) < 3]


def test_nothing_leaves_a_settled_status_by_itself() -> None:
    """Only when somebody changes the plan or says so: then what was skipped, or made from it, may wait again."""
    by_itself = {status for status, verb in TRANSITIONS if verb not in COMMANDS} & SETTLED
    assert {S.SKIPPED, S.COMPLETED} == by_itself
    assert {Verb.WAIT} == {verb for status, verb in TRANSITIONS if status in SETTLED and verb not in COMMANDS}


@pytest.mark.parametrize("status", TaskStatus)
def test_a_status_reads_as_its_own_word(status: S) -> None:
    """The word we write is read back, in any case, with or without an icon before it."""
    for text in (status.value, status.value.upper(), f"  {status.value.capitalize()} ", f"🔹 {status}"):
        assert status is parse_status(text)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (S.RUNNING, "🔵 In Progress"),
        (S.RUNNING, "in_progress"),
        (S.RUNNING, "In-Progress"),
        (S.PENDING, "ASSIGNED"),
        (S.PENDING, "todo"),
        (S.COMPLETED, "DONE"),
        (S.COMPLETED, "✅ done"),
        (S.COMPLETED, "Success"),
        (S.CANCELLED, "canceled"),
        (S.WAITING, "⏸️ Waiting"),
    ],
)
def test_other_words_for_a_status_are_understood(status: S, text: str) -> None:
    """People and earlier tools have words of their own."""
    assert status is parse_status(text)


@pytest.mark.parametrize("text", ["", " ", "-", "✅", "nearly done", "complete-ish", "9", "waiting pending"])
def test_what_is_no_status_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert None is parse_status(text)


@given(st.text())
def test_any_text_may_stand_in_a_status_cell(text: str) -> None:
    """Reading a status never fails."""
    assert parse_status(text) in {None, *TaskStatus}
