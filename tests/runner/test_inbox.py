"""Commands that a run carries out: what is answered is on disk, and what cannot be written is not answered."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.result import StopReason
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import OWN_END, TaskCommand
from orchestrator.errors import StoreError
from orchestrator.runner import inbox
from orchestrator.runner.events import Event, Kind
from orchestrator.store.requests import Reply, Requests, new_id
from orchestrator.store.workspace import Workspace
from tests.fakes.executor import Play
from tests.runner.bench import Bench, write_plan

S = TaskStatus
CHAIN = {"T-01": "", "T-02": "T-01", "T-03": ""}


class Witness(Requests):
    """Requests that look at the disk whenever they are answered: what is said must be there."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__(workspace.layout.requests)
        self.workspace = workspace
        self.answered: list[tuple[str, Reply]] = []

    def ask(self, verb: Verb, task: str, **more: Any) -> str:
        """Leave a request, as a command does."""
        now = time.time()
        asked = TaskCommand(verb, task, "bob", now, id=new_id(now))._replace(**more)
        self.leave(asked)
        return asked.id

    def answer(self, request: str, reply: Reply) -> None:
        if reply.is_ok and reply.message != OWN_END:
            stem = f"agent-{reply.task[2:]}"
            result = self.workspace.read_result(stem)
            assert result is not None
            assert request == result.request, "answered before it was on disk"
        super().answer(request, reply)
        self.answered.append((reply.task, reply))

    def said(self) -> dict[str, str]:
        """What was answered, by task."""
        return {task: reply.status or reply.code for task, reply in self.answered}


async def test_what_is_answered_is_on_disk(tmp_path: Path) -> None:
    """Whether something runs, waits or is ready: first the result, then the answer, then the next event."""
    workspace = write_plan(tmp_path, CHAIN)
    bench = Bench(workspace, lambda job: Play(lasts=job.facts["task"] != "T-02"))
    requests = bench.runner.requests = Witness(workspace)
    requests.ask(Verb.CANCEL, "T-01", note="why not")
    requests.ask(Verb.BLOCK, "T-02")
    requests.ask(Verb.COMPLETE, "T-03", answer="by hand")
    board = await bench.run()
    assert {"T-01": "cancelled", "T-02": "blocked", "T-03": "completed"} == requests.said()
    assert [S.CANCELLED, S.BLOCKED, S.COMPLETED] == [board.status(task) for task in CHAIN]
    assert {("agent-01.attempt-1", StopReason.INTERVENTION)} <= {
        (key, reason) for key, reason, _ in bench.executor.stopped
    }
    assert "by hand" == bench.workspace.read_answer("agent-03")
    assert [] == list(Path(requests.directory).glob("*.request.json"))


async def test_a_request_of_the_last_moment_is_carried_out(tmp_path: Path) -> None:
    """A run looks once more before it ends."""
    workspace = write_plan(tmp_path, {"T-01": "", "T-02": ""})
    bench = Bench(workspace)
    requests = bench.runner.requests = Witness(workspace)

    def ask(event: Event) -> None:
        if event.kind is Kind.TASK_COMPLETED and event.attempt == 1:
            requests.ask(Verb.RETRY, event.task)

    bench.hear = ask
    board = await bench.run()
    assert {S.COMPLETED: 2} == board.counts()
    assert [2, 2] == [board.results[task].number for task in ("T-01", "T-02")]
    assert {"T-01", "T-02"} == requests.said().keys()


async def test_what_cannot_be_written_is_not_answered(tmp_path: Path) -> None:
    """The run ends, and the request stays: whoever asked carries it out, or is told why not."""
    workspace = write_plan(tmp_path, CHAIN)
    bench = Bench(workspace, lambda job: Play(lasts=True))
    requests = bench.runner.requests = Witness(workspace)
    request = requests.ask(Verb.BLOCK, "T-02")
    (tmp_path / f"results/.agent-02-result.md.{os.getpid()}.tmp").mkdir()
    await bench.run()
    assert isinstance(bench.runner.failure, StoreError)
    assert [] == requests.answered
    assert None is not requests.read(request)


async def test_what_cannot_be_answered_ends_no_run(tmp_path: Path) -> None:
    """It is told once and done once, and answered as soon as that can be done."""
    workspace = write_plan(tmp_path, CHAIN)
    bench = Bench(workspace, lambda job: Play(lasts=True))
    requests = bench.runner.requests = Witness(workspace)
    request = requests.ask(Verb.BLOCK, "T-02", note="why not")
    in_its_place = Path(requests.directory, f".{request}.answer.json.{os.getpid()}.tmp")
    in_its_place.mkdir()

    def hear(event: Event) -> None:
        if event.kind is Kind.WARNING and "cannot write" in event.text:
            requests.ask(Verb.CANCEL, "T-02")  # after another look at what was not answered
            in_its_place.rmdir()

    bench.hear = hear
    requests.answer = finishing(bench, requests, answers=2)  # type: ignore[assignment, method-assign]
    board = await bench.run()
    assert None is bench.runner.failure
    assert ["blocked", "cancelled"] == [reply.status for _, reply in requests.answered]
    assert [S.COMPLETED, S.CANCELLED, S.COMPLETED] == [board.status(task) for task in CHAIN]
    assert ["warning"] == [kind for kind, _ in bench.story() if kind == "warning"]
    assert [] == [each for each in os.listdir(requests.directory) if "request" in each]


async def test_what_cannot_be_read_is_told_once(tmp_path: Path) -> None:
    """A request that somebody else made for themselves alone ends no run, nor keeps others from being heard."""
    workspace = write_plan(tmp_path, CHAIN)
    bench = Bench(workspace, lambda job: Play(lasts=True))
    requests = bench.runner.requests = Witness(workspace)
    closed = requests.ask(Verb.BLOCK, "T-01")
    requests.ask(Verb.BLOCK, "T-02")

    def read(request: str) -> TaskCommand | None:
        if request == closed:
            raise StoreError("cannot read: Permission denied", where=f"{requests.directory}/{closed}")
        return Requests.read(requests, request)

    requests.read = read  # type: ignore[method-assign]
    requests.answer = finishing(bench, requests, answers=1)  # type: ignore[assignment, method-assign]
    await bench.run()
    assert None is bench.runner.failure
    assert {"T-02": "blocked"} == requests.said()
    assert ["warning"] == [kind for kind, _ in bench.story() if kind == "warning"]


def finishing(bench: Bench, requests: Witness, *, answers: int) -> Callable[[str, Reply], None]:
    """Return how to answer; with the last of *answers* everything that runs is over."""

    def answer(request: str, reply: Reply) -> None:
        Witness.answer(requests, request, reply)
        if len(requests.answered) == answers:
            for key in list(bench.executor.running):
                bench.executor.finish(key)

    return answer


async def test_a_worker_that_is_done_says_so_with_its_answer(tmp_path: Path) -> None:
    """Nothing is stopped; how far it is stands in its result file."""
    workspace = write_plan(tmp_path, {"T-01": ""})
    bench = Bench(workspace, lambda job: Play(lasts=True, output="the answer"))
    requests = bench.runner.requests = Witness(workspace)
    seen: list[int | None] = []

    def hear(event: Event) -> None:
        if event.kind is Kind.TASK_STARTED:
            requests.ask(Verb.START, "T-01", progress=70, run="r1")
            requests.ask(Verb.COMPLETE, "T-01", answer="something else", run="r1")
        if event.kind is Kind.TASK_PROGRESS:
            seen.append(bench.runner.board.results["T-01"].progress)

    def finish(request: str, reply: Reply) -> None:
        Requests.answer(requests, request, reply)
        if reply.message == OWN_END:
            bench.executor.finish("agent-01.attempt-1")

    bench.hear = hear
    requests.answer = finish  # type: ignore[method-assign]
    board = await bench.run()
    assert [] == bench.executor.stopped
    assert [70] == seen
    assert (S.COMPLETED, None) == (board.status("T-01"), board.results["T-01"].progress)
    assert "the answer" == bench.workspace.read_answer("agent-01").strip()


async def test_a_claim_gets_what_is_ready_or_nothing(tmp_path: Path) -> None:
    """The run chooses, so that two never get the same."""
    workspace = write_plan(tmp_path, {"T-01": "", "T-02": "", "T-03": "T-01"})
    bench = Bench(workspace, lambda job: Play(lasts=True), settings={"max_parallel": 1})
    requests = bench.runner.requests = Witness(workspace)
    for _ in range(2):
        requests.ask(Verb.START, "")

    def hear(event: Event) -> None:
        if event.kind is Kind.TASK_STARTED and event.task == "T-02":
            requests.ask(Verb.CANCEL, "T-01")

    bench.hear = hear
    board = await bench.run()
    assert {"T-02": "running", "": "nothing_ready", "T-01": "cancelled"} == requests.said()
    assert (S.RUNNING, "by bob") == board.standing["T-02"]
    assert ["T-01"] == [job.facts["task"] for job in bench.executor.started]


async def test_a_task_that_the_run_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row may just have been added; after a while whoever asked is told."""
    monkeypatch.setattr(inbox, "_LOOK", 0.001)
    workspace = write_plan(tmp_path, {"T-01": ""})
    bench = Bench(workspace, lambda job: Play(lasts=True))
    requests = bench.runner.requests = Witness(workspace)
    requests.ask(Verb.CANCEL, "T-77")

    def answer(request: str, reply: Reply) -> None:
        Requests.answer(requests, request, reply)
        requests.answered.append((reply.task, reply))
        bench.executor.finish("agent-01.attempt-1")

    requests.answer = answer  # type: ignore[method-assign]
    await bench.run()
    assert {"T-77": "not_found"} == requests.said()
