"""``join``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import join
from orchestrator.commands.message import facts
from tests.commands.typed import bob, typed


def test_it_takes_a_task() -> None:
    call, params = typed("join", "T-01", "--dir", "here", "--json")
    assert ("here", True, join.JoinParams("T-01")) == (call.option, call.is_json, params)


def test_the_reply(tmp_path: Path) -> None:
    sent = join.execute(bob(tmp_path), join.JoinParams("T-01"))
    assert "bob joined T-01" == facts(sent)["message"]
