"""Keywords of the Python API: lists of words, success criteria and settings, checked as on the command line."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from orchestrator.core import criteria as core
from orchestrator.core.ids import suggestion
from orchestrator.core.settings import NAMES, TaskSettings, read_setting
from orchestrator.errors import UsageError
from orchestrator.plan.task_fields import TaskValues


class AddKeywords(TaskSettings, TaskValues, total=False):
    """Keywords of ``add``: settings of a task, and the fields of its row."""


def field_text(value: Any) -> str:
    """Return a value of a field as it would be typed: a list or a mapping as JSON."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, tuple, Mapping)) else str(value)


def listed(name: str, said: Iterable[Any]) -> tuple[str, ...]:
    """Return the words that were said, one or many; in one text with commas between them, as in the options.

    Raises:
        UsageError: one of them is empty, or no text.
    """
    words: list[str] = []
    for each in _texts(name, said):
        found = [word for part in each.split(",") if (word := part.strip())]
        if not found:
            raise UsageError(f"{name}: {each!r} names nothing")
        words += found
    return tuple(words)


def _texts(name: str, said: Iterable[Any]) -> tuple[str, ...]:
    """Return what was said, one or many: a text is one of them, and not its letters."""
    found = (said,) if isinstance(said, str) else tuple(said)
    if wrong := [each for each in found if not (isinstance(each, str) and each.strip())]:
        raise UsageError(f"{name}: {wrong[0]!r} names nothing")
    return found


def ids(name: str, said: Sequence[str]) -> str:
    """Return tasks as a row names them.

    Raises:
        UsageError: one of them is empty, or no text.
    """
    return ",".join(listed(name, said))


def worded(criteria: Sequence[str]) -> tuple[str, ...]:
    """Return success criteria as they stand in a task file.

    Raises:
        UsageError: one of them says nothing.
    """
    try:
        return core.worded(_texts("criteria", criteria))
    except ValueError as error:
        raise UsageError(f"criteria: {error}") from None


def read_settings(given: Mapping[str, object], others: Collection[str] = ()) -> dict[str, Any]:
    """Return settings checked, each in its internal unit. *others* are what else may be meant by a wrong one.

    Raises:
        UsageError: there is no such setting, or its value is invalid.
    """
    read: dict[str, Any] = {}
    for name, value in given.items():
        if name not in NAMES:
            hint = suggestion(name, (*others, *NAMES), "docs/cli.md lists them")
            raise UsageError(f"there is no keyword {name!r}", hint=hint)
        try:
            read[name] = read_setting(name, value)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    return read
