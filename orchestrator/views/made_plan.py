"""The ``master_plan.md`` of a plan that ``create`` makes: what it is for, and a table that waits for its tasks."""

from __future__ import annotations

import json

from orchestrator.core.charter import Charter
from orchestrator.core.text import cell, one_line
from orchestrator.views.templating import quote

_TABLE = """\
| Task ID | Task | Type | Assignee | Priority | Dependencies |
|---------|------|------|----------|----------|--------------|
"""


def made_plan(charter: Charter, request: str, *, created: str, eta: str) -> str:
    """Return the text of a plan; *created* and *eta* are moments as they are written, *eta* may be empty."""
    front = [
        # A JSON string is a YAML string, whatever is in it.
        f"title: {json.dumps(one_line(charter.title), ensure_ascii=False)}",
        f"status: {charter.state}",
        f"priority: {charter.priority}",
        *([f"eta: {eta}"] if eta else []),
        f"created: {created}",
    ]
    return "\n".join(
        [
            "---",
            *front,
            "---",
            f"# 🎯 {cell(charter.title)}",
            "",
            "## Original Request",
            quote(request or charter.title),
            "",
            "## Task Decomposition",
            _TABLE,
        ]
    )
