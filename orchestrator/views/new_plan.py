"""The ``master_plan.md`` that ``init`` makes: valid as it stands, made to be edited (rows S2-18, S2-53, S2-54)."""

from __future__ import annotations

from orchestrator.views.templating import render


def new_plan(request: str = "", overrides: str | None = None) -> str:
    """Return a plan for *request*, with example rows."""
    return render("master_plan.md.j2", overrides, request=request)
