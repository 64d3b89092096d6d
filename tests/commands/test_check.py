"""``check``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import check
from tests.commands.typed import bob


def test_all_is_well(tmp_path: Path) -> None:
    checked = check.execute(bob(tmp_path), check.CheckParams(quiet=True))
    facts = check.facts(checked)
    assert (True, "ok", []) == (facts["ok"], facts["code"], facts["alerts"])
    assert 0 == check.exit_status(checked)
    assert "all well" in facts["summary"]
