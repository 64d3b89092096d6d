"""Every arrow of the state machine, and no other one."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.state import SETTLED, TRANSITIONS, TaskStatus, Verb, move, parse_status
from orchestrator.errors import TransitionError

S = TaskStatus
ARROWS = [
    (S.WAITING, Verb.READY, S.PENDING),
    (S.WAITING, Verb.GATHER, S.COMPLETED),
    (S.WAITING, Verb.SKIP, S.SKIPPED),
    (S.PENDING, Verb.WAIT, S.WAITING),
    (S.SKIPPED, Verb.WAIT, S.WAITING),
    (S.PENDING, Verb.LAUNCH, S.RUNNING),
    (S.RETRYING, Verb.LAUNCH, S.RUNNING),
    (S.RUNNING, Verb.SUCCEED, S.COMPLETED),
    (S.RUNNING, Verb.RETRY, S.RETRYING),
    (S.RUNNING, Verb.FAIL, S.FAILED),
    (S.RUNNING, Verb.INTERRUPT, S.PENDING),
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
    assert f"invalid transition: {status.value} + '{verb.value}'" == str(caught.value)
    assert "invalid_transition" == caught.value.code


def test_every_arrow_says_why() -> None:
    """The generated documentation has a sentence for each of them."""
    assert [] == [arrow for arrow, (_, why) in TRANSITIONS.items() if len(why.split()) < 3]


def test_nothing_leaves_a_settled_status() -> None:
    """Settled means settled for this run, unless a person changes the plan: then what was skipped may wait again."""
    assert {S.SKIPPED} == {status for status, _ in TRANSITIONS} & SETTLED


@pytest.mark.parametrize("status", TaskStatus)
def test_a_status_reads_as_its_own_word(status: S) -> None:
    """The word we write is read back, in any case, with or without an icon before it."""
    for text in (
        status.value,
        status.value.upper(),
        f"  {status.value.capitalize()} ",
        f"🔹 {status}",
    ):
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


@pytest.mark.parametrize(
    "text", ["", " ", "-", "✅", "nearly done", "complete-ish", "9", "waiting pending"]
)
def test_what_is_no_status_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert None is parse_status(text)


@given(st.text())
def test_any_text_may_stand_in_a_status_cell(text: str) -> None:
    """Reading a status never fails."""
    assert parse_status(text) in {None, *TaskStatus}
