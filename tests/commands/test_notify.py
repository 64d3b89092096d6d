"""``notify``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import notify
from orchestrator.errors import UsageError
from tests.commands.typed import bob


def test_the_digest_and_a_status(tmp_path: Path) -> None:
    call = bob(tmp_path)
    assert "digest" == notify.facts(notify.execute(call, notify.NotifyParams("digest")))["type"]
    message = notify.execute(call, notify.NotifyParams("plan", "status"))
    assert ("status", message.text) == (notify.facts(message)["type"], notify.facts(message)["message"])


def test_an_unknown_message(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'party' is not a message"):
        notify.execute(bob(tmp_path), notify.NotifyParams("plan", "party"))
