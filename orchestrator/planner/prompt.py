"""What a planning agent reads (seed rows S2-01 to S2-06, S2-64, S2-72 to S2-75)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from orchestrator.errors import Problem
from orchestrator.views.templating import render


def planner_prompt(
    request: str,
    agents: Mapping[str, str],
    overrides: str | None = None,
    *,
    first: str = "",
    problems: Sequence[Problem] = (),
) -> str:
    """Return the prompt. *agents*: what each is good for; *first*: the draft, as JSON, that had these *problems*."""
    return render(
        "planner.md.j2", overrides, request=request, agents=agents, first=first, problems=problems
    )
