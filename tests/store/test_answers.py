"""The answers of many tasks in one document: none reaches beyond its place, whoever wrote it (promise 24)."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.plan import Task
from orchestrator.store.answers import answers_shown
from tests.store.plan_directory import S, make_root, result, text, workspace
from tests.store.test_markdown_embed import check

TASK = Task(id="T-01", name="", description="")


@pytest.mark.parametrize(
    "typed",
    ["<!-- never closed", "```\nnever closed", "# The highest heading", "Title\n===", "<details>"],
)
def test_a_correction_by_hand_swallows_nothing_that_follows(tmp_path: Path, typed: str) -> None:
    """A person may type what an agent may; their file stays as it is, byte for byte."""
    root = make_root(tmp_path)
    path = result(root, "agent-01", text("T-01", S.COMPLETED, answer=f"Found it.\n\n{typed}"))
    before = path.read_bytes()
    place = workspace(root)
    shown = answers_shown(place, [TASK])["T-01"]
    check(shown, 3)
    assert shown == place.read_shown_answer("agent-01")
    assert "Found it." in shown
    assert before == path.read_bytes()
