"""``discover``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import discover
from orchestrator.commands.message import MessageParams
from tests.commands.typed import bob, typed


def test_the_last_word_is_the_message() -> None:
    """Whatever it begins with; options stand anywhere."""
    call, params = typed("discover", "T-01", "--as", "bob", "- use JWT")
    assert ("bob", MessageParams("T-01", "- use JWT")) == (call.name, params)


def test_the_reply(tmp_path: Path) -> None:
    sent = discover.execute(bob(tmp_path), MessageParams("T-01", "use JWT"))
    facts = discover.COMMAND.facts(sent) if discover.COMMAND.facts else {}
    assert "bob alerted everybody about T-01" == facts["message"]
    assert ("T-01", "discover", "bob") == (facts["task"], facts["kind"], facts["by"])
    assert None is discover.COMMAND.text
