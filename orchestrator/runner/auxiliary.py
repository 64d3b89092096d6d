"""One more worker beside the plan: it plans, or merges. The same attempt, guard, log and result file as any task's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from orchestrator.agents.protocol import Agent
from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Result, closed
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.errors import AgentError, HeldError, OrchestratorError, StoppedError
from orchestrator.executors.protocol import Executor
from orchestrator.runner.clock import Clock
from orchestrator.runner.event_loop import run_in_event_loop
from orchestrator.runner.events import Event, Kind, Listener
from orchestrator.runner.launch import Launcher
from orchestrator.runner.loop import Runner
from orchestrator.runner.render import Drawing
from orchestrator.runner.signals import Signals
from orchestrator.scheduler.budget import DEFAULT_MODEL, Account, Budget
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.node import Node
from orchestrator.store.attempt_record import newest_attempt
from orchestrator.store.workspace import Workspace


class Worker(NamedTuple):
    """What a worker beside the plan needs; the lock of the plan directory is held by anyone who builds it."""

    workspace: Workspace
    agents: Mapping[str, Agent]
    executor: Callable[[Sequence[int]], Executor]
    descriptor: int
    """Of the lock: it stays held as long as anything of the worker lives."""
    run: str
    clock: Clock
    listener: Listener
    budget: Budget
    accounts: Mapping[str, Account]
    ends_at: float = math.inf
    """As for ``Runner``."""

    def do(self, task: Task, settings: Settings, others: PlanSnapshot | None = None) -> tuple[Result | None, Runner]:
        """Do a task whose prompt is its description; what it needs are completed tasks of *others*.

        The result is None where a budget or a limit held it back, or a signal ended it, before it was ever begun.

        Raises:
            StoreError, AgentError: it could not be begun, or its outcome could not be kept.
        """
        workspace = self.workspace
        before = workspace.read_result(task.stem)
        tasks = {**(others.plan.tasks if others else {}), task.id: task}
        results = dict(others.results) if others else {}
        if before is not None and before.task == task.id:
            results[task.id] = _to_be_done(before, task)
        elif kept := workspace.move_aside(task):
            text = f"a result that cannot be read is kept as {kept}"
            self.listener(Event(kind=Kind.WARNING, time=self.clock.wall(), text=text))
        board = PlanSnapshot(Plan(tasks=tasks), shape(tasks), results)
        newest = newest_attempt(workspace.layout.logs, task.stem)
        runner = self._runner(board, task, settings, max(newest, before.number if before else 0))
        opened = runner.executor.opened()
        with Signals() as ours:
            run_in_event_loop(lambda signals: runner.run(opened, signals), ours)
        if runner.failure is not None:
            raise runner.failure
        return runner.board.results.get(task.id), runner

    def _runner(self, board: PlanSnapshot, task: Task, settings: Settings, newest: int) -> Runner:
        workspace, tasks = self.workspace, board.plan.tasks
        policies = dict.fromkeys(tasks, settings)
        return Runner(
            workspace=workspace,
            board=board,
            engine=Engine(
                [self._entry(task, settings, newest)], max_parallel=1, accounts=self.accounts, budget=self.budget
            ),
            policies=policies,
            executor=self.executor([self.descriptor]),
            clock=self.clock,
            listener=self.listener,
            launchpad=Launcher(
                workspace,
                tasks,
                policies,
                self.agents,
                run=self.run,
                workdir=workspace.layout.workdir(settings.workdir),
            ),
            drawing=Drawing(lambda *_: True),
            is_patient=settings.on_hold == "wait",
            ends_at=self.ends_at,
        )

    def _entry(self, task: Task, settings: Settings, newest: int) -> Node:
        return Node(
            id=task.id,
            timeout=settings.timeout,
            idle_timeout=settings.idle_timeout or math.inf,
            max_attempts=settings.max_attempts,
            retry_delay=settings.retry_delay,
            account=self.agents[settings.agent].account,
            model=settings.model or DEFAULT_MODEL,
            budget=settings.task_budget_usd or math.inf,
            attempt=newest,
        )


def put_off(runner: Runner, more: str = "") -> OrchestratorError:
    """Return why a worker came to no end although it did nothing wrong; *more* is said at the end of it."""
    if runner.ended_by:
        message = f"stopped by signal {runner.ended_by}{more}"
        return StoppedError(message, signal=runner.ended_by, hint="call it again to begin anew")
    if runner.used_up is not None:
        return HeldError(f"{runner.held_back}{more}", hint="give it more with --budget-usd")
    if runner.held_back:
        return HeldError(f"{runner.held_back}{more}", hint="call it again once that has changed")
    return AgentError(f"it was not started{more}")


def _to_be_done(result: Result, task: Task) -> Result:
    """Return a result that is no answer yet, also when no attempt can be started.

    Without needs no attempt goes on with its session: it was about another question.
    """
    attempts = closed(result.attempts)
    if not task.needs:
        attempts = tuple(attempt._replace(is_resumable=False) for attempt in attempts)
    return result._replace(status=TaskStatus.PENDING, attempts=attempts)
