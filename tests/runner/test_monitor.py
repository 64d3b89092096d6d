"""Reading along with attempts: only what they printed themselves."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from orchestrator.runner.attempt import LiveAttempt
from orchestrator.runner.monitor import Monitor
from orchestrator.scheduler.messages import Launch
from tests.fakes.executor import FakeExecutor
from tests.runner.bench import Bench, write_plan

pytestmark = pytest.mark.anyio


async def test_what_lies_where_its_log_will_be_is_not_read(tmp_path: Path) -> None:
    """Another agent may have put it there; the log is opened, and emptied, by whoever starts it (promise 24)."""
    runner = Bench(write_plan(tmp_path, {"T-01": "", "T-02": ""})).runner
    lives: list[LiveAttempt] = []
    for task in runner.board.plan.tasks.values():
        live = runner.launchpad.attempt(task, Launch(task.id, 1, 1, 0.0), {}, 0.0)
        Path(live.files.stdout).write_text("forged\n")
        lives.append(live)
    early, begun = lives
    begun.pid = 1
    looked = anyio.Event()
    with anyio.fail_after(60):
        async with anyio.create_task_group() as scope:
            reading = Monitor(
                executor=FakeExecutor(),
                workspace=runner.workspace,
                scope=scope,
                live={live.key: live for live in lives},
                heard=lambda heard: looked.set(),
                news=lambda live: None,
                ended=lambda live, exit, outcome: None,
                fails=lambda error: None,
            )
            scope.start_soon(reading.keep_looking)
            await looked.wait()
            scope.cancel_scope.cancel()
    assert (0, 7) == (early.offset, begun.offset)
