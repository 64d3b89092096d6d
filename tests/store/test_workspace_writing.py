"""What is written into a plan directory, and who wins when two write."""

from __future__ import annotations

import json
import os
from collections.abc import ItemsView, Iterator, Mapping
from pathlib import Path

import pytest

from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.plan.parser import StatusCells
from orchestrator.store.fingerprint import signature
from tests.store.plan_directory import PLAN, load, make_root, settle, workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


def test_preparing_makes_what_is_missing_and_sweeps_what_was_left(tmp_path: Path) -> None:
    """Nothing but the leftovers of a killed writer goes."""
    (tmp_path / "results").mkdir()
    (tmp_path / "results/.agent-01-result.md.4711.tmp").write_text("half")
    (tmp_path / "results/agent-01-result.md").write_text("whole")
    workspace(tmp_path).prepare()
    assert ["agent-01-result.md"] == os.listdir(tmp_path / "results")
    assert {"agent_tasks", "results", "logs"} == set(os.listdir(tmp_path))


# ── drawing ───────────────────────────────────────────────────────────────────────────────────────────────────────

CELLS = {"T-01": StatusCells(status="✅ Completed")}
DRAWN = PLAN.replace("| - | |", "| - | ✅ Completed |") + (
    "\n<!-- orchestrator:status -->\nDrawn.\n<!-- /orchestrator:status -->\n"
)


def test_a_redraw_touches_only_what_is_ours(root: Path) -> None:
    """The rest stays byte for byte, and drawing the same again writes nothing."""
    path = root / "master_plan.md"
    workspace(root).redraw({"status": "Drawn."}, CELLS.get)
    assert DRAWN == path.read_text()
    before = signature(os.stat(path))
    workspace(root).redraw({"status": "Drawn."}, CELLS.get)
    assert before == signature(os.stat(path))


class SavedMeanwhile(Mapping[str, str]):
    """Sections of which the drawing takes just as long as a person needs to save."""

    def __init__(self, path: Path, saved: str) -> None:
        self.path, self.saved = path, saved

    def __getitem__(self, name: str) -> str:
        return {"status": "Drawn."}[name]

    def __iter__(self) -> Iterator[str]:
        self.path.write_text(self.saved)
        return iter(["status"])

    def __len__(self) -> int:
        return 1

    def items(self) -> ItemsView[str, str]:
        self.path.write_text(self.saved)
        return super().items()


def test_a_person_who_saves_while_we_draw_wins(root: Path) -> None:
    """Their version stays as it is; the next redraw draws into it."""
    path = root / "master_plan.md"
    saved = PLAN.replace("Think", "Think twice")
    workspace(root).redraw(SavedMeanwhile(path, saved), lambda _: None)
    assert saved == path.read_text()
    workspace(root).redraw({"status": "Drawn."}, CELLS.get)
    assert DRAWN.replace("Think", "Think twice") == path.read_text()


def test_a_redraw_keeps_the_plan_in_the_cache(root: Path) -> None:
    """Only our part changed, so nothing is parsed again; a hand edit after it still is."""
    path = root / "master_plan.md"
    settle(path)
    first = workspace(root)
    first.load(is_live=False)
    first.redraw({"status": "Drawn."}, CELLS.get)
    first.write_index()
    known = json.loads((root / "index.json").read_text())["plan"]
    assert signature(os.stat(path)) == known["signature"]
    path.write_text(path.read_text().replace("Think", "Drink"))
    assert "Drink" == load(root).plan.tasks["T-02"].name


def test_a_redraw_keeps_who_may_read_the_plan(root: Path) -> None:
    """A private plan stays private."""
    path = root / "master_plan.md"
    path.chmod(0o600)
    workspace(root).redraw({"status": "Drawn."}, CELLS.get)
    assert 0o600 == path.stat().st_mode & 0o777


def test_a_redraw_leaves_a_link_alone(root: Path) -> None:
    """Nothing is written through a link, wherever it leads (promise 23), and it stays the link that it was."""
    path, elsewhere = root / "master_plan.md", root / "elsewhere.md"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = elsewhere.read_text()
    workspace(root).redraw({"status": "Drawn."}, CELLS.get)
    assert path.is_symlink()
    assert before == elsewhere.read_text()


def test_a_plan_that_is_no_text_any_more_is_told(root: Path) -> None:
    """And left as it is."""
    path = root / "master_plan.md"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(OrchestratorError):
        workspace(root).redraw({"status": "Drawn."}, CELLS.get)
    assert b"\xff\xfe" == path.read_bytes()


def test_a_plan_that_vanished_is_told(root: Path) -> None:
    """A redraw never makes a plan of its own sections."""
    (root / "master_plan.md").unlink()
    with pytest.raises(StoreError, match="cannot read"):
        workspace(root).redraw({"status": "Drawn."}, CELLS.get)
    assert not (root / "master_plan.md").exists()
