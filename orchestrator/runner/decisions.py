"""What is looked at before a task starts: its condition, or the list of a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.core.plan import Task
from orchestrator.core.result import Result, closed
from orchestrator.core.snapshot import SIMULATED, PlanSnapshot, inputs_of
from orchestrator.core.status import TaskStatus
from orchestrator.errors import OrchestratorError, PlanError, Problem, StoreError
from orchestrator.runner.batches import is_left_out, look_at_batch, reopen
from orchestrator.runner.conditions import Decision, look_at_condition
from orchestrator.runner.plan_watcher import Watch
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import Decide, Decided
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    import anyio.abc


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Decisions:
    """Answers each ``Decide`` of the engine with a ``Decided``, and keeps the outcomes until they are recorded."""

    workspace: Workspace
    board: PlanSnapshot
    engine: Engine
    params: Mapping[str, object]
    scope: anyio.abc.TaskGroup
    answer: Callable[[Decided], None]
    fails: Callable[[StoreError], None]
    expanded: Callable[[], None]
    """Called when a batch was expanded: the next look at the plan finds its tasks."""
    watch: Watch | None
    warn: Callable[[str], None]
    _kept: dict[str, Decision] = field(default_factory=dict, init=False)
    """Outcomes of conditions that are not met, by task, until that is recorded."""
    _flaws: dict[str, OrchestratorError] = field(default_factory=dict, init=False)
    """Why tasks are failed instead of being launched."""

    def decide(self, asked: Decide) -> None:
        """Look, and answer; where a batch has tasks now, the answer follows when the run has them."""
        task = self.board.plan.tasks[asked.task]
        try:
            decision = self._look_at(task)
        except StoreError as error:
            self.fails(error)
            self.answer(Decided(task.id, "", is_met=None))
        except PlanError as error:
            self._flaws[task.id] = error
            self.answer(Decided(task.id, asked.condition, is_met=True))
        else:
            if decision is None:
                self.scope.start_soon(self._expand, asked)
                return
            self._kept[task.id] = decision
            self.answer(Decided(task.id, asked.condition, decision.is_met))

    def require_known(self, task: Task, agent: str) -> None:
        """Refuse a batch without a list: what its row says has braces in it.

        Raises:
            OrchestratorError: the list of the task was looked at, and there is none; or it was only simulated.
        """
        if (flaw := self._flaws.pop(task.id, None)) is not None:
            raise flaw
        if task.is_batch and agent != SIMULATED:
            raise PlanError([Problem(f"foreach: {task.foreach or task.matrix} was only simulated")])

    def omitted(self, task: Task) -> Result:
        """Return the result that says that a condition is not met, and from which results that is known."""
        decision, before = self._kept.pop(task.id), self.board.results.get(task.id)
        return Result(
            task=task.id,
            agent=before.agent if before else "",
            status=TaskStatus.SKIPPED,
            attempts=closed(before.attempts) if before else (),
            inputs=inputs_of(task, self.board.plan.tasks, self.board.results),
            note=decision.reason,
            condition=(task.question, decision.outcome),
        )

    def _look_at(self, task: Task) -> Decision | None:
        """Return the outcome of the question before a task; None: the plan has other tasks now."""
        entries = self.engine.entries

        def status_of(need: str) -> TaskStatus:
            return entries[need].status

        if task.is_batch:
            return look_at_batch(self.workspace, task, self.board, status_of)
        if task.foreach and reopen(self.workspace, task.parent, self.board):
            return None
        if not task.condition:
            return Decision(is_met=True)
        return look_at_condition(self.workspace, task, self.board, status_of, self.params)

    async def _expand(self, asked: Decide) -> None:
        """Take the tasks of a batch into the run; where the plan is not valid by now, the task fails."""
        self.expanded()
        if self.watch is not None:
            await self.watch.catch_up(self.warn)
        task = self.board.plan.tasks.get(asked.task)
        if task is None or not is_left_out(self.workspace, task):
            self.answer(Decided(asked.task, "", is_met=None))
            return
        why = self.watch.refused if self.watch is not None else None
        self._flaws[asked.task] = PlanError([Problem(f"foreach: {why or 'its tasks cannot be taken into the run'}")])
        self.answer(Decided(asked.task, asked.condition, is_met=True))
