"""``retry``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import fail, retry
from orchestrator.commands.task_command import ReasonParams
from tests.commands.typed import bob, typed


def test_a_reason_may_be_given() -> None:
    assert ReasonParams("T-01", "again") == typed("retry", "T-01", "again")[1]


def test_of_a_skipped_task_what_failed_before_it_is_done_again(tmp_path: Path) -> None:
    call = bob(tmp_path)
    fail.execute(call, ReasonParams("T-01"))
    replies = retry.execute(call, ReasonParams("T-02"))
    assert ["T-01"] == [reply.task for reply in replies]
    expected = {"message": "T-01 is pending", "task": "T-01", "status": "pending"}
    assert expected == retry.facts(replies)
