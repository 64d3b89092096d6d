"""What is done beside the plan, and paid for: planning it, merging its results; and what was done for rows taken out.

An id that starts with ``_`` is one that no task of a plan may have: their files lie beside those of the tasks and never
collide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.core.plan import Task
from orchestrator.core.settings import Settings
from orchestrator.core.status import TaskStatus

if TYPE_CHECKING:
    from orchestrator.core.snapshot import PlanSnapshot

PLANNER, MERGER = BESIDE = ("_plan", "_merge")
#: What people call it.
NAMES = {PLANNER: "planning", MERGER: "merging the results"}
#: What it is told, and what it needs, is known once the tasks are done.
MERGING = Task(id=MERGER, name="Merge the results", description="")


def is_auxiliary(task_id: str) -> bool:
    """Say whether that is the id, or the stem, of whoever works beside the plan; also a file name that begins so."""
    return task_id.startswith("_")


def as_merger(settings: Settings) -> Settings:
    """Return the settings of a plan as they are for whoever merges."""
    return settings._replace(
        agent="claude", subagent="", tools=("Read",), format="markdown", schema=""
    )


def is_merging(board: PlanSnapshot) -> bool:
    """Say whether the results are being merged, if a run is at work."""
    return any(each.task == MERGER and each.status is TaskStatus.RUNNING for each in board.beside)


def lacks_merge(board: PlanSnapshot) -> bool:
    """Say whether an agent is to merge the answers of a plan whose tasks are completed, and has not merged these."""
    if board.plan.settings.get("aggregate") != "claude":
        return False
    made_from = {
        task.id: board.results[task.id].number
        for task in board.plan.tasks.values()
        if not task.children and task.id in board.results
    }
    return len(made_from) > 1 and not any(
        each.task == MERGER and each.status is TaskStatus.COMPLETED and each.inputs == made_from
        for each in board.beside
    )
