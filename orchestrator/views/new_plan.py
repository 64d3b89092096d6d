"""A ``master_plan.md`` to begin with: the one ``init`` makes, and one drawn from a draft (rows S2-18, S2-53, S2-54).

Both are valid as they stand and made to be edited. A row says a task in a line; the rest stands in its task file.
"""

from __future__ import annotations

from orchestrator.core.draft import Draft
from orchestrator.views.templating import render


def new_plan(request: str = "", overrides: str | None = None, *, draft: Draft | None = None) -> str:
    """Return a plan for *request*: with the tasks of *draft*, or else with example rows."""
    return render(
        "master_plan.md.j2",
        overrides,
        request=request or (draft.request if draft else ""),
        draft=draft,
        rows=list(draft.rows().values()) if draft else [],
    )
