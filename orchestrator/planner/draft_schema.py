"""What a planning agent is asked to answer with: the JSON Schema of a draft (``core.draft``; seed rows S2-01 to S2-06).

``core.draft_check`` holds an answer to more than a schema can say: ids, cycles, names, agents.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.plan import KINDS, TASK_ID


def _text(about: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": about, **more}


def _texts(about: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "description": about}


def _object(properties: Mapping[str, Any], required: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


_NEED = _object(
    {
        "id": _text("id of the other task"),
        "kind": _text(
            "data: its result is handed over. order: it only has to be done. resource: both use the same thing",
            enum=list(KINDS),
        ),
    },
    ("id", "kind"),
)
_INPUT = _object(
    {
        "name": _text("what the task calls it"),
        "type": _text("string, file, directory, list, …"),
        "source": _text("where it comes from: the request, the project, the environment"),
        "value": _text("the value itself, or the path"),
    },
    ("name", "value"),
)
_TASK = _object(
    {
        "id": _text(
            "T-01, T-02, … in an order in which they could be done", pattern=f"^{TASK_ID.pattern}$"
        ),
        "name": _text("three to six words; no two tasks have the same"),
        "description": _text(
            "the whole assignment, for somebody who knows nothing else of the request"
        ),
        "needs": {
            "type": "array",
            "items": _NEED,
            "description": "tasks that have to be done before",
        },
        "inputs": {
            "type": "array",
            "items": _INPUT,
            "description": "what it works from, besides results",
        },
        "expected": _text("the parts of the answer, and the files that are there afterwards"),
        "acceptance": _texts("how somebody else can tell that it is done"),
        "constraints": _texts("what it must not do"),
        "agent": _text("key of an agent, only where the default one is not the right one"),
        "type": _text(
            "research, analysis, design, implementation, testing, review, documentation, …"
        ),
        "estimate": _text("how long it takes: 90s, 3m"),
        "priority": _text("P0 is most urgent", enum=["P0", "P1", "P2", "P3"]),
        "writes": _texts(
            "every path it writes, relative to the project; empty when it writes none"
        ),
    },
    (
        "id",
        "name",
        "description",
        "needs",
        "expected",
        "acceptance",
        "estimate",
        "priority",
        "writes",
    ),
)

#: The answer of a planning agent.
SCHEMA: Mapping[str, Any] = _object(
    {
        "title": _text("three to six words"),
        "goal": _text("the primary goal: what is there in the end"),
        "goals": _texts("secondary goals"),
        "success": _texts("how to tell that the goal is reached"),
        "tasks": {"type": "array", "minItems": 1, "items": _TASK},
    },
    ("goal", "goals", "success", "tasks"),
)
