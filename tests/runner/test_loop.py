"""The run, end to end, with everything but processes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from orchestrator.agents.protocol import Assignment
from orchestrator.agents.shell import ShellAgent
from orchestrator.core.result import Invocation, ProcessExit, StopReason
from orchestrator.core.status import TaskStatus
from orchestrator.errors import StoreError
from orchestrator.executors.protocol import Job
from orchestrator.runner import attempt as attempt_module
from orchestrator.runner.events import Event, Kind
from orchestrator.store.layout import Layout
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace
from tests.fakes.executor import Play
from tests.runner.bench import Bench, write_plan, write_task

S = TaskStatus
DIAMOND = {"T-01": "", "T-02": "T-01", "T-03": "T-01", "T-04": "T-02, T-03"}
CHAIN = {"T-01": "", "T-02": "T-01"}


def answers(job: Job) -> Play:
    """Every task says its name and its attempt."""
    return Play(output=f"I am {job.facts['task']}, attempt {job.facts['attempt']}.\n")


def fails(*tasks: str, attempts: Sequence[int] = range(1, 100)) -> Callable[[Job], Play]:
    """Answers, but these attempts of these tasks exit with 1."""

    def play(job: Job) -> Play:
        is_meant = job.facts["task"] in tasks and job.facts["attempt"] in attempts
        return Play(exit=ProcessExit(code=1)) if is_meant else answers(job)

    return play


async def test_a_plan_runs_to_its_end(tmp_path: Path) -> None:
    """Every task is completed, its answer is on disk, and its dependants were given it."""
    bench = Bench(write_plan(tmp_path, DIAMOND), answers)
    board = await bench.run()
    assert {S.COMPLETED: 4} == board.counts()
    assert None is bench.runner.failure
    assert 4 == bench.runner.launched
    assert {"T-02": 1, "T-03": 1} == board.results["T-04"].inputs
    assert "I am T-04, attempt 1." == bench.workspace.read_answer("agent-04")
    (given,) = (job.stdin for job in bench.executor.started if job.facts["task"] == "T-04")
    prompt = Path(given).read_text()
    assert "I am T-02, attempt 1." in prompt
    assert "I am T-03, attempt 1." in prompt


async def test_a_listener_hears_what_happens_in_order(tmp_path: Path) -> None:
    """A task is completed once its result is on disk, and its dependant starts after that."""
    bench = Bench(write_plan(tmp_path, CHAIN), answers)
    seen: list[str] = []

    def look(event: Event) -> None:
        if event.kind is Kind.TASK_COMPLETED:
            found = Workspace(bench.workspace.layout).read_result(f"agent-{event.task[2:]}")
            seen.append(found.status.value if found else "nothing")

    bench.hear = look
    await bench.run()
    assert [
        ("task_started", "T-01"),
        ("task_completed", "T-01"),
        ("task_started", "T-02"),
        ("task_completed", "T-02"),
    ] == bench.story()
    assert ["completed", "completed"] == seen
    assert [1, 1, 1, 1] == [event.attempt for event in bench.heard]
    assert "Do T-01" == bench.heard[0].name


async def test_an_attempt_has_its_own_files_and_says_who_it_is(tmp_path: Path) -> None:
    """The marker by which recovery finds what a dead run left."""
    bench = Bench(write_plan(tmp_path, {"T-01": ""}), fails("T-01", attempts=[1]))
    await bench.run()
    first, second = bench.executor.started
    assert ("agent-01.attempt-1", "agent-01.attempt-2") == (first.key, second.key)
    assert {
        "ORCHESTRATOR_RUN_ID": "r1",
        "ORCHESTRATOR_TASK_ID": "T-01",
        "ORCHESTRATOR_ATTEMPT": "2",
        "ORCHESTRATOR_DIR": str(tmp_path),
        "TM_AGENT_ID": "shell",
    } == second.env
    assert str(tmp_path / "logs/agent-01.attempt-2.out") == second.stdout
    assert str(tmp_path) == second.cwd


async def test_a_failed_attempt_is_repeated(tmp_path: Path) -> None:
    """Every attempt stands in the result file, with its reason."""
    bench = Bench(write_plan(tmp_path, CHAIN), fails("T-01", attempts=[1, 2]))
    board = await bench.run()
    assert {S.COMPLETED: 2} == board.counts()
    attempts = board.results["T-01"].attempts
    assert [(1, "failed", "exit 1"), (2, "failed", "exit 1"), (3, "completed", "")] == [
        (each.number, each.status, each.reason) for each in attempts
    ]
    assert {"T-01": 3} == board.results["T-02"].inputs
    retries = [event for event in bench.heard if event.kind is Kind.TASK_RETRYING]
    assert [0.0, 0.0] == [event.retry_in for event in retries]


async def test_what_could_not_be_started_for_a_moment_is_started_later(tmp_path: Path) -> None:
    """The machine was short of processes or of memory: the attempt is repeated after a pause, like one that failed."""
    short = ProcessExit(error="cannot start 'sh': Resource temporarily unavailable", is_passing=True)

    def play(job: Job) -> Play:
        return Play(exit=short) if job.facts["attempt"] < 3 else Play(output="done\n")

    bench = Bench(write_plan(tmp_path, {"T-01": ""}), play)
    board = await bench.run()
    assert {S.COMPLETED: 1} == board.counts()
    assert [(1, "failed", short.error), (2, "failed", short.error), (3, "completed", "")] == [
        (each.number, each.status, each.reason) for each in board.results["T-01"].attempts
    ]
    assert 2 == [event.kind for event in bench.heard].count(Kind.TASK_RETRYING)


async def test_a_failed_task_skips_what_needs_it(tmp_path: Path) -> None:
    """And nothing else."""
    plan = {**DIAMOND, "T-05": ""}
    bench = Bench(write_plan(tmp_path, plan), fails("T-02"), settings={"retries": 0})
    board = await bench.run()
    assert [S.COMPLETED, S.FAILED, S.COMPLETED, S.SKIPPED, S.COMPLETED] == [board.status(task) for task in plan]
    assert ("task_skipped", "T-04") in bench.story()
    assert None is bench.runner.failure


async def test_an_agent_that_cannot_do_a_task_fails_it_without_a_process(tmp_path: Path) -> None:
    """With the reason and the hint, and without trying again."""
    workspace = write_plan(tmp_path, CHAIN)
    write_task(workspace, "```ruby\nputs 1\n```\n")
    bench = Bench(workspace, answers)
    board = await bench.run()
    assert [] == bench.executor.started
    assert [S.FAILED, S.SKIPPED] == [board.status(task) for task in CHAIN]
    assert "cannot run a 'ruby' block (begin the task's first code block" in board.standing["T-01"].reason


async def test_a_task_file_that_makes_no_sense_fails_its_task(tmp_path: Path) -> None:
    """It was broken during the run; the rest goes on."""
    workspace = write_plan(tmp_path, {"T-01": "", "T-02": ""})
    write_task(workspace, "---\nretries: many\n---\n")
    board = await Bench(workspace, answers).run()
    assert [S.FAILED, S.COMPLETED] == [board.status(task) for task in ("T-01", "T-02")]
    assert "agent-01.md:2" in board.standing["T-01"].reason


async def test_a_bug_fails_its_task_and_no_other(tmp_path: Path) -> None:
    """What it was stands in the log of errors: without it nobody could mend it."""

    class BrokenAgent(ShellAgent):
        def invocation(self, assignment: Assignment) -> Invocation:
            if assignment.task.id == "T-01":
                raise TypeError("no such thing")
            return super().invocation(assignment)

    workspace = write_plan(tmp_path, {"T-01": "", "T-02": ""})
    board = await Bench(workspace, answers, agent=BrokenAgent()).run()
    assert [S.FAILED, S.COMPLETED] == [board.status(task) for task in ("T-01", "T-02")]
    assert "internal error: TypeError('no such thing')" == board.standing["T-01"].reason
    assert "in invocation" in (tmp_path / "logs" / "agent-01.attempt-1.err").read_text()


async def test_a_timeout_stops_the_agent(tmp_path: Path) -> None:
    """With the grace that the settings give."""
    bench = Bench(
        write_plan(tmp_path, {"T-01": ""}),
        lambda job: Play(lasts=True),
        settings={"timeout": 0.02, "retries": 0, "grace": 1.5},
    )
    board = await bench.run()
    assert [("agent-01.attempt-1", StopReason.TIMEOUT, 1.5)] == bench.executor.stopped
    assert (S.FAILED, "timed out after 20ms") == (board.status("T-01"), board.standing["T-01"].reason)


async def test_a_signal_stops_the_run(tmp_path: Path) -> None:
    """What is done is kept, what ran is interrupted and not charged, nothing new starts."""
    plan = {**CHAIN, "T-03": "T-02"}
    bench = Bench(write_plan(tmp_path, plan), lambda job: Play(lasts=job.facts["task"] == "T-02"))

    def press(event: Event) -> None:
        # The second task starts after the first was written, so by then somebody listens for signals.
        if (event.kind, event.task) == (Kind.TASK_STARTED, "T-02"):
            os.kill(os.getpid(), signal.SIGTERM)

    bench.hear = press
    board = await bench.run()
    assert signal.SIGTERM == bench.runner.ended_by
    assert None is bench.runner.failure
    assert [S.COMPLETED, S.PENDING, S.WAITING] == [board.status(task) for task in plan]
    assert "the run was stopped" == board.standing["T-02"].reason
    assert [("agent-02.attempt-1", StopReason.SHUTDOWN, 5.0)] == bench.executor.stopped


# ── how much at once ──────────────────────────────────────────────────────────────────────────────────────────────


class Counting(Workspace):
    """Counts how many results were made durable at a time."""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout)
        self.batches: list[int] = []

    def publish(self, commits: Sequence[Commit]) -> None:
        self.batches.append(len(commits))
        super().publish(commits)


class Unsettled(Workspace):
    """Keeps in ``steps`` what came when; with ``is_broken``, the places of results cannot be made durable."""

    def __init__(self, layout: Layout, *, is_broken: bool = False) -> None:
        super().__init__(layout)
        self.steps: list[str] = []
        self.is_broken = is_broken

    def settle(self) -> None:
        self.steps.append("settled")
        if self.is_broken:
            raise StoreError("the disk is broken", hint="mend it")
        super().settle()


@pytest.mark.parametrize("beside", ["", "T-03"], ids=["alone", "beside another"])
async def test_what_waits_for_a_result_starts_before_anybody_is_told_of_it(tmp_path: Path, beside: str) -> None:
    """It is in its place then. Told it is once its place is durable too, and before what came of it."""
    layout = write_plan(tmp_path, {**CHAIN, **({beside: ""} if beside else {})}).layout
    workspace = Unsettled(layout)

    def play(job: Job) -> Play:
        workspace.steps.append(f"start {job.facts['task']}")
        return answers(job)

    bench = Bench(workspace, play)
    bench.hear = lambda each: workspace.steps.append(f"told {each.kind.value} {each.task}")
    board = await bench.run()
    assert S.COMPLETED is board.status("T-02")
    steps = [step for step in workspace.steps if "T-03" not in step]
    started, settled, done, told = map(
        steps.index, ("start T-02", "settled", "told task_completed T-01", "told task_started T-02")
    )
    assert started < settled < done < told
    assert "told task_completed T-02" == steps[-1]


async def test_a_result_whose_place_is_not_durable_is_not_told(tmp_path: Path) -> None:
    """The run stops and says why; the next one finds the result."""
    workspace = Unsettled(write_plan(tmp_path, CHAIN).layout, is_broken=True)
    bench = Bench(workspace, answers)
    board = await bench.run()
    assert "the disk is broken" == str(bench.runner.failure)
    assert [] == [task for kind, task in bench.story() if kind == "task_completed"]
    assert any(kind == "warning" for kind, _ in bench.story())
    assert S.COMPLETED is board.status("T-01")


async def test_results_that_end_together_share_one_sync(tmp_path: Path) -> None:
    """Fifty tasks that end in one moment cost one or two syncs of the directories, not fifty."""
    plan = {f"T-{number}": "" for number in range(50)}
    layout = write_plan(tmp_path, plan).layout
    workspace = Counting(layout)
    board = await Bench(workspace, answers, settings={"max_parallel": 50}).run()
    assert {S.COMPLETED: 50} == board.counts()
    assert 50 == sum(workspace.batches)
    assert len(workspace.batches) <= 2


async def test_a_big_log_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it is read, and between two pieces others have their turn."""
    monkeypatch.setattr(attempt_module, "PIECE", 1000)
    output = "".join(f"line {number:06}\n" for number in range(2000))
    workspace = write_plan(tmp_path, {"T-01": "", "T-02": ""})

    def play(job: Job) -> Play:
        return Play(output=output if job.facts["task"] == "T-01" else "short\n")

    bench = Bench(workspace, play)
    board = await bench.run()
    assert {S.COMPLETED: 2} == board.counts()
    assert output.rstrip("\n") == workspace.read_answer("agent-01")
    done = [task for kind, task in bench.story() if kind == "task_completed"]
    assert ["T-02", "T-01"] == done
