"""Assignments as an agent gets them."""

from __future__ import annotations

from typing import Any

from orchestrator.agents.protocol import Assignment, Input
from orchestrator.core.plan import Task
from orchestrator.core.settings import Settings


def given(task: str, answer: str, name: str = "Upstream") -> Input:
    """What a dependency hands over."""
    path = f".orchestrator/results/{task}-result.md"
    return Input(task=task, name=name, path=path, answer=answer)


def assignment(body: str, *inputs: Input, settings: Settings | None = None, **more: Any) -> Assignment:
    """An assignment for T-07, which needs what *inputs* come from."""
    task = Task(
        id="T-07",
        name="Report",
        description="Write the report",
        needs=tuple(each.task for each in inputs),
        agent="Agent-07",
    )
    return Assignment(task=task, settings=settings or Settings(), body=body, inputs=inputs, **more)
