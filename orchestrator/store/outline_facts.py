"""What an outline says about one task: ``Output: a table``, ``**Needs:** Task 1``, ``(5m)``."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.core.duration import parse_duration
from orchestrator.core.priority import parse_priority
from orchestrator.core.text import without_backticks
from orchestrator.store.columns import is_none, key_word, plain
from orchestrator.store.outline_tree import Node

_FIELDS = {
    "expected": ("output", "outputs", "expectedoutput", "expected", "deliverable", "deliverables"),
    "inputs": ("input", "inputs", "given"),
    "acceptance": ("acceptance", "acceptancecriteria", "donewhen", "accept"),
    "constraints": ("constraint", "constraints"),
    "hints": ("hint", "hints", "note", "notes"),
    "needs": (
        "needs",
        "dependson",
        "dependencies",
        "deps",
        "after",
        "requires",
        "blockedby",
        "abhängigvon",
        "hängtabvon",
        "依赖",
    ),
    "writes": ("writes", "files"),
    "agent": ("agent", "assignee"),
    "command": ("command",),
    "type": ("type",),
    "priority": ("priority", "prio"),
    "estimate": (
        "estimate",
        "est",
        "estimatedtime",
        "esttime",
        "time",
        "duration",
    ),
    "id": ("id", "taskid"),
    "description": ("description", "details"),
}
_FIELD_OF = {word: name for name, words in _FIELDS.items() for word in words}
LISTS = frozenset({"acceptance", "constraints", "hints", "writes", "inputs"})
_TEXTS = frozenset({"expected", "description"})
_WORDS = frozenset({"agent", "type", "priority", "id"})
_PATHS = re.compile(r",\s+|\s+and\s+")
_PERHAPS = ("needs", "requires", "dependencies", "deps")
_BOLD = ("**", "__")
#: With these a code block begins.
CODE_BARS = ("```", "~~~")
#: A line that an editor has wrapped is longer.
_FULL = 60

# Code, or emphasis around whole words, or around any where they are not written in ASCII; the stars of a pattern or a
# power stand elsewhere, and `__init__` is a name. No mark stands inside, so that each has the partner next to it.
_STRESSED = re.compile(
    r"(?<!`)(?P<bar>`+)(?!`).{1,500}?(?<!`)(?P=bar)(?!`)"
    r"""|(?:(?<![^\s(\[{"'\x80-\U0010ffff-])|(?<=\w\*\*/))(?P<mark>\*\*|__(?!\w+__))"""
    r"""(?P<said>[^\s/*_](?:(?:(?!(?P=mark)).){0,200}[^\s/*_])?)(?P=mark)"""
    r"""(?:(?![^\s.,:;!?)\]}"'\x80-\U0010ffff-])|(?=/\*\*\w))""",
    re.DOTALL,
)
LABELLED = re.compile(
    r"(\*\*|__|)([^\W\d_][\w ]{0,24}?)(?:(?::\1|\1:)(?:\s+|$)|(?:：\1|\1：)\s*)(?P<value>.*)",
    re.DOTALL,
)
_ALL_STRESSED = re.compile(r"(\*\*|__)((?:(?!\1).)+)\1", re.DOTALL)


@dataclass(slots=True, eq=False)
class Entry:
    """A heading or an item that is a task or a group of tasks."""

    node: Node
    parent: Entry | None = None
    below: list[Entry] = field(default_factory=list)
    text: str = ""
    id: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    perhaps: list[str] = field(default_factory=list)
    """Lines that are such a need if they name a task, else text: `Requires: Python`."""

    def leaves(self) -> Iterator[Entry]:
        """Yield the tasks that it means: those below it, or itself."""
        if not self.below:
            yield self
        for entry in self.below:
            yield from entry.leaves()

    def upward(self) -> Iterator[Entry]:
        """Yield itself and the groups it stands in; not the document."""
        entry: Entry | None = self
        while entry is not None and entry.parent is not None:
            yield entry
            entry = entry.parent


def fact_of(node: Node) -> tuple[str, str] | None:
    """Return the field and the value that an item such as ``Output: a table`` gives."""
    whole = _ALL_STRESSED.fullmatch(node.text)
    found = LABELLED.fullmatch(whole[2] if whole else node.text)
    name = _FIELD_OF.get(key_word(found[2] if found else node.text))
    if name is None or (found is None and not (node.is_heading or node.children)):
        return None
    return name, found["value"].strip() if found else ""


class _Part(NamedTuple):
    """A line that gives a field, with the lines of its value; or a line of text, which has no name."""

    name: str
    lines: list[str]
    said: str


def take_lines(entry: Entry, node: Node) -> None:
    """Take the lines that give a field, as ``Needs: Task 1``, from the texts below the first line of a node.

    They mean what items below the task would say; what else there is stays in the node.
    """
    head, _, below = node.text.partition("\n")
    left = []
    waiting = deque([below, *node.prose])
    while waiting:
        text = waiting.popleft()
        is_code = text.startswith(CODE_BARS)
        left.append(text if is_code else _without_fields(entry, text, waiting))
    node.text = f"{head}\n{left[0]}" if left[0] else head
    node.prose = [*filter(None, left[1:])]


def _without_fields(entry: Entry, text: str, below: deque[str]) -> str:
    """Take the fields in a text; a code block below it may be the value of the last one."""
    parts: list[_Part] = []
    for line in text.split("\n"):
        bare = line.strip()
        if (field := _field_in(bare)) is not None:
            name, value = field
            parts.append(_Part(name, [value] if value else [], bare))
        elif parts and _goes_on(parts[-1], bare):
            parts[-1].lines.append(bare)
        else:
            parts.append(_Part("", [], line))
    last = parts[-1]
    if last.name and not last.lines and below and below[0].startswith(CODE_BARS):
        last.lines.append(below.popleft())
    left = []
    for part in parts:
        if part.name == "needs" and part.lines and part.said.lower().startswith(_PERHAPS):
            if not is_none(plain(part.lines[0])):
                entry.perhaps.append(" ".join([part.said, *part.lines[1:]]))
        elif part.name and (part.lines or part.said.startswith(_BOLD)):
            take_fact(entry, part.name, "\n".join(part.lines), Node())
        else:
            left.append(part.said)
    return "\n".join(left)


def _field_in(line: str) -> tuple[str, str] | None:
    """Return what a line gives. Without emphasis it may be a sentence, and is a field only if the value can be one."""
    found = fact_of(Node(line))
    if found is None or line.startswith(_BOLD):
        return found
    name, value = found
    if name in _WORDS:
        is_sure = len(value.split()) < 2
    elif name == "writes":
        is_sure = all(len(path.split()) == 1 for path in _PATHS.split(value))
    elif name == "estimate":
        is_sure = is_none(value) or _is_duration(value)
    else:
        is_sure = True
    return found if is_sure else None


def _goes_on(part: _Part, line: str) -> bool:
    """Whether a line that gives no field belongs to the field in the lines above it."""
    if not part.name or LABELLED.fullmatch(line):
        return False
    if not part.lines:
        return True
    if part.name in _WORDS or part.name == "estimate":
        return False
    last = part.lines[-1]
    if part.name in {"needs", "writes"}:
        return last.endswith(",")
    if part.name == "command":
        # Behind code in backticks nothing more of it comes.
        return len(part.lines) > 1 or without_backticks(last) == last
    # A capital begins a sentence, but also a name in a text that is wrapped.
    return not line[:1].isupper() or (len(last) > _FULL and last[-1] not in ".!?")


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


def unstressed(text: str) -> str:
    """Return a text for people without emphasis, which no name of a task has; code stays as it is."""
    return _STRESSED.sub(lambda found: found["said"] or found[0], text)


def _path(text: str) -> str:
    """Return a path or pattern without the backticks or the emphasis around it; its own stars belong to it."""
    bare = without_backticks(text)
    return bare if bare != text else unstressed(text)


def take_fact(entry: Entry, name: str, value: str, node: Node) -> None:
    """Take the field that a node gives, with what stands below it."""
    values = [*filter(None, [value, *node.prose]), *map(whole, node.children)]
    if name not in _TEXTS:
        values = [each for each in values if not is_none(plain(each))]
    if name == "needs":
        entry.needs += map(unstressed, values)
    elif name == "inputs":
        entry.facts.setdefault(name, []).extend(map(_given, values))
    elif name == "writes":
        paths = [path for each in values for path in _PATHS.split(each)]
        entry.facts.setdefault(name, []).extend(map(_path, paths))
    elif name in LISTS:
        entry.facts.setdefault(name, []).extend(values)
    elif name == "command":
        # One is taken as any other command; a list of them is not to end up as words between two marks.
        entry.facts[name] = "\n".join(map(without_backticks, values) if values[1:] else values)
    else:
        text = "\n".join(values)
        entry.facts[name] = text if name in _TEXTS else plain(text)


def _given(text: str) -> dict[str, str]:
    name, colon, value = text.partition(": ")
    return {"name": plain(name), "value": value} if colon else {"name": "input", "value": text}


def take_remark(entry: Entry, remark: str) -> bool:
    """Take a duration with its unit, or a word for a priority, that stands in brackets behind a task.

    `(3D)`, `(3.12)` and `(+2)` are more likely part of its name.
    """
    readers = (
        ("estimate", parse_duration, remark.islower()),
        ("priority", parse_priority, remark[:1].isalpha()),
    )
    for name, reader, is_likely in readers:
        with suppress(ValueError):
            if is_likely:
                reader(remark)
                entry.facts.setdefault(name, remark)
                return True
    return False


def whole(node: Node) -> str:
    """Return a node and everything below it as text."""
    inside = [line for child in node.children for line in whole(child).split("\n")]
    return "\n".join(
        [*([node.text] if node.text else []), *node.prose, *(f"- {each}" for each in inside)]
    )
