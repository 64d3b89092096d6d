"""Run a plan: everything that is not completed yet, and nothing else."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import anyio

from orchestrator.actions.prospect import (
    KEPT_AS_THEY_ARE,
    Prospect,
    RunOrder,
    look_ahead,
)
from orchestrator.agents.protocol import Agent
from orchestrator.core.board import Board
from orchestrator.core.engine import Engine, Entry
from orchestrator.core.plan import Task
from orchestrator.core.result import Result, Verdict
from orchestrator.core.state import TaskStatus
from orchestrator.errors import ExitStatus, OrchestratorError
from orchestrator.executors.protocol import Executor
from orchestrator.runtime.attempt import Launchpad
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.drawing import Drawing
from orchestrator.runtime.happening import Happening, Kind, Listener
from orchestrator.runtime.loop import Runner
from orchestrator.runtime.recovery import harvest
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.journal import Journal, journal_tail
from orchestrator.store.layout import Layout
from orchestrator.store.lock import RunLock, take_lock
from orchestrator.store.plan_file import StatusCells
from orchestrator.store.result_file import iso
from orchestrator.store.workspace import Workspace
from orchestrator.views.final_output import final_output
from orchestrator.views.glyphs import label, moment
from orchestrator.views.master_plan import sections
from orchestrator.views.task_file import task_file

_LOG_TAIL = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugs:
    """The concrete agents and executor, chosen in ``wiring``."""

    agents: Mapping[str, Agent]
    require: Callable[[set[str]], None]
    """Raise AgentError when an agent with one of these keys cannot work on this machine."""
    executor: Callable[[Sequence[int]], Executor]
    """Build the executor; the given descriptors stay open as long as anything of it lives."""
    sweep: Callable[[str, str], int]
    """End what dead runs left behind in a plan directory, sparing the given run; how many processes that were."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """How a run ended. ``duration`` in seconds."""

    run: str
    layout: Layout
    board: Board
    asked: Collection[str]
    """Tasks the run was to complete: all of them, or those of ``--only``."""
    launched: int
    """Attempts this run launched."""
    duration: float
    signal: int = 0
    failure: OrchestratorError | None = None

    @property
    def exit_status(self) -> int:
        """The status of the process (design, section 5)."""
        if self.failure is not None:
            return self.failure.exit_status
        if self.signal:
            return 128 + self.signal
        done = all(self.board.status(task_id) is TaskStatus.COMPLETED for task_id in self.asked)
        return ExitStatus.DONE if done else ExitStatus.TASK_FAILED


def run(order: RunOrder, plugs: Plugs, listener: Listener) -> RunReport:
    """Run the plan to its end, or as far as it goes; blocks until then.

    Raises:
        PlanError, NotFoundError, UsageError: the input makes no sense; nothing was written, nothing started.
        AgentError: an agent that is needed cannot work on this machine; nothing was written, nothing started.
        BusyError: another run holds the plan; nothing was written.
        StoreError: state could not be read or written.
    """
    ahead = look_ahead(order, tuple(plugs.agents))
    plugs.require({ahead.policies[task_id].agent for task_id in ahead.to_run})
    clock, run_id = Clock(), uuid.uuid4().hex[:12]
    lock = take_lock(order.layout.lock, run_id, iso(clock.wall()))
    try:
        ahead.workspace.prepare()
        if lock.dead_runs:
            plugs.sweep(order.layout.root, run_id)
        with closing(Journal(order.layout.journal)) as journal:
            report = _Session(
                order, plugs, ahead.workspace, run_id, clock, journal, listener, lock
            ).run()
    except BaseException:
        lock.abandon()
        raise
    if report.failure is None:
        lock.release()
    else:
        lock.abandon()
    return report


@dataclass(slots=True)
class _Session:
    """One run with the lock held."""

    order: RunOrder
    plugs: Plugs
    workspace: Workspace
    run_id: str
    clock: Clock
    journal: Journal
    listener: Listener
    lock: RunLock

    def run(self) -> RunReport:
        """Recover, run, draw what came of it."""
        started = self.clock.wall()
        # Read again: until the lock was ours, another run may have been at work.
        traces = scan_logs(self.order.layout.logs)
        ahead = look_ahead(self.order, tuple(self.plugs.agents), self.workspace, traces)
        if self._recover(ahead, traces):
            ahead = look_ahead(self.order, tuple(self.plugs.agents), self.workspace, traces)
        self.lock.recovered()
        total, todo = len(ahead.board.plan.tasks), len(ahead.to_run)
        self._hear(
            Happening(
                kind=Kind.RUN_STARTED,
                time=started,
                tasks=todo,
                text=f"{todo} of {total} tasks to run",
            )
        )
        for task_id, doubt in ahead.board.doubts.items():
            self._hear(Happening(kind=Kind.WARNING, time=started, task=task_id, text=doubt))
        runner = self._runner(ahead, traces)
        if ahead.to_run:
            self._write_task_files(ahead)
            anyio.run(runner.run)
        return self._conclude(ahead, runner, started)

    def _recover(self, ahead: Prospect, traces: Mapping[str, Traces]) -> bool:
        found = harvest(
            self.workspace,
            ahead.board.plan.tasks,
            ahead.policies,
            self.plugs.agents,
            traces=traces,
            dead_runs=self.lock.dead_runs,
        )
        if found:
            self.workspace.commit([each.commit for each in found])
        for each in found:
            done = each.result.status is TaskStatus.COMPLETED
            self._hear(
                Happening(
                    kind=Kind.TASK_COMPLETED if done else Kind.TASK_INTERRUPTED,
                    time=self.clock.wall(),
                    task=each.task.id,
                    name=each.task.name,
                    attempt=each.result.number,
                    duration=each.result.duration,
                    text="taken from the log of a run that died" if done else each.result.reason,
                )
            )
        return bool(found)

    def _runner(self, ahead: Prospect, traces: Mapping[str, Traces]) -> Runner:
        board, settings = ahead.board, ahead.settings
        layout = self.order.layout
        return Runner(
            workspace=self.workspace,
            board=board,
            engine=Engine(
                _entries(ahead, traces),
                max_parallel=settings.max_parallel,
                stop_on_failure=settings.on_failure == "stop",
            ),
            policies=ahead.policies,
            executor=self.plugs.executor([self.lock.descriptor]),
            clock=self.clock,
            listener=self._hear,
            launchpad=Launchpad(
                self.workspace,
                board.plan.tasks,
                ahead.policies,
                self.plugs.agents,
                run=self.run_id,
                workdir=layout.workdir(settings.workdir),
            ),
            drawing=Drawing(self._draw),
        )

    def _write_task_files(self, ahead: Prospect) -> None:
        tasks, policies = ahead.board.plan.tasks, ahead.meant
        for task in map(tasks.__getitem__, ahead.to_run):
            if not self.workspace.has_task_file(task):
                text = task_file(
                    task,
                    policies[task.id],
                    self.order.layout.templates,
                    [tasks[need] for need in task.needs],
                    shell=policies[task.id].agent == "shell",
                )
                self.workspace.write_task_file(task.stem, text)

    def _draw(self, board: Board, news: Mapping[str, str]) -> None:
        tail = journal_tail(self.order.layout.journal, _LOG_TAIL)
        drawn = sections(board, now=self.clock.wall(), journal_tail=tail, running=news)
        cells = {
            task_id: StatusCells(
                status=label(standing.status),
                start=_start(board, task_id),
                end=_end(board, task_id),
            )
            for task_id, standing in board.standing.items()
        }
        self.workspace.redraw(drawn, cells)

    def _conclude(self, ahead: Prospect, runner: Runner, started: float) -> RunReport:
        """Draw everything once more, now that nothing moves."""
        failure, board = runner.failure, ahead.board
        try:
            if failure is None:
                board = runner.snapshot()
            else:
                # What could not be written did not happen.
                board = self.workspace.load(
                    keep_cache=False, is_live=False, traces=scan_logs(self.order.layout.logs)
                )
            counts = board.counts()
            total = len(board.plan.tasks)
            text = f"{counts[TaskStatus.COMPLETED]} of {total} tasks completed"
            self._hear(
                Happening(
                    kind=Kind.RUN_ENDED,
                    time=self.clock.wall(),
                    duration=self.clock.wall() - started,
                    text=text if failure is None else f"{text}; {failure}",
                )
            )
            self._aggregate(ahead, board, started)
            self._draw(board, {})
            self.workspace.write_index()
        except OrchestratorError as error:
            failure = failure or error
        return RunReport(
            run=self.run_id,
            layout=self.order.layout,
            board=board,
            asked=self.order.only or board.plan.tasks,
            launched=runner.launched,
            duration=self.clock.wall() - started,
            signal=runner.ended_by,
            failure=failure,
        )

    def _aggregate(self, ahead: Prospect, board: Board, started: float) -> None:
        answers = {
            task.id: self.workspace.read_shown_answer(task.stem)
            for task in board.plan.tasks.values()
            if board.status(task.id) is TaskStatus.COMPLETED
        }
        text = final_output(
            board,
            answers=answers,
            started=started,
            ended=self.clock.wall(),
            strategy=ahead.settings.aggregate,
            overrides=self.order.layout.templates,
        )
        self.workspace.write_final_output(text)

    def _hear(self, happening: Happening) -> None:
        if happening.kind is not Kind.NEWS:
            self.journal.append(happening.line())
        self.listener(happening)


def _entries(ahead: Prospect, traces: Mapping[str, Traces]) -> Iterator[Entry]:
    board, to_run = ahead.board, set(ahead.to_run)
    for task in board.plan.tasks.values():
        runs, status = task.id in to_run, board.status(task.id)
        if not runs and status not in KEPT_AS_THEY_ARE:
            continue  # left out with --only
        policy, result = ahead.policies[task.id], board.results.get(task.id)
        yield Entry(
            id=task.id,
            # What does not run needs nothing, and its needs may have been left out.
            needs=task.needs if runs else (),
            priority=task.priority,
            rank=board.shape.rank[task.id],
            timeout=policy.timeout,
            max_attempts=policy.max_attempts,
            retry_delay=policy.retry_delay,
            status=TaskStatus.WAITING if runs else status,
            attempt=_newest(task, board, traces),
            charge=min(_charge(result), policy.max_attempts - 1),
        )


def _newest(task: Task, board: Board, traces: Mapping[str, Traces]) -> int:
    """Return the highest attempt number ever used: no attempt overwrites the log of another."""
    result, known = board.results.get(task.id), traces.get(task.stem)
    return max(result.number if result else 0, known.newest if known else 0)


def _charge(result: Result | None) -> int:
    """Attempts already charged: those of a run that was cut short; a task that failed for good starts afresh."""
    if result is None or result.last is None or result.status is not TaskStatus.PENDING:
        return 0
    last = result.last
    return last.charge if last.status == Verdict.FAILED.value else last.charge - 1


def _start(board: Board, task_id: str) -> str:
    result = board.results.get(task_id)
    return moment(result.attempts[0].started) if result and result.attempts else "-"


def _end(board: Board, task_id: str) -> str:
    result = board.results.get(task_id)
    ended = result.last.ended if result and result.last else 0.0
    return moment(ended) if ended else "-"
