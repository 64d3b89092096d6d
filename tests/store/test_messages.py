"""The channels on disk."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from orchestrator.core.message import Message, MessageKind
from orchestrator.errors import StoreError
from orchestrator.store.layout import Layout
from orchestrator.store.messages import append_message, read_notes, read_shared

TIME = "2026-01-05T14:00:00.000Z"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


def message(text: str, author: str = "bob", kind: MessageKind = MessageKind.SHARE, task: str = "T-01") -> Message:
    return Message(TIME, kind, author, text, task)


def test_a_channel_is_pretty_markdown(layout: Layout, tmp_path: Path) -> None:
    """A title, a header for each message, the text quoted."""
    append_message(layout, "agent-01", message("one\n\ntwo"))
    append_message(layout, "agent-01", message("three", "eve", MessageKind.SYNC))
    assert (
        f"# T-01\n\n### {TIME} · share · bob · 14 bytes\n> one\n>\n> two\n\n"
        f"\n### {TIME} · sync · eve · 8 bytes\n> three\n\n"
    ) == (tmp_path / "contexts" / "context-agent-01.md").read_text(encoding="utf-8")
    assert ["one\n\ntwo", "three"] == [each.text for each in read_shared(layout, "agent-01")]


def test_notes_are_files_of_their_own_that_others_cannot_read(layout: Layout, tmp_path: Path) -> None:
    """One for each task and name."""
    append_message(layout, "agent-01", message("mine", kind=MessageKind.NOTE))
    path = tmp_path / "notes" / "notes-agent-01-bob.md"
    assert path.read_text(encoding="utf-8").startswith("# Notes of bob on T-01\n\n### ")
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert ["mine"] == [each.text for each in read_notes(layout, "agent-01", "bob")]
    assert [] == read_notes(layout, "agent-01", "eve")
    assert [] == read_shared(layout, "agent-01")


def test_two_names_for_one_file_do_not_mix(layout: Layout) -> None:
    """The notes of `b-c` on `a` and those of `c` on `a-b` lie in the same file."""
    append_message(layout, "a", message("first", "b-c", MessageKind.NOTE, "a"))
    append_message(layout, "a-b", message("second", "c", MessageKind.NOTE, "a-b"))
    assert layout.notes_file("a", "b-c") == layout.notes_file("a-b", "c")
    assert ["first"] == [each.text for each in read_notes(layout, "a", "b-c")]
    assert ["second"] == [each.text for each in read_notes(layout, "a-b", "c")]


@pytest.mark.parametrize("what", ["link", "dangling", "pipe", "directory", "linked directory"])
def test_nothing_but_a_plain_file_is_written(layout: Layout, tmp_path: Path, what: str) -> None:
    """A link is never followed, a pipe never waited for (promise 23)."""
    target = tmp_path / "target"
    channel = tmp_path / "contexts" / "context-agent-01.md"
    if what == "linked directory":
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "contexts").symlink_to(tmp_path / "elsewhere")
    else:
        channel.parent.mkdir()
        match what:
            case "link":
                target.write_text("as it was")
                channel.symlink_to(target)
            case "dangling":
                channel.symlink_to(target)
            case "pipe":
                os.mkfifo(channel)
            case _:
                channel.mkdir()
    with pytest.raises(StoreError):
        append_message(layout, "agent-01", message("x"))
    if what == "link":
        assert "as it was" == target.read_text()
    else:
        assert not target.exists()
    assert [] == [*tmp_path.glob("elsewhere/*")]


def test_a_torn_message_is_skipped_and_the_next_one_is_not_harmed(layout: Layout, tmp_path: Path) -> None:
    """The writer that comes next mends the file by writing its own."""
    append_message(layout, "agent-01", message("one"))
    path = tmp_path / "contexts" / "context-agent-01.md"
    path.write_bytes(path.read_bytes() + b"\n### " + TIME.encode() + b" \xc2\xb7 sha")
    assert ["one"] == [each.text for each in read_shared(layout, "agent-01")]
    append_message(layout, "agent-01", message("two"))
    assert ["one", "two"] == [each.text for each in read_shared(layout, "agent-01")]
