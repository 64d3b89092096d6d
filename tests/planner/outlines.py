"""Outlines as tests read them: without a problem, or not at all."""

from __future__ import annotations

from typing import Any

from orchestrator.planner.draft import read_draft
from orchestrator.planner.draft_file import parse_draft


def read(text: str, file: str = "o.md") -> dict[str, Any]:
    found = parse_draft(text.encode(), file)
    assert () == found.problems
    assert [] == read_draft(found.data, ("claude", "shell"), found.places)[1]
    assert isinstance(found.data, dict)
    return found.data


def needs(text: str) -> dict[str, list[str]]:
    """Name of every task → the names it needs, with a kind that is not data."""
    tasks = read(text)["tasks"]
    names = {task["id"]: task["name"] for task in tasks}
    return {
        task["name"]: [
            names[need["id"]] + ("" if need["kind"] == "data" else f" ({need['kind']})") for need in task["needs"]
        ]
        for task in tasks
    }
