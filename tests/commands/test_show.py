"""``show``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import show
from tests.commands.typed import bob, typed


def test_the_task_is_named() -> None:
    assert show.ShowParams("T-01") == typed("show", "T-01")[1]


def test_as_text_and_as_json(tmp_path: Path) -> None:
    shown = show.execute(bob(tmp_path), show.ShowParams("T-02"))
    facts = show.facts(shown)
    assert ("T-02 is waiting", ("T-01",)) == (facts["message"], facts["task"]["needs"])
    assert "Needs     T-01" in show.text(shown)
