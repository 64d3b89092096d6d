"""A request somebody wrote down as an outline, or as JSON, read as a draft (``plan --from FILE``).

Also the files that ``plan`` is told about: a request in a file, and files that a parameter's pattern matches.
"""

from __future__ import annotations

import glob
import json
import os
from dataclasses import dataclass
from typing import Any

from orchestrator.errors import Problem
from orchestrator.store.atomic import read_file, reported
from orchestrator.store.front_matter import read_front_matter
from orchestrator.store.lines import Lines, unreadable
from orchestrator.store.outline_draft import read_outline
from orchestrator.store.outline_tree import read_tree


@dataclass(frozen=True, slots=True)
class DraftFile:
    """What a file proposes, still to be checked by ``core.draft_check``."""

    data: Any = None
    places: tuple[str, ...] = ()
    """Where each task stands, for an outline."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def load_draft(path: str) -> DraftFile | None:
    """Read a file; None when there is none.

    Raises:
        StoreError: it cannot be read.
    """
    data = read_file(path)
    return None if data is None else parse_draft(data, path)


def read_request(path: str) -> str | None:
    """Return a request that somebody put into a file; None when there is no such file.

    Raises:
        StoreError: it cannot be read.
        ValueError: it is no text.
    """
    data = read_file(path) if os.path.isfile(path) else None
    if data is None:
        return None
    if (problem := unreadable(data, path)) is not None:
        raise ValueError(str(problem))
    return data.decode().removeprefix("\ufeff")


def matching_files(pattern: str) -> list[str]:
    """Return the files that a pattern matches in the current directory, in order; ``**`` means any depth.

    Raises:
        StoreError: a directory cannot be read.
    """
    with reported("look for files", pattern):
        if os.path.isfile(pattern):
            return [pattern]
        return sorted(each for each in glob.glob(pattern, recursive=True) if os.path.isfile(each))


def parse_draft(data: bytes, file: str) -> DraftFile:
    """Return what a file proposes: JSON when it is an object or says so in its name, else a markdown outline."""
    if (problem := unreadable(data, file)) is not None:
        return DraftFile(problems=(problem,))
    text = data.decode().removeprefix("\ufeff")
    if file.endswith(".json") or text.lstrip().startswith("{"):
        return _parse_json(text, file)
    lines = Lines.of(data).bare()
    front = read_front_matter(lines, file)
    body = front.body if front.problem is None else 0
    return DraftFile(*read_outline(read_tree([*[""] * body, *lines[body:]]), file))


def _parse_json(text: str, file: str) -> DraftFile:
    hint = 'a draft is {"tasks": [{"id": "T-01", "name": "…"}]}; docs/cli.md says what else may stand there'
    try:
        return DraftFile(json.loads(text))
    except json.JSONDecodeError as error:
        problem = Problem(
            f"no valid JSON: {error.msg}", f"{file}:{error.lineno}", hint, "bad_draft"
        )
    except (ValueError, RecursionError):
        problem = Problem("no JSON that could be a draft", f"{file}:1", hint, "bad_draft")
    return DraftFile(problems=(problem,))
