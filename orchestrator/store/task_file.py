"""``agent_tasks/agent-XX.md``: the assignment of one task. Settings in front matter, the prompt in the body.

A thousand of them are read when a plan is launched, so what is not there costs nothing: no front matter, no YAML; no
fence, no markdown.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestrator.errors import Problem
from orchestrator.store.front_matter import read_front_matter, read_settings
from orchestrator.store.lines import Lines, oversized, unreadable
from orchestrator.store.outline import first_fence


class TaskFile(NamedTuple):
    """What a task file says."""

    settings: Mapping[str, Any] = MappingProxyType({})
    body: str = ""
    """The prompt, as it was written; without BOM and front matter."""
    code: str = ""
    """Content of the first fenced code block of the body: what ``agent: shell`` runs."""
    language: str = ""
    lines: Mapping[str, int] = MappingProxyType({})
    """Line of the file, from 1, in which each setting stands."""
    problems: tuple[Problem, ...] = ()


def parse_task_file(data: bytes, file: str) -> TaskFile:
    """Return what a task file says, and everything that is wrong with it."""
    if (problem := oversized(data, file) or unreadable(data, file)) is not None:
        return TaskFile(problems=(problem,))
    text = data.decode().removeprefix("\ufeff")
    settings: dict[str, Any] = {}
    at: Mapping[str, int] = {}
    problems: list[Problem] = []
    if text.startswith("---"):
        lines = Lines.of(data)
        front = read_front_matter(lines.bare(), file)
        if front.problem is not None:
            problems.append(front.problem)
        else:
            settings, problems = read_settings(front, file, of_task=True)
            at = front.lines
        text = "".join(lines.lines[front.body :])
    language, code = first_fence(text)
    return TaskFile(
        settings=settings,
        body=text,
        code=code,
        language=language,
        lines=at,
        problems=tuple(problems),
    )
