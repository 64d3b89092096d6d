"""What a user says of a task, as it stands in the cells of its row; what is invalid there is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.core.plan import Task
from orchestrator.core.text import NO_TEXT, is_blank, one_line, sanitize, typed
from orchestrator.errors import UsageError
from orchestrator.plan.columns import is_none
from orchestrator.plan.lines import LARGEST_TEXT
from orchestrator.plan.task_fields import FIELD_OF


def of_a_size(text: str) -> str:
    """Return a text that a user gave a command.

    Raises:
        UsageError: it is larger than any text that is read again.
    """
    if len(text) * 4 > LARGEST_TEXT and len(text.encode(errors="replace")) > LARGEST_TEXT:
        most = f"{LARGEST_TEXT // 1024:,} KiB"
        hint = "write it into a file, and give a summary that names the file"
        raise UsageError(f"the text is larger than {most}", hint=hint)
    return text


def as_typed(text: str) -> str:
    """Return a text as a user typed it, but for the blanks around it.

    Raises:
        UsageError: no file of text could hold it, or none that is read again.
    """
    if re.search(NO_TEXT, text):
        hint = "bytes stand in a file, and a task names it"
        raise UsageError("a NUL, or half of a character, is not a text", hint=hint)
    return typed(of_a_size(text)).strip()


def visible(text: str) -> str:
    """Return a text for people without what no one sees of it.

    Raises:
        UsageError: nothing is left, or no file of text could hold it.
    """
    shown = sanitize(as_typed(text)).strip()
    if is_blank(shown):
        raise no_text()
    return shown


def no_text() -> UsageError:
    """Return the error of a task that says nothing."""
    return UsageError("there is no text", hint="say what is to be done")


def typed_cells(values: Mapping[str, str]) -> dict[str, str]:
    """Return the cells for fields as they were typed, by name; what is empty stays empty.

    Raises:
        UsageError: a value is not understood.
    """
    cells = {}
    for name, text in values.items():
        field = FIELD_OF[name]
        try:
            cells[name] = field.typed(text, time.time()) if text else text
        except ValueError as error:
            message, hint = one_line(str(error)), field.typed_hint
            if not hint:
                message, _, hint = message.partition("; ")
            raise UsageError(f"{field.option}: {message}", hint=hint) from None
    return cells


def values_of(cells: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that these cells of fields are to be read as; a text stands for itself."""
    empty = Task("_", "_", "_")
    return {
        name: text
        if isinstance(default := getattr(empty, name), str)
        else FIELD_OF[name].read(text)
        if text
        else default
        for name, text in cells.items()
    }


def edited(edit: Callable[[], tuple[bytes, Task]], meant: Task) -> tuple[bytes, Task]:
    """Edit a row, and make sure that reading it gives what was meant: a table cannot say every name.

    Raises:
        UsageError: it does not, or the row says nothing.
    """
    try:
        data, task = edit()
    except ValueError as error:
        raise UsageError(str(error)) from None
    if is_blank(task.description):
        raise no_text()
    for option in ("needs", "tags", *(name for name in FIELD_OF if name != "priority")):
        if getattr(task, option) != (said := getattr(meant, option)):
            words = said if isinstance(said, tuple) else (str(said),)
            hint = "letters, digits and the signs . _ - can always be said"
            if any(map(is_none, words)):
                hint = "it means that there is nothing; take another word"
            shown = one_line(", ".join(words), 80)
            message = f"a table cannot say {'tag' if option == 'tags' else option} {shown!r}"
            raise UsageError(message, hint=hint)
    return data, task
