"""Batches whose list stands in the answer of a task: expanded during the run, once that task is completed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.batch import as_items, is_known_during_run, read_foreach, renewed
from orchestrator.core.condition import compile_condition
from orchestrator.core.plan import Task
from orchestrator.core.readiness import StatusOf
from orchestrator.core.result import Result, closed
from orchestrator.core.snapshot import SIMULATED, PlanSnapshot, inputs_of
from orchestrator.core.status import TaskStatus
from orchestrator.errors import PlanError, Problem
from orchestrator.runner.conditions import Decision, facts_of, look_at_condition
from orchestrator.runner.plan_watcher import Watch
from orchestrator.scheduler.messages import Decide, Decided
from orchestrator.services.batches import source_of
from orchestrator.store.workspace import Workspace


@dataclass(slots=True, eq=False, repr=False)
class Questions:
    """What is to be looked at before tasks of a run may start: conditions, and lists of batches."""

    workspace: Workspace
    board: PlanSnapshot
    status_of: StatusOf
    params: Mapping[str, object]
    expanded: Callable[[], None]
    """Called when a batch was expanded: the next look at the plan finds its tasks."""
    _decisions: dict[str, Decision] = field(default_factory=dict, init=False)
    """Outcomes of conditions that are not met, by task, until that is recorded."""
    _flaws: dict[str, PlanError] = field(default_factory=dict, init=False)
    """Why tasks are failed instead of being launched."""

    def look(self, asked: Decide) -> Decided | None:
        """Return what came of a question; None: the plan has other tasks now.

        Raises:
            StoreError: an answer cannot be read, or a record not be written.
        """
        task = self.board.plan.tasks[asked.task]
        try:
            decision = self._look_at(task)
        except PlanError as error:
            return self._fail(asked, error)
        if decision is None:
            return None
        self._decisions[task.id] = decision
        return Decided(task.id, asked.condition, decision.is_met)

    def _look_at(self, task: Task) -> Decision | None:
        if task.is_batch:
            return look_at_batch(self.workspace, task, self.board, self.status_of)
        if task.foreach and reopen(self.workspace, task.parent, self.board):
            return None
        if not task.condition:
            return Decision(is_met=True)
        return look_at_condition(self.workspace, task, self.board, self.status_of, self.params)

    def _fail(self, asked: Decide, error: PlanError) -> Decided:
        self._flaws[asked.task] = error
        return Decided(asked.task, asked.condition, is_met=True)

    async def expand(self, asked: Decide, watch: Watch | None, warn: Callable[[str], None]) -> Decided:
        """Take the tasks of a batch into the run; where the plan is not valid by now, the task fails."""
        self.expanded()
        if watch is not None:
            await watch.catch_up(warn)
        task = self.board.plan.tasks.get(asked.task)
        if task is None or not is_left_out(self.workspace, task):
            return Decided(asked.task, "", is_met=None)
        why = watch.refused if watch is not None else None
        return self._fail(asked, _failed(str(why or "its tasks cannot be taken into the run")))

    def require_list(self, task: Task, agent: str) -> None:
        """Refuse a batch without a list: what its row says has braces in it.

        Raises:
            PlanError: it is one.
        """
        if (flaw := self._flaws.pop(task.id, None)) is not None:
            raise flaw
        if task.is_batch and agent != SIMULATED:
            raise _failed(f"{task.foreach or task.matrix} was only simulated")

    def omitted(self, task: Task) -> Result:
        """Return the result of a task whose condition is not met."""
        decision, before = self._decisions.pop(task.id), self.board.results.get(task.id)
        return Result(
            task=task.id,
            agent=before.agent if before else "",
            status=TaskStatus.SKIPPED,
            attempts=closed(before.attempts) if before else (),
            inputs=inputs_of(task, self.board.plan.tasks, self.board.results),
            note=decision.reason,
            condition=(task.question, decision.outcome),
        )


def look_at_batch(workspace: Workspace, task: Task, board: PlanSnapshot, status_of: StatusOf) -> Decision | None:
    """Read the list of a batch, and keep what it is expanded to; None: the plan has more tasks now.

    Where the list has no items, or was only simulated, there is nothing to expand.

    Raises:
        PlanError: there is no list, or a task cannot be made of an item of it.
        StoreError: an answer cannot be read, or the record not be written.
    """
    if not is_known_during_run(task):
        return _without_items(task)
    source = source_of(task)
    result = board.results.get(source)
    if result is not None and result.agent == SIMULATED:
        return Decision(is_met=True)
    path = read_foreach(task.foreach).text
    items = _items(path, {source: facts_of(workspace, source, board, status_of(source))}, source)
    number = result.number if result is not None else 0
    after = renewed(workspace.expansions.read(task.id), items, made_from={source: number})
    try:
        workspace.written_plan({task.id: after})
    except PlanError as error:
        raise _failed(error.problems[0].message) from None
    workspace.expansions.write({task.id: after})
    return None if items else _without_items(task)


def _items(path: str, needs: Mapping[str, Any], source: str) -> tuple[Any, ...]:
    values: dict[str, Any] = {"needs": needs}
    if "result" in needs[source]:
        values["result"] = needs[source]["result"]
    try:
        items = as_items(compile_condition(path).look_up(values))
    except ValueError as error:
        raise _failed(str(error)) from None
    if items is None:
        raise _failed(f"{path} is no list")
    return items


def _without_items(task: Task) -> Decision:
    return Decision(is_met=False, reason=f"not met: {task.question}: there are no items")


def _failed(why: str) -> PlanError:
    why = why if why.startswith("foreach: ") else f"foreach: {why}"
    return PlanError([Problem(why, "", "", "bad_batch")])


def reopen(workspace: Workspace, batch: str, board: PlanSnapshot) -> bool:
    """Have the list of a batch read again where it was read from an answer that is no longer the newest.

    Raises:
        PlanError, StoreError: its record cannot be read, or not be written.
    """
    before = workspace.expansions.read(batch)
    if before is None or before.is_open:
        return True
    newest = {need: result.number for need in before.made_from if (result := board.results.get(need))}
    if newest == before.made_from:
        return False
    workspace.expansions.write({batch: before._replace(is_open=True)})
    return True


def is_left_out(workspace: Workspace, task: Task) -> bool:
    """Say whether a run did not take in what has just become of a batch; *task* is that, or a task of it."""
    record = workspace.expansions.read(task.parent if task.item else task.id)
    return record is not None and not task.children and record.is_open == bool(task.item)
