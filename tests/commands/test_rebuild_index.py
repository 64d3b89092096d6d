"""``rebuild-index``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import create, rebuild_index
from tests.commands.typed import bob


def test_every_plan_is_read(tmp_path: Path) -> None:
    call = bob(tmp_path)
    create.execute(call, create.CreateParams("Ship it"))
    rebuilt = rebuild_index.execute(call, rebuild_index.RebuildIndexParams())
    assert (["TASK-001"], []) == (rebuild_index.facts(rebuilt)["tasks"], list(rebuilt.skipped))
    assert "Rebuilt the index: 1 plan, 0 skipped" == rebuilt.message
