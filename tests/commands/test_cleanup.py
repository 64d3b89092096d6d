"""``cleanup``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import cleanup
from tests.commands.typed import bob, typed


def test_a_week_is_the_default() -> None:
    assert 7 * 86400 == typed("cleanup")[1].older
    assert 3600 == typed("cleanup", "--older", "1h")[1].older


def test_there_is_nothing_to_clear(tmp_path: Path) -> None:
    cleaned = cleanup.execute(bob(tmp_path), cleanup.CleanupParams(dry_run=True))
    assert (True, [], 0) == tuple(cleanup.facts(cleaned)[each] for each in ("ok", "logs", "bytes"))
    assert ["0 old logs (0.0 MB) would be deleted"] == list(cleanup.remarks(cleaned))
    assert (0, "") == (cleanup.status(cleaned), cleanup.text(cleaned))
