"""``sync``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import sync
from orchestrator.commands.message import MessageParams
from tests.commands.typed import bob, typed


def test_the_last_word_is_the_message() -> None:
    """Whatever it begins with; options stand anywhere."""
    call, params = typed("sync", "T-01", "--as", "bob", "- use JWT")
    assert ("bob", MessageParams("T-01", "- use JWT")) == (call.name, params)


def test_the_reply(tmp_path: Path) -> None:
    sent = sync.execute(bob(tmp_path), MessageParams("T-01", "use JWT"))
    facts = sync.COMMAND.facts(sent) if sync.COMMAND.facts else {}
    assert "bob set a checkpoint on T-01" == facts["message"]
    assert ("T-01", "sync", "bob") == (facts["task"], facts["kind"], facts["by"])
    assert None is sync.COMMAND.text
