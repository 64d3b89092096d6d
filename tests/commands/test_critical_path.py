"""``critical-path``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import critical_path
from tests.commands.typed import bob, typed


def test_json_is_a_format_too() -> None:
    assert typed("critical-path", "--format", "json")[0].is_json


def test_it_is_measured_in_tasks_where_nothing_was_estimated(tmp_path: Path) -> None:
    found = critical_path.execute(bob(tmp_path), critical_path.CriticalPathParams())
    facts = critical_path.facts(found)
    assert (["T-01", "T-02"], 2, None) == (list(facts["critical_path"]), facts["tasks"], facts["hours"])
    assert "critical path: " in critical_path.text(found)


def test_a_picture(tmp_path: Path) -> None:
    found = critical_path.execute(bob(tmp_path), critical_path.CriticalPathParams(format="mermaid"))
    assert "graph" in critical_path.facts(found)
    assert critical_path.text(found) == found.drawn
