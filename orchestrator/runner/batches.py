"""Batches whose list stands in the answer of a task: expanded during the run, once that task is completed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.batch import as_items, read_foreach, renewed
from orchestrator.core.condition import compile_condition
from orchestrator.core.plan import Task
from orchestrator.core.readiness import StatusOf
from orchestrator.core.snapshot import SIMULATED, PlanSnapshot
from orchestrator.errors import PlanError, Problem
from orchestrator.runner.conditions import Decision, facts_of
from orchestrator.services.batches import is_known_during_run, source_of
from orchestrator.store.workspace import Workspace


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
