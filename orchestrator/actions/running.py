"""Run a plan: everything that is not completed yet, and nothing else."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import anyio

from orchestrator.actions.assignments import write_missing_task_files
from orchestrator.actions.beside import done_beside
from orchestrator.actions.engine_setup import accounts, build_engine, holds_found, revised_entries
from orchestrator.actions.merging import Merged, merge
from orchestrator.actions.prospect import (
    Prospect,
    RunOrder,
    look_ahead,
)
from orchestrator.actions.replanning import Replanner
from orchestrator.actions.status_cells import status_cells
from orchestrator.actions.worker import Worker
from orchestrator.agents.protocol import Agent
from orchestrator.core.board import Board
from orchestrator.core.result import Result
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.errors import ExitStatus, OrchestratorError
from orchestrator.executors.protocol import Executor
from orchestrator.runtime.attempt import Launchpad
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.drawing import Drawing
from orchestrator.runtime.happening import Happening, Kind, Listener
from orchestrator.runtime.loop import Runner
from orchestrator.runtime.recovery import harvest
from orchestrator.runtime.watching import Change, Watch
from orchestrator.store.answers import answers_shown
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.journal import Journal, journal_tail
from orchestrator.store.layout import Layout
from orchestrator.store.lock import RunLock, take_lock
from orchestrator.store.result_file import iso
from orchestrator.store.workspace import Workspace
from orchestrator.views.final_output import final_output
from orchestrator.views.master_plan import sections
from orchestrator.views.templating import prepare

_LOG_TAIL = 15
#: Notes about files that others changed; somebody who changed more of them knows.
_NOTES = 20
#: Seconds between two lines of the journal about what one agent is doing.
_NEWS_EVERY = 10.0


class Plugs(NamedTuple):
    """The concrete agents and executor, chosen in ``wiring``."""

    agents: Mapping[str, Agent]
    require: Callable[[Mapping[str, Settings]], None]
    """Raise AgentError when a task with these settings cannot be done on this machine, whatever is tried."""
    executor: Callable[[Sequence[int]], Executor]
    """Build the executor; the given descriptors stay open as long as anything of it lives."""
    sweep: Callable[[str, str], int]
    """End what dead runs left behind in a plan directory, sparing the given run; how many processes that were."""


class RunReport(NamedTuple):
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
    held_back: str = ""
    """Why tasks were not started although nothing they need is missing."""
    beside: Sequence[Result] = ()
    """What was done beside the plan, and paid for."""
    failure: OrchestratorError | None = None

    @property
    def exit_status(self) -> int:
        """The status of the process (design, section 5)."""
        if self.failure is not None:
            return self.failure.exit_status
        if self.signal:
            return 128 + self.signal
        if all(self.board.status(task_id) is TaskStatus.COMPLETED for task_id in self.asked):
            return ExitStatus.DONE
        return ExitStatus.HELD if self.held_back else ExitStatus.TASK_FAILED


def examine(order: RunOrder, plugs: Plugs) -> Prospect:
    """Return what a run would do, once nothing is known that would keep it from starting. Writes nothing.

    Raises:
        PlanError, NotFoundError, UsageError: the input makes no sense.
        AgentError: an agent that is needed cannot work on this machine.
        StoreError: state could not be read.
    """
    ahead = look_ahead(order, tuple(plugs.agents))
    plugs.require({task_id: ahead.policies[task_id] for task_id in ahead.to_run})
    return ahead


def run(order: RunOrder, plugs: Plugs, listener: Listener) -> RunReport:
    """Run the plan to its end, or as far as it goes; blocks until then.

    Raises:
        PlanError, NotFoundError, UsageError: the input makes no sense; nothing was written, nothing started.
        AgentError: an agent that is needed cannot work on this machine; nothing was written, nothing started.
        BusyError: another run holds the plan; nothing was written.
        StoreError: state could not be read or written.
    """
    ahead = examine(order, plugs)
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
    budget: float = 0.0
    beside: Sequence[Result] = ()
    """What was done beside the plan, and paid for."""
    is_held: bool = False
    """The newest word about a hold is that there is one."""
    told: dict[str, float] = field(default_factory=dict)
    """When the journal last had news of a task."""
    began: float = 0.0
    """On the clock that does not jump."""

    def run(self) -> RunReport:
        """Recover, run, draw what came of it."""
        started, self.began = self.clock.wall(), self.clock.now()
        # Read again: until the lock was ours, another run may have been at work.
        traces = scan_logs(self.order.layout.logs)
        ahead = look_ahead(self.order, tuple(self.plugs.agents), self.workspace, traces)
        if self._recover(ahead, traces):
            ahead = look_ahead(self.order, tuple(self.plugs.agents), self.workspace, traces)
        self.lock.recovered()
        self.budget = ahead.settings.budget_usd
        self.beside = done_beside(self.workspace)
        total, todo = len(ahead.board.plan.tasks), len(ahead.to_run)
        self._hear(
            Happening(
                kind=Kind.RUN_STARTED,
                time=started,
                run=self.run_id,
                tasks=todo,
                text=f"{todo} of {total} tasks to run",
            )
        )
        for task_id, doubt in ahead.board.doubts.items():
            # What does not count is never overwritten unseen (promise 9).
            task = ahead.board.plan.tasks[task_id]
            kept = self.workspace.move_aside(task) if task_id in ahead.to_run else ""
            self._warn(task_id, f"{doubt}; it is kept as {kept}" if kept else doubt)
        runner = self._runner(ahead, traces)
        for text in holds_found(ahead, started):
            self._hear(Happening(kind=Kind.RUN_HELD, time=started, text=text))
            # What it will not wait for keeps it back from the start.
            runner.held_back = "" if runner.is_patient else text
        if ahead.to_run:
            tasks = ahead.board.plan.tasks
            write_missing_task_files(self.workspace, tasks, ahead.meant, ahead.to_run)
            anyio.run(runner.run, runner.executor.opened())
        return self._conclude(ahead, runner, started)

    def _recover(self, ahead: Prospect, traces: Mapping[str, Traces]) -> bool:
        found = harvest(
            self.workspace,
            ahead.board.plan.tasks,
            ahead.policies,
            self.plugs.agents,
            traces=traces,
            dead_runs=self.lock.dead_runs,
            warn=self._warn,
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

    def _warn(self, task_id: str, text: str) -> None:
        self._hear(Happening(kind=Kind.WARNING, time=self.clock.wall(), task=task_id, text=text))

    def _runner(self, ahead: Prospect, traces: Mapping[str, Traces]) -> Runner:
        board, settings = ahead.board, ahead.settings
        layout = self.order.layout
        runner = Runner(
            workspace=self.workspace,
            board=board,
            engine=build_engine(
                ahead,
                traces,
                self.plugs.agents,
                self.clock,
                self.beside,
            ),
            is_patient=settings.on_hold == "wait",
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
            drawing=Drawing(self._draw, partial(prepare, "final_output.md.j2", layout.templates)),
        )
        if not self.order.only:  # what was asked for by name does not grow
            version = self.workspace.plan_version()
            keys = tuple(self.plugs.agents)
            look = Replanner(self.order, self.workspace, keys, board.plan, version).look
            runner.watch = Watch(look, partial(self._replan, ahead, runner))
        return runner

    def _replan(self, ahead: Prospect, runner: Runner, change: Change) -> None:
        runner.board.results.update(
            {key: each for key, each in change.results.items() if key not in runner.board.results}
        )
        entries = revised_entries(change, runner, ahead, self.plugs.agents)
        runner.replan(change.plan, change.policies, entries)

    def _draw(self, board: Board, news: Mapping[str, str]) -> None:
        tail = journal_tail(self.order.layout.journal, _LOG_TAIL)
        drawn = sections(
            board,
            now=self.clock.wall(),
            journal_tail=tail,
            running=news,
            budget=self.budget,
            beside=self.beside,
        )
        self.workspace.redraw(drawn, status_cells(board))

    def _conclude(self, ahead: Prospect, runner: Runner, started: float) -> RunReport:
        """Draw everything once more, now that nothing moves."""
        failure, board = runner.failure, ahead.board
        try:
            if failure is None:
                board = runner.snapshot()
                for note in self.workspace.dispute(board)[:_NOTES]:
                    self._hear(Happening(kind=Kind.WARNING, time=self.clock.wall(), text=note))
            else:
                # What could not be written did not happen.
                board = self.workspace.load(
                    keep_cache=False, is_live=False, traces=scan_logs(self.order.layout.logs)
                )
            try:
                self._aggregate(ahead, board, started, runner)
            except OrchestratorError as error:
                failure = failure or error
            if self.is_held and not (runner.held_back or runner.ended_by or failure):
                # Nothing got through that would have said so, but the run came to its end without waiting for more.
                over = Happening(
                    kind=Kind.RUN_RESUMED, time=self.clock.wall(), text="no longer held"
                )
                self._hear(over)
            counts, total = board.counts(), len(board.plan.tasks)
            text = f"{counts[TaskStatus.COMPLETED]} of {total} tasks completed"
            # The last word of a run: whoever waits for it finds the final output written.
            self._hear(
                Happening(
                    kind=Kind.RUN_ENDED,
                    time=self.clock.wall(),
                    duration=self.clock.now() - self.began,
                    text="; ".join(filter(None, (text, runner.held_back, str(failure or "")))),
                )
            )
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
            duration=self.clock.now() - self.began,
            signal=runner.ended_by,
            held_back=runner.held_back,
            beside=self.beside,
            failure=failure,
        )

    def _aggregate(self, ahead: Prospect, board: Board, started: float, runner: Runner) -> None:
        merged = Merged()
        if ahead.settings.aggregate == "claude":
            merged = self._merge(ahead, board, runner)
            runner.ended_by = runner.ended_by or merged.ended_by
            self.beside = done_beside(self.workspace)
        done = [
            task
            for task in board.plan.tasks.values()
            if board.status(task.id) is TaskStatus.COMPLETED
        ]
        text = final_output(
            board,
            answers=answers_shown(self.workspace, done),
            started=started,
            ended=self.clock.wall(),
            strategy=ahead.settings.aggregate,
            overrides=self.order.layout.templates,
            budget=ahead.settings.budget_usd,
            beside=self.beside,
            merged=merged.text,
            note=" · ".join(filter(None, (runner.held_back, merged.note))),
        )
        self.workspace.write_final_output(text)

    def _merge(self, ahead: Prospect, board: Board, runner: Runner) -> Merged:
        """Let one more agent merge the answers (S2-81U)."""
        if self.order.simulate or runner.ended_by or runner.held_back or runner.failure:
            return Merged(note="Not merged: the run did not come to its own end.")
        worker = Worker(
            workspace=self.workspace,
            agents=self.plugs.agents,
            executor=self.plugs.executor,
            descriptor=self.lock.descriptor,
            run=self.run_id,
            clock=self.clock,
            listener=self._hear,
            purse=runner.engine.purse,
            accounts=accounts(board, self.plugs.agents, self.clock, is_patient=True),
        )
        try:
            return merge(worker, board, ahead.settings, self.order.layout.templates)
        except (OrchestratorError, ValueError) as error:
            return Merged(note=f"Not merged: {error}")

    def _hear(self, happening: Happening) -> None:
        if happening.kind in {Kind.RUN_HELD, Kind.RUN_RESUMED}:
            self.is_held = happening.kind is Kind.RUN_HELD
        if happening.kind is not Kind.NEWS or self._is_due(happening):
            self.journal.append(happening.line())
        self.listener(happening)

    def _is_due(self, news: Happening) -> bool:
        """Whether the chronicle should say what an agent is doing: not at every turn of each."""
        if 0 <= news.time - self.told.get(news.task, -math.inf) < _NEWS_EVERY:
            return False
        self.told[news.task] = news.time
        return True
