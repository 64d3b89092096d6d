"""What is done beside the plan, and paid for: planning it, merging its results; and what was done for rows taken out.

An id that starts with ``_`` is one that no task of a plan may have: their files lie beside those of the tasks and never
collide.
"""

from __future__ import annotations

from orchestrator.core.plan import Task
from orchestrator.core.settings import Settings

PLANNER, MERGER = BESIDE = ("_plan", "_merge")
#: What people call it.
NAMES = {PLANNER: "planning", MERGER: "merging the results"}
#: What it is told, and what it needs, is known once the tasks are done.
MERGING = Task(id=MERGER, name="Merge the results", description="")


def is_beside(task_id: str) -> bool:
    """Say whether that is the id, or the stem, of whoever works beside the plan; also a file name that begins so."""
    return task_id.startswith("_")


def as_merger(settings: Settings) -> Settings:
    """Return the settings of a plan as they are for whoever merges."""
    return settings._replace(
        agent="claude", subagent="", tools=("Read",), format="markdown", schema=""
    )
