"""What happened, in the words of the journal and of ``run --json``."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.runner.events import Event, Kind

TIME = 1767621600.5


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (
            "2026-01-05T14:00:00.500Z · run · started · 5 of 5 tasks to run",
            Event(kind=Kind.RUN_STARTED, time=TIME, text="5 of 5 tasks to run"),
        ),
        (
            "2026-01-05T14:00:00.500Z · T-01 · started attempt 2 · agent shell",
            Event(kind=Kind.TASK_STARTED, time=TIME, task="T-01", name="Look", agent="shell", attempt=2),
        ),
        (
            "2026-01-05T14:00:00.500Z · T-01 · retrying attempt 1 · after 4m05s · again in 0.0s · exit 1",
            Event(
                kind=Kind.TASK_RETRYING, time=TIME, task="T-01", attempt=1, duration=245.0, retry_in=0.0, text="exit 1"
            ),
        ),
        (
            "2026-01-05T14:00:00.500Z · run · warning · no space left",
            Event(kind=Kind.WARNING, time=TIME, text="no space\nleft"),
        ),
    ],
)  # fmt: skip
def test_the_journal_says_when_who_what_and_why(line: str, event: Event) -> None:
    """In one line that a person can read and a program can split."""
    assert line == event.line()


@given(st.sampled_from(Kind), st.text(), st.text())
def test_a_line_is_one_line(kind: Kind, task: str, text: str) -> None:
    """Whatever an agent said."""
    line = Event(kind=kind, time=TIME, task=task, text=text).line()
    assert [line] == line.splitlines()
    assert len(line) <= 1000


def test_an_event_says_only_what_it_knows() -> None:
    """No empty fields; a duration of nothing is something."""
    event = Event(kind=Kind.TASK_COMPLETED, time=TIME, task="T-01", attempt=1, duration=0.0)
    expected = {
        "event": "task_completed",
        "time": "2026-01-05T14:00:00.500Z",
        "task": "T-01",
        "attempt": 1,
        "duration": 0.0,
    }
    assert expected == event.as_json()


@given(st.sampled_from(Kind), st.text(), st.none() | st.floats(0, 1e9))
def test_an_event_is_json(kind: Kind, text: str, seconds: float | None) -> None:
    """On one line, and back."""
    event = Event(kind=kind, time=TIME, text=text, duration=seconds).as_json()
    written = json.dumps(event)
    assert "\n" not in written
    assert event == json.loads(written)


def test_the_words_of_events_are_stable() -> None:
    """Programs depend on them: a word may be added, none may be changed."""
    assert {
        "run_started", "task_started", "task_completed", "task_failed", "task_retrying", "task_interrupted",
        "task_skipped", "task_stopping", "news", "warning", "run_stopping", "run_ended",
    } <= {kind.value for kind in Kind}  # fmt: skip
