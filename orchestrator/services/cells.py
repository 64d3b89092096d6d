"""What somebody says of a task, as it stands in the cells of its row; what makes no sense there is refused."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from orchestrator.core.duration import parse_duration
from orchestrator.core.plan import Task
from orchestrator.core.priority import parse_priority
from orchestrator.core.text import NO_TEXT, is_blank, one_line, sanitize, typed
from orchestrator.errors import UsageError
from orchestrator.plan.columns import is_none, read_label, read_person
from orchestrator.plan.lines import LARGEST_TEXT

_HOURS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})?")


def of_a_size(text: str) -> str:
    """Return a text that somebody gave a command.

    Raises:
        UsageError: it is larger than any text that is read again.
    """
    if len(text) * 4 > LARGEST_TEXT and len(text.encode(errors="replace")) > LARGEST_TEXT:
        most = f"{LARGEST_TEXT // 1024:,} KiB"
        hint = "write it into a file, and give a summary that names the file"
        raise UsageError(f"the text is larger than {most}", hint=hint)
    return text


def as_typed(text: str) -> str:
    """Return a text as somebody typed it, but for the blanks around it.

    Raises:
        UsageError: no file of text could hold it, or none that is read again.
    """
    if re.search(NO_TEXT, text):
        hint = "bytes stand in a file, and a task names it"
        raise UsageError("a NUL, or half of a character, is not a text", hint=hint)
    return typed(of_a_size(text)).strip()


def visible(text: str) -> str:
    """Return a text for people without what nobody sees of it.

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


def person_cell(name: str) -> str:
    """Return who is meant, or nobody: ``@kim`` is kim, ``TBD`` is nobody. A word for nothing at all stays as it is."""
    return name if is_none(name) else read_person(name)


def estimate_cell(hours: str | float | None) -> str | None:
    """Return what stands in the table for so many hours of work; what says nothing stays as it is.

    Raises:
        UsageError: it is no such number.
    """
    if hours is None or hours == "":
        return hours
    try:
        if not _HOURS.fullmatch(str(hours)) or not parse_duration(f"{hours}h"):
            raise ValueError(f"{one_line(str(hours), 40)!r} is not a number of hours")
    except ValueError as error:
        hint = "20, or 0.5 for half an hour"
        raise UsageError(f"--estimated-hours: {error}", hint=hint) from None
    return f"{hours}h"


def priority_cell(priority: str | None) -> str | None:
    """Return what stands in the table for a priority, which is the word itself; likewise.

    Raises:
        UsageError: it is none.
    """
    try:
        parse_priority(read_label(priority or ""))
    except ValueError as error:
        message, _, hint = one_line(str(error)).partition("; ")
        raise UsageError(f"--priority: {message}", hint=hint) from None
    return priority


def deadline_cell(when: str | None) -> str | None:
    """Return what stands in the table for a moment, which a duration counts from now; likewise.

    Raises:
        UsageError: it is no moment.
    """
    if not when:
        return when
    from orchestrator.core.timestamp import format_timestamp, parse_timestamp

    try:
        return format_timestamp(int(parse_timestamp(when, time.time())))
    except ValueError as error:
        hint = "2d counts from now; a day means its end, and without a zone UTC is meant"
        raise UsageError(f"--deadline: {one_line(str(error))}", hint=hint) from None


def read_cells(values: Mapping[str, str]) -> dict[str, Any]:
    """Return what the cells say that hold a duration or a moment; ``-`` says nothing."""
    read: dict[str, Any] = {}
    if cell := values.get("estimate"):
        read["estimate"] = None if cell == "-" else parse_duration(cell)
    if cell := values.get("deadline"):
        from orchestrator.core.timestamp import parse_timestamp

        read["deadline"] = 0.0 if cell == "-" else parse_timestamp(cell)
    return read


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
    for option in ("needs", "agent", "assignee", "parent", "tags", "type", "estimate", "deadline"):
        if getattr(task, option) != (said := getattr(meant, option)):
            words = said if isinstance(said, tuple) else (str(said),)
            hint = "letters, digits and the signs . _ - can always be said"
            if any(map(is_none, words)):
                hint = "it means that there is nothing; take another word"
            shown = one_line(", ".join(words), 80)
            message = f"a table cannot say {'tag' if option == 'tags' else option} {shown!r}"
            raise UsageError(message, hint=hint)
    return data, task
