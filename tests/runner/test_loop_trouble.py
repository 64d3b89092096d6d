"""What goes wrong around a run: it is told, ends in order, and no task is blamed for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import anyio.from_thread

from orchestrator.agents.protocol import Assignment
from orchestrator.agents.shell import ShellAgent
from orchestrator.core.result import Invocation
from orchestrator.core.status import TaskStatus
from orchestrator.errors import ExecutorError, LostResultError, StoreError
from orchestrator.executors.protocol import Job
from orchestrator.runner.events import Event, Kind
from tests.fakes.executor import Play
from tests.runner.bench import Bench, write_plan

S = TaskStatus
CHAIN = {"T-01": "", "T-02": "T-01"}


def answers(job: Job) -> Play:
    """Every task says its name."""
    return Play(output=f"I am {job.facts['task']}.\n")


async def test_a_result_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    """The failure is reported, nothing more is started, and nothing is called done."""

    def play(job: Job) -> Play:
        (tmp_path / f"results/.agent-01-result.md.{os.getpid()}.tmp").mkdir()
        return answers(job)

    bench = Bench(write_plan(tmp_path, CHAIN), play)
    board = await bench.run()
    assert isinstance(bench.runner.failure, StoreError)
    assert ["task_started", "warning"] == [kind for kind, _ in bench.story()]
    assert [S.PENDING, S.WAITING] == [board.status(task) for task in CHAIN]
    assert 1 == bench.runner.launched


async def test_a_prompt_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    """No agent is started, and no task is blamed."""
    bench = Bench(write_plan(tmp_path, CHAIN), answers)
    shutil.rmtree(tmp_path / "logs")
    board = await bench.run()
    assert isinstance(bench.runner.failure, StoreError)
    assert [] == bench.executor.started
    assert [S.PENDING, S.WAITING] == [board.status(task) for task in CHAIN]


async def test_a_lost_result_that_cannot_be_asked_for_ends_the_run(tmp_path: Path) -> None:
    """The request is a file too, and the disk may be full: that is told, and no task is blamed."""

    class LosingAgent(ShellAgent):
        def invocation(self, assignment: Assignment) -> Invocation:
            if assignment.task.id == "T-02":
                raise LostResultError("results/agent-01-result.md is gone", hint="", tasks=["T-01"])
            return super().invocation(assignment)

    def full(_: LostResultError) -> bool:
        raise error

    error = StoreError("no space left")
    bench = Bench(write_plan(tmp_path, CHAIN), answers, agent=LosingAgent())
    bench.runner.redo = full
    board = await bench.run()
    assert error is bench.runner.failure
    assert S.COMPLETED is board.status("T-01")


async def test_an_executor_that_dies_ends_the_run(tmp_path: Path) -> None:
    """Its attempts are interrupted and not charged; the run says what happened."""
    bench = Bench(write_plan(tmp_path, CHAIN), lambda job: Play(lasts=True))
    error = ExecutorError("the guard died")

    def kill(event: Event) -> None:
        if event.kind is Kind.TASK_STARTED:
            bench.executor.die(error)

    bench.hear = kill
    board = await bench.run()
    assert error is bench.runner.failure
    assert (S.PENDING, "the runner died") == (board.status("T-01"), board.standing["T-01"].reason)
    assert 1 == bench.runner.launched


async def test_a_chronicle_that_cannot_be_written_ends_the_run(tmp_path: Path) -> None:
    """A disk that is full for the journal is full for the results: no agent is paid for any more."""
    bench = Bench(write_plan(tmp_path, CHAIN), answers)

    def full(event: Event) -> None:
        raise StoreError("cannot append: No space left on device")

    bench.hear = full
    await bench.run()
    assert isinstance(bench.runner.failure, StoreError)
    assert 1 == bench.runner.launched


async def test_a_log_that_cannot_be_read_fails_no_other_task(tmp_path: Path) -> None:
    """Agents write into that directory; what is in the way of a log there is moved aside."""

    def play(job: Job) -> Play:
        if job.facts["task"] == "T-01":
            Path(job.stdout).mkdir()
        return answers(job)

    bench = Bench(write_plan(tmp_path, {"T-01": "", "T-02": ""}), play)
    board = await bench.run()
    assert {S.COMPLETED: 2} == board.counts()
    assert (tmp_path / "logs/agent-01.attempt-1.out.damaged-1").is_dir()


async def test_a_plan_that_cannot_be_drawn_does_not_stop_the_run(tmp_path: Path) -> None:
    """Views are drawn behind the work and never in its way, also when a person moved the plan for a moment."""
    bench = Bench(write_plan(tmp_path, CHAIN), lambda job: Play(lasts=job.facts["task"] == "T-01"))

    def draw(board: object, news: object) -> bool:
        anyio.from_thread.run_sync(bench.executor.finish, "agent-01.attempt-1")
        raise StoreError("cannot read: No such file or directory")

    bench.runner.drawing.draw = draw
    board = await bench.run()
    assert {S.COMPLETED: 2} == board.counts()
