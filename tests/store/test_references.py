"""Files that settings name, and those of sub-agents."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.store.task_files import subagents


def test_a_sub_agent_that_cannot_be_read_is_called_as_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``.claude/agents`` is not ours: whatever lies there, also in the person's own, stops no run."""
    project, person = tmp_path / "project", tmp_path / "person"
    monkeypatch.setenv("HOME", str(person))
    for place in (project, person):
        (place / ".claude" / "agents").mkdir(parents=True)
    agents = project / ".claude" / "agents"
    (agents / "a.md").write_text("---\nname: named\n---\n")
    (agents / "b.md").write_bytes(b"---\nname: [\xff\n---\n")
    (agents / "c.md").mkdir()
    (agents / "d.md").symlink_to("d.md")
    (person / ".claude" / "agents" / "e.md").mkdir()
    assert {"named", "b", "c", "d", "e"} == subagents(str(project))
