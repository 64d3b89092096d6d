"""``status``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import status
from tests.commands.typed import bob, typed


def test_all_and_brief_are_flags() -> None:
    assert status.StatusParams(everything=True, brief=True) == typed("status", "--all", "--brief")[1]


def test_every_task_is_derived(tmp_path: Path) -> None:
    overview = status.execute(bob(tmp_path), status.StatusParams())
    assert ["pending", "waiting"] == [overview.board.status(each).value for each in ("T-01", "T-02")]
