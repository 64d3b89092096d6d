"""What was done beside the plan, and paid for: planning it, merging its results.

An id that starts with ``_`` is one that no task of a plan may have: these files lie beside those of the tasks and never
collide.
"""

from __future__ import annotations

from orchestrator.core.result import Result
from orchestrator.store.workspace import Workspace

PLANNER, MERGER = _BESIDE = ("_plan", "_merge")


def done_beside(workspace: Workspace) -> list[Result]:
    """Return the results of what was done beside the plan."""
    return [result for stem in _BESIDE if (result := workspace.read_result(stem)) is not None]
