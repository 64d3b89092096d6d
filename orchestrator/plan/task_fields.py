"""The fields of a task that have a column: how each is read, written, typed, shown and named.

A new field is one more ``TaskField`` here, an attribute of ``Task``, and the words for its header in ``columns``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from orchestrator.core.duration import format_duration, hours, parse_duration
from orchestrator.core.plan import Task
from orchestrator.core.priority import parse_priority
from orchestrator.core.status import RunIf
from orchestrator.core.text import one_line
from orchestrator.core.timestamp import format_timestamp, iso, parse_timestamp
from orchestrator.lazy import LazyModule
from orchestrator.plan.columns import NOBODY, is_none, read_id, read_label, read_person

if TYPE_CHECKING:
    import yaml

    from orchestrator.core import batch, condition
else:
    batch = LazyModule("orchestrator.core.batch")
    condition = LazyModule("orchestrator.core.condition")
    yaml = LazyModule("yaml")

#: What a For Each cell may say.
_FORMS = 'write a, b, c or ["a", "b"] or glob:src/*.py or lines: FILE or needs.ID.result.files'

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_MOST_AT_ONCE = 10_000
_ON_FAILURE = ("continue", "stop")
_HOURS = re.compile(r"[0-9]{1,4}(?:\.[0-9]{1,4})?")
#: What looks like a duration; one that cannot be read is a mistake, any other text is a remark.
_DURATION = re.compile(
    r"[~≈ ]*+(?:\d++(?:\.\d++)? ?(?:minute|min|ms|m|second|sec|s|hour|hr|h|day|d)?s? ?+)++", re.IGNORECASE
)


class TaskField(NamedTuple):
    """One field. Its default is that of ``Task``, and stands for an empty cell."""

    name: str
    """The attribute of ``Task``, and the meaning of its column in ``table_words.HEADERS``."""
    header: str
    """The header of the column that a command adds for it."""
    read: Callable[[str], Any]
    """Makes the value from a cell; a ValueError says what is wrong with the cell."""
    metavar: str
    help: str
    """Of the option."""
    key: str = ""
    """The keyword of the Python API, the key in JSON and the name of the option, where that is not the name."""
    short: str = ""
    """A short form of the option."""
    typed: Callable[[str, float], str] = lambda text, _: text
    """Makes the cell from what was typed as an option, at a time in seconds since the epoch; a ValueError says what is
    wrong."""
    typed_hint: str = ""
    hint: str = "correct the cell or leave it empty"
    completion: Literal["", "task", "agent", "assignee"] = ""
    """What a shell offers as its value."""
    clear: str = ""
    """What an empty option of ``update`` means, where that is worth a word."""
    facts: Callable[[Any], Any] = str
    """The value in JSON."""
    text: Callable[[Any], str] = str
    """The value for people."""
    is_time: bool = False
    """A time in seconds since the epoch; 0: none."""
    is_rare: bool = False
    """Few tasks have it: JSON is without it where it says nothing."""

    @property
    def keyword(self) -> str:
        """Its name for programs."""
        return self.key or self.name

    @property
    def option(self) -> str:
        """Its option of ``add`` and ``update``."""
        return f"--{self.keyword.replace('_', '-')}"


class TaskValues(TypedDict, total=False):
    """The fields as keywords of the Python API: what would be typed as an option."""

    priority: str | int
    parent: str
    assignee: str
    agent: str
    type: str
    deadline: str
    """A day, a time, or how long from now: ``2026-03-01``, ``2026-03-01T14:00Z``, ``2d``."""
    estimated_hours: str | float
    condition: str
    run_if: str
    foreach: str | Sequence[Any]
    """A list, ``glob:src/*.py``, ``lines: FILE``, or the path to one in an answer: the task is done for each item."""
    matrix: str | Mapping[str, Sequence[Any]]
    max_concurrent: str | int
    on_failure: str
    fallback_for: str


class TaskChanges(TypedDict, total=False):
    """The same for an existing task: an empty value empties the cell, None leaves it unchanged."""

    priority: str | int | None
    parent: str | None
    assignee: str | None
    agent: str | None
    type: str | None
    deadline: str | None
    estimated_hours: str | float | None
    condition: str | None
    run_if: str | None
    foreach: str | Sequence[Any] | None
    matrix: str | Mapping[str, Sequence[Any]] | None
    max_concurrent: str | int | None
    on_failure: str | None
    fallback_for: str | None


def _read_priority(cell: str) -> int:
    return parse_priority(read_label(cell))


def _type_priority(text: str, _: float) -> str:
    parse_priority(read_label(text))
    return text


def _read_parent(cell: str) -> str:
    return "" if is_none(parent := read_id(cell)) else parent


def _read_person(cell: str) -> str:
    return one_line(read_person(cell))


def _type_person(name: str, _: float) -> str:
    # A word for nothing stays unchanged: it is refused when the row is read again.
    return name if is_none(name) else read_person(name)


def _read_text(cell: str) -> str:
    return one_line(read_label(cell))


def _read_time(cell: str) -> float:
    word = read_label(cell)
    return 0.0 if not word or word.casefold().strip(" .()") in NOBODY else parse_timestamp(word)


def _type_time(text: str, now: float) -> str:
    return format_timestamp(int(parse_timestamp(text, now)))


def _read_estimate(cell: str) -> float | None:
    """Return seconds; None for other words, since only the order of starting depends on it."""
    word = read_label(cell)
    if not word:
        return None
    try:
        return parse_duration(word)
    except ValueError:
        if len(word) <= 40 and _DURATION.fullmatch(word):
            raise
        return None


def _type_hours(text: str, _: float) -> str:
    if not _HOURS.fullmatch(text) or not parse_duration(f"{text}h"):
        raise ValueError(f"{one_line(text, 40)!r} is not a number of hours")
    return f"{text}h"


def _read_condition(cell: str) -> str:
    word = read_label(cell)
    return "" if is_none(word) else condition.compile_condition(word).text


def _type_condition(text: str, _: float) -> str:
    return condition.compile_condition(text).text


def _read_rule(cell: str) -> str:
    word = read_label(cell).casefold().replace(" ", "_").replace("-", "_")
    if is_none(word):
        return ""
    if word not in [*RunIf]:
        raise ValueError(f"{one_line(word, 40)!r} is none of {', '.join(RunIf)}")
    return word


def _read_foreach(cell: str) -> str:
    word = read_label(_BREAK.sub(", ", cell))
    if is_none(word):
        return ""
    batch.read_foreach(word)
    return word


def _type_foreach(text: str, _: float) -> str:
    word = text.strip()
    batch.read_foreach(word)
    return word


def _read_matrix(cell: str) -> str:
    word = read_label(cell)
    if is_none(word):
        return ""
    try:
        found = yaml.load(word, Loader=yaml.BaseLoader)
    except (yaml.YAMLError, RecursionError):
        raise ValueError(f"{one_line(word, 60)!r} is no matrix; write {{os: [linux, mac]}}") from None
    return batch.read_matrix(found)


def _read_count(cell: str) -> int:
    word = read_label(cell)
    if is_none(word):
        return 0
    if not word.isdecimal() or not 1 <= int(word) <= _MOST_AT_ONCE:
        raise ValueError(f"{one_line(word, 40)!r} is no number from 1 to {_MOST_AT_ONCE:,}")
    return int(word)


def _read_on_failure(cell: str) -> str:
    word = read_label(cell).casefold()
    if is_none(word):
        return ""
    if word not in _ON_FAILURE:
        raise ValueError(f"{one_line(word, 40)!r} is none of {', '.join(_ON_FAILURE)}")
    return word


#: The field after which a task is overdue.
DUE = TaskField(
    "deadline",
    "Deadline",
    _read_time,
    "WHEN",
    "2026-03-01, 2026-03-01T14:00Z, 2d.",
    typed=_type_time,
    typed_hint="2d counts from now; a day means its end, and without a zone UTC is meant",
    hint="correct the cell or leave it empty; what is for the agent stands in a column of its own",
    clear="none",
    facts=iso,
    text=lambda seconds: format_timestamp(seconds) if seconds else "",
    is_time=True,
)
TASK_FIELDS: tuple[TaskField, ...] = (
    TaskField(
        "priority",
        "Priority",
        _read_priority,
        "P",
        "high, P1 or 100; bigger is first.",
        short="-p",
        typed=_type_priority,
    ),
    TaskField("parent", "Parent", _read_parent, "ID", "The umbrella it stands under.",
        completion="task",
        clear="none"),
    TaskField(
        "assignee",
        "Assignee",
        _read_person,
        "NAME",
        "Who is responsible.",
        completion="assignee",
        typed=_type_person,
        clear="no one",
    ),
    TaskField(
        "agent", "Agent", _read_person, "KEY", "What runs it; shell: TEXT is a command.",
        completion="agent",
        clear="the default",
    ),
    TaskField("type", "Type", _read_text, "TYPE", "dev, test, research …"),
    TaskField(
        "estimate",
        "Est. Time",
        _read_estimate,
        "H",
        "How long it takes: 20, 0.5.",
        key="estimated_hours",
        typed=_type_hours,
        typed_hint="20, or 0.5 for half an hour",
        clear="unknown",
        facts=lambda seconds: hours(seconds) if seconds else None,
        text=lambda seconds: format_duration(seconds) if seconds else "",
    ),
    DUE,
    TaskField(
        "condition",
        "If",
        _read_condition,
        "EXPR",
        "Run only if: 'result.size > 100'.",
        hint="correct the cell or leave it empty; what is for the agent stands in a column of another name",
        clear="none",
        typed=_type_condition,
        is_rare=True,
    ),
    TaskField(
        "run_if",
        "Run If",
        _read_rule,
        "RULE",
        "all_completed, any_completed, all_over, any_failed.",
        clear="the default",
        typed=lambda text, _: _read_rule(text),
        is_rare=True,
    ),
    TaskField(
        "foreach", "For Each", _read_foreach, "ITEMS", "Do it for each item: 'a, b', glob:src/*.py, lines: FILE.",
        typed=_type_foreach,
        typed_hint=_FORMS,
        hint=_FORMS,
        clear="once",
        is_rare=True,
    ),
    TaskField(
        "matrix", "Matrix", _read_matrix, "AXES", "Do it for each combination: '{os: [linux, mac]}'.",
        typed=lambda text, _: _read_matrix(text),
        clear="once",
        facts=lambda text: json.loads(text) if text else None,
        is_rare=True,
    ),
    TaskField(
        "max_concurrent", "Max Concurrent", _read_count, "N", "Items at the same time.",
        typed=lambda text, _: str(_read_count(text)),
        clear="as many as can",
        facts=lambda count: count or None,
        text=lambda count: str(count) if count else "",
        is_rare=True,
    ),
    TaskField(
        "on_failure", "On Failure", _read_on_failure, "WORD", "When an item failed: continue, stop.",
        typed=lambda text, _: _read_on_failure(text),
        clear="continue",
        is_rare=True,
    ),
    TaskField(
        "fallback_for",
        "Fallback For",
        _read_parent,
        "ID",
        "Run only if that task fails, and stand in for it.",
        completion="task",
        clear="none",
        is_rare=True,
    ),
)  # fmt: skip
FIELD_OF: Mapping[str, TaskField] = {each.name: each for each in TASK_FIELDS}
#: Those that no view shows in a way of its own.
PLAIN_FIELDS = tuple(each for each in TASK_FIELDS if each.is_time or each.key)


def field_facts(task: Task) -> dict[str, Any]:
    """Return the fields of a task as JSON."""
    said = [each for each in TASK_FIELDS if getattr(task, each.name) or not each.is_rare]
    return {**{each.keyword: each.facts(getattr(task, each.name)) for each in said}, "priority": task.shown_priority}


def field_texts(task: Task) -> dict[str, str]:
    """Return the fields that a task has, for people, by name."""
    texts = {each.name: each.text(getattr(task, each.name)) for each in TASK_FIELDS}
    return {name: text for name, text in {**texts, "priority": task.shown_priority}.items() if text}
