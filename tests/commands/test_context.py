"""``context``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.commands import context, note, share
from orchestrator.commands.message import MessageParams
from tests.commands.typed import bob, typed


def test_it_takes_a_task() -> None:
    call, params = typed("context", "T-01", "--as", "ann")
    assert ("ann", context.ContextParams("T-01")) == (call.name, params)


def test_the_reply(tmp_path: Path) -> None:
    """What was shared, and one's own notes."""
    call = bob(tmp_path)
    share.execute(call, MessageParams("T-01", "use JWT"))
    note.execute(call, MessageParams("T-01", "hm"))
    own = context.execute(call, context.ContextParams("T-01"))
    other = context.execute(replace(call, name="ann"), context.ContextParams("T-01"))
    assert ["use JWT", "hm"] == [each["text"] for each in context.facts(own)["messages"]]
    assert "1 messages about T-01" == context.facts(other)["message"]
    assert "hm" in context.text(own)
    assert "hm" not in context.text(other)
