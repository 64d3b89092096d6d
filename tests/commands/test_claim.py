"""``claim``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import claim
from orchestrator.commands.task_command import facts
from tests.commands.typed import bob, typed


def test_no_task_need_be_named() -> None:
    assert claim.ClaimParams() == typed("claim")[1]
    assert claim.ClaimParams("T-01") == typed("claim", "T-01")[1]


def test_the_reply(tmp_path: Path) -> None:
    """The id alone, for a script."""
    reply = claim.execute(bob(tmp_path), claim.ClaimParams())
    assert "T-01\n" == claim.text(reply)
    assert {"message": "T-01 is running", "task": "T-01", "status": "running"} == facts(reply)
