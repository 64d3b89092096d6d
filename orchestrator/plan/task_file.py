"""``agent_tasks/agent-XX.md``: the assignment of one task. Settings in front matter, the prompt in the body.

A file that was made from a row of the plan says so in its last line, with a sum of what stands above it. While that is
true no one has touched it, and it is made again when the row is another; else it is the person's (decision 20). One
that was made from a command that a user typed says so likewise: it is theirs, and ``update`` writes it anew.

A thousand of them are read when a plan is launched, so what is not there costs nothing: no front matter, no YAML; no
fence, no markdown.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

from orchestrator.errors import Problem
from orchestrator.plan.blocks import first_fence
from orchestrator.plan.front_matter import misplaced, read_front_matter, read_settings
from orchestrator.plan.lines import Lines, conflict, oversized, unreadable

_MADE = re.compile(
    r"\n<!-- made from (its row in the plan|what was typed); change it, and it is yours: ([0-9a-f]{8}) -->\s*\Z"
)
_TYPED = "what was typed"


class TaskFile(NamedTuple):
    """What a task file says."""

    settings: Mapping[str, Any] = {}
    body: str = ""
    """The prompt, as it was written; without BOM, front matter and the comment that says what it was made from."""
    code: str = ""
    """Content of the first fenced code block of the body: what ``agent: shell`` runs."""
    language: str = ""
    lines: Mapping[str, int] = {}
    """Line of the file, from 1, in which each setting stands."""
    begins: int = 1
    """Line of the file in which the body begins."""
    problems: tuple[Problem, ...] = ()
    made: str = ""
    """The sum of what it was made with, if it is as it was made from its row; empty: it is a person's."""
    is_typed: bool = False
    """Whether it is as it was made from a command that a user typed."""


def sum_of(text: str) -> str:
    """Return what tells a text from one that a person has changed."""
    return f"{zlib.crc32(text.encode()):08x}"


def made_from_row(text: str) -> str:
    """Return what goes into the file of a task: *text*, and that no one has changed it."""
    return _made(text, "its row in the plan")


def made_from_typed(text: str) -> str:
    """Return what goes into the file of a task of which a user typed the command that is in *text*."""
    return _made(text, _TYPED)


def _made(text: str, source: str) -> str:
    return f"{text}\n<!-- made from {source}; change it, and it is yours: {sum_of(text)} -->\n"


def parse_task_file(data: bytes, file: str) -> TaskFile:
    """Return what a task file says, and everything that is wrong with it."""
    if (problem := oversized(data, file) or unreadable(data, file)) is not None:
        return TaskFile(problems=(problem,))
    text = data.decode().removeprefix("\ufeff")
    found = _MADE.search(text)
    made, is_typed = "", False
    if found is not None and found[2] == sum_of(text[: found.start()]):
        is_typed = found[1] == _TYPED
        made = "" if is_typed else found[2]
    settings: dict[str, Any] = {}
    at: Mapping[str, int] = {}
    begins = 1
    problems: list[Problem] = []
    if text.lstrip().startswith("---"):
        lines = Lines.of(data)
        front = read_front_matter(lines.bare(), file)
        if front.problem is not None:
            problems.append(front.problem)
        else:
            settings, problems = read_settings(front, file, of_task=True)
            at = front.lines
        text, begins = "".join(lines.lines[front.body :]), front.body + 1
    elif "\n---" in text:
        problems = misplaced(Lines.of(data).bare(), file)
    # What we made and no one has touched is no user's merge.
    found_half = None if made or is_typed else conflict(text, file, begins)
    if found_half is not None and found_half not in problems:
        problems.append(found_half)
    body = text if found is None else _MADE.sub("", text)
    language, code = first_fence(body)
    if found is not None and not code:
        code = body
    return TaskFile(
        settings=settings,
        body=body,
        code=code,
        language=language,
        lines=at,
        begins=begins,
        problems=tuple(problems),
        made=made,
        is_typed=is_typed,
    )
