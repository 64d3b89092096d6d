"""A ``master_plan.md`` to begin with: what ``init``, ``add`` and ``create`` make, and one drawn from a draft.

All are valid as they stand and made to be edited. A row says a task in a line; the rest
stands in its task file.
"""

from __future__ import annotations

import json

from orchestrator.core.draft import Draft
from orchestrator.core.plan import PlanHeader
from orchestrator.core.text import cell, one_line
from orchestrator.views.templating import quote, render

#: Waits for the tasks of a plan that ``create`` makes.
_TASKS = """\
| Task ID | Task | Type | Assignee | Priority | Dependencies |
|---------|------|------|----------|----------|--------------|
"""

#: Who does what in a queue.
ABOUT_ROWS = "{} reads a row and does it, which may cost money; where the Agent cell says shell, it is a command."


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
    about = "A Description is a command." if is_shell else ABOUT_ROWS.format(agent or "claude")
    columns = ("Task ID", "Task Name", "Description", "Dependencies", "Priority", "Assignee", "Parent", "Tags")
    return f"""\
{front}# Task Queue

{asked}| {" | ".join(columns)} |
|{"|".join("-" * (len(column) + 2) for column in columns)}|

<!--
`orchestrator add TEXT` writes rows here, and so may you. {about}
`orchestrator list` shows them, `orchestrator run` does them. Everything else in this file is yours.
-->
"""


def made_plan(plan_header: PlanHeader, request: str, *, created: str, eta: str) -> str:
    """Return what ``create`` makes; *created* and *eta* are moments as they are written, *eta* may be empty."""
    front = [
        # A JSON string is a YAML string, whatever is in it.
        f"title: {json.dumps(one_line(plan_header.title), ensure_ascii=False)}",
        f"status: {plan_header.state}",
        f"priority: {plan_header.priority}",
        *([f"eta: {eta}"] if eta else []),
        f"created: {created}",
    ]
    return "\n".join(
        [
            "---",
            *front,
            "---",
            f"# 🎯 {cell(plan_header.title)}",
            "",
            "## Original Request",
            quote(request or plan_header.title),
            "",
            "## Task Decomposition",
            _TASKS,
        ]
    )
