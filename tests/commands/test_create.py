"""``create``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import create
from tests.commands.typed import bob, typed


def test_p2_is_the_default() -> None:
    params = typed("create", "Ship it")[1]
    assert ("Ship it", "P2") == (params.title, params.priority)


def test_the_reply(tmp_path: Path) -> None:
    created = create.execute(bob(tmp_path), create.CreateParams("Ship it"))
    assert ("TASK-001", "PLANNING") == (create.facts(created)["task_id"], create.facts(created)["status"])
    assert Path(created.layout.plan).is_file()
