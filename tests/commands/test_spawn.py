"""A task that is to start now, in a plan that is never free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.commands import spawn as spawning
from orchestrator.errors import BusyError
from orchestrator.executors.detach import Detached
from orchestrator.services.new_task import NewTask
from orchestrator.store.lock import take_lock
from orchestrator.wiring import plugins
from tests.runner.bench import write_plan


def test_a_run_that_never_gets_the_plan_is_not_started_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a dead run has left may hold a plan that nobody runs; the task stays in it."""
    monkeypatch.setattr(spawning, "_TRIES_WITHIN", 0.0, raising=False)
    for name in ("free", "taken"):
        (tmp_path / name).mkdir()
    layout, taken = (write_plan(tmp_path / name, {"T-01": ""}).layout for name in ("free", "taken"))
    lock = take_lock(taken.lock, "r1", "2026-01-05T14:00:00.000Z")
    started: list[Sequence[str]] = []

    def start(words: Sequence[str], output: str) -> Detached:
        """Start a run that finds its plan taken, each time."""
        started.append(words)
        assert 3 > len(started), "it is started again and again"
        return Detached(["run", "--dir", taken.root], output)

    task = NewTask(text="true", values={"agent": "shell"})
    with pytest.raises(BusyError, match="T-02 was added, and could not be started") as caught:
        spawning.spawn(layout, task, "me", plugins(layout=layout), start)
    lock.release()
    assert 1 == len(started)
    assert "orchestrator run --only T-02" in caught.value.hint
    assert "T-02" in Path(layout.plan).read_text(encoding="utf-8")
