"""``share``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import share
from orchestrator.commands.message import MessageParams
from tests.commands.typed import bob, typed


def test_the_last_word_is_the_message() -> None:
    """Whatever it begins with; options stand anywhere."""
    call, params = typed("share", "T-01", "--as", "bob", "- use JWT")
    assert ("bob", MessageParams("T-01", "- use JWT")) == (call.name, params)


def test_the_reply(tmp_path: Path) -> None:
    sent = share.execute(bob(tmp_path), MessageParams("T-01", "use JWT"))
    facts = share.COMMAND.facts(sent) if share.COMMAND.facts else {}
    assert "bob shared on T-01" == facts["message"]
    assert ("T-01", "share", "bob") == (facts["task"], facts["kind"], facts["by"])
    assert None is share.COMMAND.text
