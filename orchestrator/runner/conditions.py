"""Whether the condition of a task is met, read from the results that it depends on (``core/condition.py``)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrator.agents.outcome import object_in
from orchestrator.core.condition import Met, NotMet, Undecided, compile_condition
from orchestrator.core.plan import Task
from orchestrator.core.readiness import StatusOf
from orchestrator.core.snapshot import NOT_MET, SIMULATED, UNDECIDED, PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.store.workspace import Workspace

#: A block of code, also below a heading or in a list.
_BLOCK = re.compile(r"^ *(?:```|~~~)(?:json)?[ \t]*\n\s*(\{.*?\})\s*\n *(?:```|~~~)[ \t]*$", re.DOTALL | re.MULTILINE)


class Decision(NamedTuple):
    """The outcome of a condition."""

    is_met: bool | None
    """None: a value is missing."""
    reason: str = ""
    """Why the task is skipped."""

    @property
    def outcome(self) -> str:
        """What the result of a task that is skipped says."""
        return NOT_MET if self.is_met is False else UNDECIDED


def look_at_condition(
    workspace: Workspace, task: Task, board: PlanSnapshot, status_of: StatusOf, params: Mapping[str, object]
) -> Decision:
    """Return whether the condition of a task is met; what it depends on is over.

    Where a value is missing because the task before was only simulated, the condition counts as met: a plan that is
    only tried is tried as a whole.

    Raises:
        StoreError: a result cannot be read.
    """
    condition = compile_condition(task.condition)
    named = {*condition.needs, *(task.data_needs if condition.uses_result else ())}
    needs = {need: facts_of(workspace, need, board, status_of(need)) for need in task.needs if need in named}
    values: dict[str, Any] = {"needs": needs, "params": dict(params)}
    if task.item:
        values["item"] = json.loads(task.item)
    if condition.uses_result and "result" in (only := needs[task.data_needs[0]]):
        values["result"] = only["result"]
    match condition.evaluate(values):
        case Met():
            return Decision(is_met=True)
        case NotMet():
            return Decision(is_met=False, reason=f"not met: if {task.condition}")
        case Undecided(reason):
            if any(board.results[need].agent == SIMULATED for need in named if need in board.results):
                return Decision(is_met=True)
            return Decision(is_met=None, reason=f"undecided: {reason}")


def facts_of(workspace: Workspace, need: str, board: PlanSnapshot, status: TaskStatus) -> dict[str, Any]:
    """Return what a condition can read of a task: its status, and the JSON object in its answer."""
    facts: dict[str, Any] = {"status": status.value}
    if status is TaskStatus.COMPLETED and need in board.results:
        found = json_in(workspace.read_answer(board.plan.tasks[need].stem))
        if found is not None:
            facts["result"] = found
    return facts


def json_in(answer: str) -> dict[str, Any] | None:
    """Return the JSON object that an answer is, or else the one in its last block of code that is one."""
    if (found := object_in(answer)) is not None:
        return found
    blocks = (object_in(block) for block in reversed(_BLOCK.findall(answer)))
    return next((block for block in blocks if block is not None), None)
