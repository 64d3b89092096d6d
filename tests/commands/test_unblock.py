"""``unblock``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import block, unblock
from orchestrator.commands.task_command import ReasonParams, facts
from tests.commands.typed import bob, typed


def test_a_reason_may_be_given() -> None:
    assert ReasonParams("T-01", "the key is there") == typed("unblock", "T-01", "the key is there")[1]


def test_the_reply(tmp_path: Path) -> None:
    call = bob(tmp_path)
    block.execute(call, ReasonParams("T-01"))
    reply = unblock.execute(call, ReasonParams("T-01"))
    assert {"message": "T-01 is pending", "task": "T-01", "status": "pending"} == facts(reply)
