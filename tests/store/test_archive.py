"""A new plan takes the place of an old one as a whole, and nothing is lost."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.archive import has_plan, put_plan, set_outcomes_aside
from orchestrator.store.layout import Layout


def fill(root: Path, files: dict[str, str]) -> Layout:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    root.mkdir(exist_ok=True)
    return Layout(str(root))


def contents(root: Path) -> dict[str, str]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in files}


OLD = {
    "master_plan.md": "old",
    "agent_tasks/agent-01.md": "old task",
    "results/agent-01-result.md": "old result",
    "logs/agent-01.attempt-1.out": "old log",
    "journal.md": "old journal",
    "final_output.md": "old output",
    "index.json": "{}",
}
MINE = {"run.lock": "", "templates/agent_task.md.j2": "mine", "thoughts.txt": "mine"}
NEW = {"master_plan.md": "new", "agent_tasks/agent-01.md": "new task"}


def test_a_first_plan(tmp_path: Path) -> None:
    """The directories of a plan are there, and nothing is left of the writing."""
    layout = fill(tmp_path / "p", {})
    assert "" == put_plan(layout, "new", {"agent-01": "new task"})
    assert NEW == contents(tmp_path / "p")
    assert {"master_plan.md", "agent_tasks", "results"} == set(os.listdir(layout.root))


def test_the_plan_before_it_moves_with_everything_it_made(tmp_path: Path) -> None:
    """What is a person's own, and the lock, stay where they are; a second plan gets the next number."""
    layout = fill(tmp_path / "p", {**OLD, **MINE})
    moved = put_plan(layout, "new", {"agent-01": "new task"})
    assert str(tmp_path / "p" / "archive" / "001") == moved
    archived = {f"archive/001/{name}": text for name, text in OLD.items()}
    assert {**NEW, **MINE, **archived} == contents(tmp_path / "p")
    assert layout.archive + "/002" == put_plan(layout, "newest", {})
    assert "new task" == contents(tmp_path / "p")["archive/002/agent_tasks/agent-01.md"]


def test_what_the_planner_left_belongs_to_the_new_plan(tmp_path: Path) -> None:
    """It was paid for by the new plan, and is no plan by itself."""
    beside = {"results/_plan-result.md": "asked", "logs/_plan.attempt-1.out": "said"}
    layout = fill(tmp_path / "p", beside)
    assert not has_plan(layout)
    fill(tmp_path / "p", OLD)
    assert has_plan(layout)
    put_plan(layout, "new", {}, spare=("_plan",))
    found = contents(tmp_path / "p")
    assert beside == {name: found[name] for name in beside}
    assert "old result" == found["archive/001/results/agent-01-result.md"]


@pytest.mark.parametrize("name", ["master_plan.md", "agent_tasks/a.md", "results/a-result.md"])
def test_files_of_a_plan_are_a_plan(tmp_path: Path, name: str) -> None:
    """Task files or results without a plan are somebody's work too."""
    assert has_plan(fill(tmp_path / "p", {name: "x"}))
    assert not has_plan(fill(tmp_path / "q", {"journal.md": "x", "templates/x.j2": "x"}))


def test_a_plan_that_cannot_be_written_moves_nothing(tmp_path: Path) -> None:
    """The old plan is moved only when the new one is on disk."""
    layout = fill(tmp_path / "p", OLD)
    with pytest.raises(StoreError):
        put_plan(layout, "new", {"no/such/directory": "x"})
    assert OLD == contents(tmp_path / "p")


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    """Half a plan is never mixed into the next one."""
    layout = fill(tmp_path / "p", {".new_plan.tmp/agent_tasks/agent-09.md": "half"})
    put_plan(layout, "new", {"agent-01": "new task"})
    assert NEW == contents(tmp_path / "p")


def test_outcomes_move_with_a_copy_of_the_plan_and_the_rest_stays(tmp_path: Path) -> None:
    """Only those of the tasks that are to be done afresh."""
    other = {"results/agent-02-result.md": "other result", "logs/agent-02.attempt-1.out": "other"}
    layout = fill(tmp_path / "p", {**OLD, **other, "logs/run.out": "said"})
    assert "" == set_outcomes_aside(layout, ["agent-03"])
    assert layout.archive + "/001" == set_outcomes_aside(layout, ["agent-01"])
    moved = ("results/agent-01-result.md", "logs/agent-01.attempt-1.out", "final_output.md")
    left = {name: text for name, text in OLD.items() if name not in moved}
    archived = {f"archive/001/{name}": OLD[name] for name in (*moved, "master_plan.md")}
    assert {**left, **other, "logs/run.out": "said", **archived} == contents(tmp_path / "p")


def test_the_copy_of_a_plan_is_as_private_as_the_plan(tmp_path: Path) -> None:
    """The address of a webhook may stand in it."""
    layout = fill(tmp_path / "p", OLD)
    Path(layout.plan).chmod(0o600)
    place = Path(set_outcomes_aside(layout, ["agent-01"]))
    assert 0o600 == stat.S_IMODE((place / "master_plan.md").stat().st_mode)


@pytest.mark.parametrize("name", ["archive", "results", "logs"])
def test_outcomes_are_not_moved_through_a_link(tmp_path: Path, name: str) -> None:
    """It would lead out of the plan directory."""
    layout = fill(tmp_path / "p", {**OLD, "archive/mine.txt": "mine"})
    (tmp_path / "p" / name).rename(tmp_path / "elsewhere")
    (tmp_path / "p" / name).symlink_to("../elsewhere")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="it is a link"):
        set_outcomes_aside(layout, ["agent-01"])
    assert before == contents(tmp_path)
