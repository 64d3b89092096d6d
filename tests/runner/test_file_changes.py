"""Scans of the work directory around attempts, and what comes of them."""

from __future__ import annotations

import time
from pathlib import Path

import anyio
import pytest

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.core.changes import Scan
from orchestrator.core.plan import Task
from orchestrator.core.result import Outcome, Verdict
from orchestrator.core.settings import Settings
from orchestrator.runner.attempt import LiveAttempt
from orchestrator.runner.file_changes import FileChanges
from orchestrator.store import work_tree
from orchestrator.store.layout import Layout

DONE = Outcome(Verdict.COMPLETED)


def live(task: str, *writes: str) -> LiveAttempt:
    return LiveAttempt(
        task=Task(task, task, task),
        number=1,
        charge=1,
        run="r",
        agent="claude",
        files=Layout("/plan").attempt(task, 1),
        started=0.0,
        inputs={},
        earlier=(),
        make_reader=lambda: ClaudeAgent().reader(Settings()),
        writes=writes,
    )


def changes(place: Path, *writes: str, is_real: bool = True) -> FileChanges:
    made = FileChanges(workdir=str(place), spared=f"{place}/plan", wall=time.time, is_real=is_real)
    made.ask({"T-01": Settings(writes=writes), "T-02": Settings()})
    return made


def test_a_plan_that_declares_nothing_is_never_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor one that is only simulated."""
    monkeypatch.setattr(work_tree, "MOST_FILES", -1)
    for made in (changes(tmp_path), changes(tmp_path, "strict", is_real=False), FileChanges()):
        one = live("T-01")
        assert not made.is_scanning
        assert [] == made.start(one)
        made.end(one, time.time())
        assert (DONE, []) == made.judge(one, DONE)
        assert () == one.undeclared


def test_a_directory_that_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told once, and in each result of what declares something; then no one looks any more, and nothing fails."""
    (tmp_path / "a").touch()
    monkeypatch.setattr(work_tree, "MOST_FILES", 0)
    made, one, other = changes(tmp_path, "strict"), live("T-01", "strict"), live("T-02")
    [said] = made.start(one)
    assert said.endswith(f"{tmp_path} holds more than 0 files")
    assert [] == made.start(other)
    assert not made.is_scanning
    for each in (one, other):
        made.end(each, time.time())
        assert (DONE, []) == made.judge(each, DONE)
    assert [f"Not checked: {tmp_path} holds more than 0 files."] == one.undeclared
    assert () == other.undeclared


def test_attempts_that_end_together_share_a_scan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that ends while a scan is taken waits for the next one."""
    made = changes(tmp_path, "strict")
    tried = [live(f"T-0{number}", "strict") for number in range(5)]
    for each in tried:
        made.start(each)
    taken = []
    scan = work_tree.scan_files

    def count(workdir: str, spared: str) -> Scan | str:
        taken.append(workdir)
        return scan(workdir, spared)

    monkeypatch.setattr("orchestrator.runner.file_changes.scan_files", count)

    async def end_all() -> None:
        async with anyio.create_task_group() as scope:
            for each in tried:
                made.end(each, time.time())
                scope.start_soon(made.scan)

    anyio.run(end_all)
    assert 1 <= len(taken) <= 2


@pytest.mark.parametrize("verdict", [Verdict.COMPLETED, Verdict.FAILED])
def test_strict_fails_only_what_is_done(tmp_path: Path, verdict: Verdict) -> None:
    made, one = changes(tmp_path, "strict"), live("T-01", "strict")
    made.start(one)
    (tmp_path / "a").touch()
    made.end(one, time.time())
    assert [] == anyio.run(made.scan)
    outcome, said = made.judge(one, Outcome(verdict, "why", "the answer"))
    assert ["changed 1 file that its `writes` does not cover: a"] == said
    assert "the answer" == outcome.answer
    is_done = verdict is Verdict.COMPLETED
    assert (Verdict.FATAL if is_done else verdict) is outcome.verdict
    assert ("writes: strict" in outcome.reason) == is_done


def test_paths_in_logs(tmp_path: Path) -> None:
    """Also through links; files of the plan are not those of a task."""
    (tmp_path / "code").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "code")
    made = changes(tmp_path / "code")
    made.start(one := live("T-01"))
    made.start(other := live("T-02"))
    made.see_edits(one.key, [f"{tmp_path}/link/a", "plan/notes.md", "/elsewhere/x"])
    assert [] == made.see_edits(other.key, [f"{tmp_path}/code/plan/notes.md"])
    both = "T-01 and T-02 ran at the same time and both changed"
    assert [f"{both} a", f"{both} /elsewhere/x"] == made.see_edits(other.key, ["a", "/elsewhere/x"])
    assert 2 == len(made.conflicts())


def test_many_conflicts_are_summed_up(tmp_path: Path) -> None:
    made = changes(tmp_path)
    made.start(one := live("T-01"))
    made.start(other := live("T-02"))
    paths = [f"f{number}" for number in range(40)]
    made.see_edits(one.key, paths)
    said = [text for path in paths for text in made.see_edits(other.key, [path])]
    assert 21 == len(said)
    assert "final_output.md lists them" in said[-1]
    assert 40 == len(made.conflicts())
