"""``agents``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import agents
from tests.commands.typed import bob


def test_those_that_are_built_in(tmp_path: Path) -> None:
    found = agents.execute(bob(tmp_path), agents.AgentsParams())
    facts = agents.facts(found)
    assert ["claude", "shell", "simulated"] == [each["key"] for each in facts["agents"]]
    assert [] == facts["warnings"]
    assert all(key in agents.text(found) for key in ("claude", "shell", "simulated"))
