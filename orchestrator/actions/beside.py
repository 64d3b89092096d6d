"""What was done beside the plan, and paid for: planning it, merging its results, tasks whose rows were taken out.

An id that starts with ``_`` is one that no task of a plan may have: these files lie beside those of the tasks and never
collide.
"""

from __future__ import annotations

from orchestrator.core.plan import Task
from orchestrator.core.result import Result
from orchestrator.core.settings import Settings
from orchestrator.store.workspace import Workspace

PLANNER, MERGER = _BESIDE = ("_plan", "_merge")
#: What it is told, and what it needs, is known once the tasks are done.
MERGING = Task(id=MERGER, name="Merge the results", description="")


def as_merger(settings: Settings) -> Settings:
    """Return the settings of a plan as they are for whoever merges."""
    return settings._replace(
        agent="claude", subagent="", tools=("Read",), format="markdown", schema=""
    )


def done_beside(workspace: Workspace) -> list[Result]:
    """Return the results of what was done beside the plan, as it was loaded last."""
    stems = (*_BESIDE, *sorted(workspace.unplanned - {*_BESIDE}))
    return [result for stem in stems if (result := workspace.read_result(stem)) is not None]
