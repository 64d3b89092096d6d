"""``cancel``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import cancel
from orchestrator.commands.task_command import ReasonParams, facts
from tests.commands.typed import bob, typed


def test_a_reason_may_be_given() -> None:
    assert ReasonParams("T-01") == typed("cancel", "T-01")[1]
    assert ReasonParams("T-01", "- why") == typed("cancel", "T-01", "- why")[1]


def test_the_reply(tmp_path: Path) -> None:
    reply = cancel.execute(bob(tmp_path), ReasonParams("T-01", "why"))
    assert {"message": "T-01 is cancelled", "task": "T-01", "status": "cancelled"} == facts(reply)
