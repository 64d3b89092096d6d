"""A ``master_plan.md`` to begin with: the one ``init`` makes, and one drawn from a draft (rows S2-18, S2-53, S2-54).

Both are valid as they stand and made to be edited. A row says a task in a line; the rest stands in its task file.
"""

from __future__ import annotations

from orchestrator.core.draft import Draft
from orchestrator.views.templating import quote, render


def new_plan(request: str = "", overrides: str | None = None, *, draft: Draft | None = None) -> str:
    """Return a plan for *request*: with the tasks of *draft*, or else with example rows."""
    return render(
        "master_plan.md.j2",
        overrides,
        request=request or (draft.request if draft else ""),
        draft=draft,
        rows=list(draft.rows().values()) if draft else [],
    )


def queue(agent: str = "", request: str = "") -> str:
    """Return a plan without tasks, to which ``add`` adds them; *agent* is the one that does them (seed 000)."""
    front = f"---\nagent: {agent}\n---\n" if agent else ""
    asked = f"## Original Request\n{quote(request)}\n\n" if request else ""
    is_shell = agent == "shell"
    about = "A Description is a command." if is_shell else "A row is a task for an agent."
    columns = (
        "Task ID",
        "Task Name",
        "Description",
        "Dependencies",
        "Priority",
        "Assignee",
        "Parent",
        "Tags",
    )
    return f"""\
{front}# Task Queue

{asked}| {" | ".join(columns)} |
|{"|".join("-" * (len(column) + 2) for column in columns)}|

<!--
`orchestrator add TEXT` writes rows here, and so may you. {about}
`orchestrator list` shows them, `orchestrator run` does them. Everything else in this file is yours.
-->
"""
