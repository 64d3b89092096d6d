"""The answers of many tasks in one document: none reaches beyond its place, whoever wrote it (promise 24)."""

from __future__ import annotations

from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from orchestrator.core.plan import Task
from orchestrator.store.workspace import answers_shown
from tests.plan.test_safe_markdown import check
from tests.store.plan_directory import S, make_root, result, text, workspace

TASK = Task(id="T-01", name="", description="")


@pytest.mark.parametrize(
    "typed", ["<!-- never closed", "```\nnever closed", "# The highest heading", "Title\n===", "<details>"]
)
def test_a_correction_by_hand_swallows_nothing_that_follows(tmp_path: Path, typed: str) -> None:
    """A person may type what an agent may; their file stays as it is, byte for byte."""
    root = make_root(tmp_path)
    path = result(root, "agent-01", text("T-01", S.COMPLETED, answer=f"Found it.\n\n{typed}"))
    before = path.read_bytes()
    place = workspace(root)
    shown = answers_shown(place, [TASK])["T-01"]
    check(shown)
    assert shown == place.read_shown_answer("agent-01")
    assert "Found it." in shown
    assert before == path.read_bytes()


def test_no_answer_leads_the_links_of_another_astray(tmp_path: Path) -> None:
    """Both call a source [1]; the first definition of a document would win."""
    root = make_root(tmp_path)
    for n in (1, 2):
        said = f"So says [1].\n\n[1]: https://host-{n}.example"
        result(root, f"agent-0{n}", text(f"T-0{n}", S.COMPLETED, answer=said))
    shown = answers_shown(workspace(root), [TASK, TASK._replace(id="T-02")])
    html = MarkdownIt().render("\n\n".join(shown.values()))
    for n in (1, 2):
        assert f'So says <a href="https://host-{n}.example">1</a>.' in html
