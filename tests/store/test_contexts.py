"""What an attempt hears of what was said."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.core.message import Message, MessageKind, message_line
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.messages import Contexts, append_message

TIME = "2026-01-05T14:00:00.000Z"
TASKS = {f"agent-{number:02}": f"T-{number:02}" for number in range(1, 31)}


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


@pytest.fixture
def say(layout: Layout) -> Callable[[int, MessageKind, str], None]:
    """Say something about a task, as the commands do: into its file, and to the journal."""

    def said(number: int, kind: MessageKind, text: str) -> None:
        message = Message(TIME, kind, "bob", text, f"T-{number:02}")
        append_message(layout, f"agent-{number:02}", message)
        with closing(Journal(layout.journal)) as journal:
            journal.append(message_line(message))

    return said


Say = Callable[[int, MessageKind, str], None]


def test_everything_that_is_near_and_what_all_should_know(layout: Layout, say: Say) -> None:
    """Of other tasks discoveries and checkpoints, of none a note; also what is said later."""
    for number in (1, 2):
        for kind in MessageKind:
            say(number, kind, f"{kind.value} T-0{number}")
    contexts = Contexts(layout)

    def heard() -> set[str]:
        return {each.text for each in contexts.visible_to(TASKS, {"T-01", ""})}

    everything = {"share T-01", "discover T-01", "sync T-01", "join T-01"}
    assert everything | {"discover T-02", "sync T-02"} == heard()
    say(1, MessageKind.SHARE, "near")
    say(2, MessageKind.SHARE, "far")
    say(3, MessageKind.SYNC, "for all")
    assert everything | {"discover T-02", "sync T-02", "near", "for all"} == heard()
    (found,) = (each for each in contexts.visible_to(TASKS, ()) if each.text == "for all")
    assert "T-03" == found.task
    assert [] == contexts.visible_to({}, {"T-01"})
    assert [] == Contexts(Layout("/nowhere")).visible_to(TASKS, {"T-01"})


def test_an_attempt_looks_only_at_what_is_near_or_new(
    layout: Layout, say: Say, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a launch costs does not grow with the plan: all files are looked at once."""
    for number in range(1, 31):
        say(number, MessageKind.DISCOVER, f"found {number}")
    contexts, poll, look = Contexts(layout), list[str](), os.lstat

    def pluralize(path: str) -> os.stat_result:
        poll.append(Path(path).stem.removeprefix("context-"))
        return look(path)

    def heard() -> int:
        poll.clear()
        return len(contexts.visible_to(TASKS, {"T-01"}))

    monkeypatch.setattr(os, "lstat", pluralize)
    assert 30 == heard()
    assert set(TASKS) == set(poll)
    assert 30 == heard()
    assert ["agent-01"] == poll
    say(20, MessageKind.DISCOVER, "and more")
    assert 31 == heard()
    assert ["agent-01", "agent-20"] == sorted(poll)


def test_a_journal_that_was_begun_anew_loses_nothing(layout: Layout, say: Say) -> None:
    """Then every file is looked at once more."""
    say(1, MessageKind.DISCOVER, "before")
    contexts = Contexts(layout)
    assert ["before"] == [each.text for each in contexts.visible_to(TASKS, ())]
    Path(layout.journal).unlink()
    say(2, MessageKind.DISCOVER, "since")
    assert {"before", "since"} == {each.text for each in contexts.visible_to(TASKS, ())}


def test_what_was_said_of_a_row_that_joins_later_is_heard(layout: Layout, say: Say) -> None:
    """The plan may be changed while it runs."""
    say(2, MessageKind.DISCOVER, "early")
    contexts = Contexts(layout)
    assert [] == contexts.visible_to({"agent-01": "T-01"}, ())
    assert ["early"] == [each.text for each in contexts.visible_to(TASKS, ())]


@pytest.mark.parametrize("name", ["open", "listdir"])
def test_what_could_not_be_read_is_heard_once_it_can(
    layout: Layout, say: Say, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """A file that was closed to us, or a moment without descriptors: it is told once, and nothing is lost for good."""
    say(1, MessageKind.DISCOVER, "found")
    contexts, real = Contexts(layout), getattr(os, name)

    def refused(path: str, *more: int) -> object:
        if Path(path).is_relative_to(layout.contexts):
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), path)
        return real(path, *more)

    with monkeypatch.context() as full:
        full.setattr(os, name, refused)
        for _ in range(2):
            assert [] == contexts.visible_to(TASKS, {"T-02"})
    assert "Too many open files" in contexts.take_missed()
    assert ["found"] == [each.text for each in contexts.visible_to(TASKS, {"T-02"})]
    assert "" == contexts.take_missed()
