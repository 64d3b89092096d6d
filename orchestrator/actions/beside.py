"""What was done beside the plan, and paid for: planning it, merging its results, tasks whose rows were taken out.

An id that starts with ``_`` is one that no task of a plan may have: these files lie beside those of the tasks and never
collide.
"""

from __future__ import annotations

from orchestrator.core.result import Result
from orchestrator.store.workspace import Workspace

PLANNER, MERGER = _BESIDE = ("_plan", "_merge")


def done_beside(workspace: Workspace) -> list[Result]:
    """Return the results of what was done beside the plan, as it was loaded last."""
    stems = (*_BESIDE, *sorted(workspace.unplanned - {*_BESIDE}))
    return [result for stem in stems if (result := workspace.read_result(stem)) is not None]
