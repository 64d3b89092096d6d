"""What an agent is told that merges every answer into one (seed row S2-81U)."""

from __future__ import annotations

from orchestrator.core.plan import Plan
from orchestrator.views.templating import render

MERGE_TEMPLATE = "merge.md.j2"


def merge_prompt(plan: Plan, overrides: str | None, *, total: int, missing: str = "") -> str:
    """Return what whoever merges is told, but for the answers.

    Raises:
        PlanError: the plan's own template is broken.
    """
    return render(
        MERGE_TEMPLATE,
        overrides,
        total=total,
        request=plan.request,
        goal=plan.goal,
        missing=missing,
    )
