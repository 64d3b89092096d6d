"""What a checklist says of one task in lines or items of their own: ``Output: a table``, ``**Needs:** Task 1``."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.core.duration import parse_duration
from orchestrator.core.priority import parse_priority
from orchestrator.core.text import without_backticks
from orchestrator.plan.columns import is_none, key_word, plain, read_header
from orchestrator.planner.outlines.document import Document, OutlineNode
from orchestrator.planner.outlines.references import (
    BRACKETS,
    is_dependency,
    says_none,
    without_dependencies,
    without_phrase,
)

#: Besides the headers of a table, which mean the same here.
_WORDS = {
    "inputs": ("input", "inputs", "given"),
    "acceptance": ("acceptance", "acceptancecriteria", "donewhen", "accept"),
    "constraints": ("constraint", "constraints"),
    "hints": ("hint", "hints", "note", "notes"),
    "writes": ("writes", "files"),
    "command": ("command",),
    "agent": ("agent", "assignee"),
    "blocks": ("blocks", "blocking", "unblocks", "requiredby", "before"),
    "estimate": ("time", "duration"),
    "expected": ("outputs", "deliverable", "deliverables"),
    "id": ("id", "taskid"),
}
_FIELD_OF = {word: name for name, words in _WORDS.items() for word in words}
_ROLES = ("priority", "estimate", "expected", "type", "description")
#: They are words for a dependency, and for a tool: ``Requires: Python 3.12``.
_WEAK = frozenset({"needs", "requires", "prerequisites", "prerequisite", "deps", "dependencies"})
LISTS = frozenset({"acceptance", "constraints", "hints", "inputs", "writes"})
_ONE_WORD = frozenset({"agent", "type", "priority", "id"})
_SECTIONS = {
    "request": ("request", "originalrequest", "context", "background", "overview"),
    "goal": ("goal", "primarygoal", "goaldefinition", "objective"),
    "goals": ("goals", "secondarygoals", "secondarygoal", "objectives"),
    "success": ("successcriteria", "success", "acceptancecriteria", "donewhen"),
}
_SECTION_OF = {word: name for name, words in _SECTIONS.items() for word in words}
_LABEL = re.compile(
    r"(?P<mark>\*\*|__|)(?P<label>[^\W\d_][\w -]{0,24}?)(?:[:：](?P=mark)|(?P=mark)[:：])(?:\s+|$)(?P<value>.*)"
)
_WHOLE = re.compile(r"(\*\*|__|_|\*)((?:(?!\1).)+)\1")
_BULLET = re.compile(r"^\s*(?:[-*+]|\d{1,4}[.)])\s+")
_FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n.*?^\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
_GOES_ON = re.compile(r"\s*(?:[(`'\"]|[^\W\d_])(?<![A-Z])")
_PATHS = re.compile(r",\s+|\s+and\s+|\n")


class Label(NamedTuple):
    """A line that gives a field."""

    name: str
    value: str
    is_weak: bool = False
    is_stressed: bool = False


@dataclass(slots=True, eq=False)
class Fields:
    """What is said of one task or group."""

    values: dict[str, Any] = field(default_factory=dict)
    """By the field of a draft."""
    needs: list[tuple[str, bool]] = field(default_factory=list)
    """What stands behind a word for a dependency, and whether that word has other uses."""
    blocks: list[str] = field(default_factory=list)
    """What waits for it."""
    text: str = ""
    """The lines that give no field."""

    def take(self, label: Label, value: str) -> None:
        """Take one field."""
        name, value = label.name, value.strip()
        if name == "needs":
            if not says_none(value):
                self.needs.append((value, label.is_weak))
            return
        if name == "blocks":
            if not says_none(value):
                self.blocks.append(value)
            return
        if name in LISTS:
            lines = _PATHS.split(value) if name == "writes" else value.split("\n")
            found = [_BULLET.sub("", line).strip() for line in lines]
            found = [each for each in found if not is_none(plain(each))]
            self.values.setdefault(name, []).extend(map(_READERS.get(name, str), found))
        elif name == "command":
            if not is_none(plain(value)):
                self.values[name] = value
        elif name in {"expected", "description"}:
            self.values[name] = value
        else:
            self.values[name] = "" if is_none(plain(value)) else plain(value)

    def take_remarks(self, text: str) -> str:
        """Take a duration with its unit, and a word for a priority, in brackets; return the text without them."""
        return BRACKETS.sub(lambda found: "" if self._is_comment(found[1].strip()) else found[0], text)

    def _is_comment(self, remark: str) -> bool:
        readers = (("estimate", parse_duration, remark.islower()), ("priority", parse_priority, remark[:1].isalpha()))
        for name, reader, is_likely in readers:
            try:
                if is_likely:
                    reader(remark)
                    self.values.setdefault(name, remark)
                    return True
            except ValueError:
                continue
        return False


def _input(text: str) -> dict[str, str]:
    name, colon, value = text.partition(": ")
    return {"name": plain(name), "value": value} if colon else {"name": "input", "value": text}


_READERS: dict[str, Any] = {"inputs": _input, "writes": without_backticks}


def section_of(node: OutlineNode) -> str:
    """Return which section about the whole a heading begins; empty for any other."""
    return _SECTION_OF.get(key_word(node.text), "")


def about_of(line: str) -> tuple[str, str] | None:
    """Return the section and the text of a line such as ``**Primary Goal**: a user can log in``."""
    found = _LABEL.fullmatch(line.strip())
    about = _SECTION_OF.get(key_word(found["label"])) if found else None
    return (about, found["value"]) if found and about else None


def is_labelled(text: str) -> bool:
    """Whether a text is a label and its value: `Owner: eve`."""
    return _LABEL.fullmatch(text.partition("\n")[0].strip()) is not None


def _name_of(label: str) -> str:
    word = key_word(label)
    if name := _FIELD_OF.get(word):
        return name
    if is_dependency(label):
        return "needs"
    columns = read_header((label,))
    return next((role for role in _ROLES if columns.at(role) is not None), "")


def label_of(line: str) -> Label | None:
    """Return the field that a line gives."""
    bare = line.strip()
    whole = _WHOLE.fullmatch(bare)
    found = _LABEL.fullmatch(whole[2] if whole else bare)
    name = _name_of(found["label"]) if found else ""
    if not found or not name:
        return None
    is_weak = key_word(found["label"]) in _WEAK
    return Label(name, found["value"], is_weak, bool(found["mark"] or whole))


def field_in(document: Document, node: OutlineNode) -> tuple[Label, str] | None:
    """Return the field that an item gives, and its whole value."""
    head, _, more = node.text.partition("\n")
    label = label_of(head)
    if label is None and node.children and (name := _name_of(head)):
        label = Label(name, "")
    if label is None or node.box is not None:
        return None
    texts = [each for child in node.children for each in (child.text, document.own_text(child))]
    if label.name == "command":
        texts = [without_backticks(each) for each in texts]
    below = "\n".join(filter(None, texts)) if node.children else document.text(node)
    return label, "\n".join(filter(None, (label.value, more, below)))


def fields_of(document: Document, node: OutlineNode, below: Collection[OutlineNode]) -> Fields:
    """Return what is said of a task or group; *below* are the tasks and groups in it."""
    found = Fields()
    taken = list(below)
    for child in node.children:
        if child.is_item and child not in below and (given := field_in(document, child)):
            found.take(*given)
            taken.append(child)
    more = node.text.partition("\n")[2]
    text = "\n".join(filter(None, (more, document.text(node, taken))))
    found.text = _without_lines(found, text)
    return found


def _without_lines(fields: Fields, text: str) -> str:
    """Take the lines of a text that give a field; return the others."""
    if ":" not in text and "：" not in text:
        return text.strip("\n")
    fences: list[str] = []

    def keep(found: re.Match[str]) -> str:
        fences.append(found[0])
        return f"\0{len(fences) - 1}\0"

    left: list[str] = []
    waiting = _FENCE.sub(keep, text).split("\n")[::-1]
    while waiting:
        line = waiting.pop()
        label = label_of(line)
        if label is None or not (label.is_stressed or _is_sure(label)):
            left.append(line)
            continue
        value = [label.value, *_below(label, waiting)]
        if any(map(str.strip, value)) or label.is_stressed:
            fields.take(label, _restored("\n".join(value), fences))
        else:
            left.append(line)
    return _restored("\n".join(left), fences).strip("\n")


def _below(label: Label, waiting: list[str]) -> Iterator[str]:
    """Take the lines that go on with a field, the next one last."""
    if not label.value:
        while waiting and not waiting[-1].strip() and any(map(str.strip, waiting)):
            waiting.pop()
    elif label.name != "expected" and label.name not in LISTS:
        return
    while waiting and waiting[-1].strip() and not _LABEL.fullmatch(waiting[-1].strip()):
        # A line that goes on with a sentence begins with no capital.
        if label.value and not _GOES_ON.match(waiting[-1]):
            return
        line = waiting.pop()
        yield line.strip() if label.value else line
        if "\0" in line:  # a code block is all of it
            return


def _restored(text: str, fences: list[str]) -> str:
    return re.sub("\0(\\d+)\0", lambda found: fences[int(found[1])], text)


def _is_sure(label: Label) -> bool:
    """Whether the rest of a line can be a value of the field; else it may be a sentence."""
    if label.name in _ONE_WORD:
        return len(label.value.split()) < 2
    if label.name == "writes":
        return all(len(path.split()) == 1 for path in _PATHS.split(label.value) if path)
    if label.name == "estimate":
        try:
            parse_duration(label.value)
        except ValueError:
            return is_none(label.value)
    return True


# ── entries ────────
#
# The tasks and groups of a checklist: what each is called, its number, and its id.

_LETTERS, _DIGITS = r"[A-Za-z]{1,16}[-_]?", r"\d{1,6}(?:[._-]\d{1,6})*[a-z]?"
SHAPE = _LETTERS + _DIGITS
#: `[A-1] Scan`, `A-1: Scan`, `**A-1** – Scan`, `#12 Scan`
HEAD = re.compile(
    rf"(?:\*\*|`)?(?:[\[(](?P<set>{SHAPE})[\])]:?"
    rf"|(?P<led>{SHAPE})(?:\s*[:.)|]|(?:\*\*|`)?\s+[—–-]+(?=\s)|\*\*:?|`)"
    r"|#(?P<issue>\d{1,6})[:.)]?)(?:\*\*|`)?\s+(?=\S)"
)
_BARE = re.compile(r"(?P<id>(?P<series>[A-Z][A-Za-z]{0,15}-?)\d{1,6})\s+(?=\S)")
#: What only counts a task, which may be called by it: `Task 2: Design`.
COUNTED = re.compile(r"(?:task|step)\s+(\d{1,6})(?:\s*[:.)]|\s+[—–-]+(?=\s)|$)\s*", re.IGNORECASE)
#: A heading that is counted, in any language: `2. Build`, `Etapa 2: Construir`.
_IN_ORDER = re.compile(r"(?:[^\W\d_]+\s+)?(\d{1,4})(?:\s*[:.)]|\s+[—–-]+(?=\s)|$)")
PARALLEL = re.compile(r"(?<!\s)\s*+[\[(]P[\])](?=\s|$)")
#: No one calls a task by more.
_LONGEST_CALLED = 200
SPLIT = re.compile(r"(.{1,80}?)(?::\s+|\s+[—–]\s+|\s+--?\s+)(\S.*)", re.DOTALL)


@dataclass(slots=True, eq=False)
class OutlineEntry:
    """A heading or an item that is a task or a group of tasks; the document itself is one, without a parent."""

    node: OutlineNode
    parent: OutlineEntry | None = None
    below: list[OutlineEntry] = field(default_factory=list)
    id: str = ""
    text: str = ""
    number: int | None = None
    is_parallel: bool = False
    fields: Fields = field(default_factory=Fields)
    needs: dict[str, str] = field(default_factory=dict)

    def leaves(self) -> Iterator[OutlineEntry]:
        """Yield the tasks that it means: those below it, or itself."""
        if not self.below:
            yield self
        for each in self.below:
            yield from each.leaves()

    def groups(self) -> Iterator[OutlineEntry]:
        """Yield the groups it stands in, the nearest first."""
        group = self.parent
        while group is not None and group.parent is not None:
            yield group
            group = group.parent


def give_ids(entries: Sequence[OutlineEntry], tasks: Sequence[OutlineEntry]) -> None:
    """Give every task its id: its own, else the next one that is free; read what else its head says."""
    bare = [_BARE.match(entry.node.text) for entry in entries]
    series = [found["series"] for found in bare if found]
    for entry in entries:
        head = entry.node.text.split("\n")[0]
        if (found := HEAD.match(head)) is not None:
            entry.id = found["set"] or found["led"] or found["issue"]
            head = head[found.end() :]
        elif (found := _BARE.match(head)) is not None and (
            found["series"] == "T-" or series.count(found["series"]) > 1
        ):
            entry.id, head = found["id"], head[found.end() :]
        pluralize = COUNTED.match(head) or (_IN_ORDER.match(head) if entry.node.is_heading else None)
        entry.number = int(pluralize[1]) if pluralize else entry.node.number
        bare_head = PARALLEL.sub("", head)
        entry.is_parallel = bare_head != head
        entry.text = entry.fields.take_remarks(bare_head).strip()
        entry.id = entry.fields.values.pop("id", "") or entry.id
    used = {entry.id for entry in entries}
    free = (each for number in range(1, 10**6) if (each := f"T-{number:02d}") not in used)
    for task in tasks:
        task.id = task.id or next(free)


def is_counted(node: OutlineNode) -> bool:
    """Whether a heading is a task: `## Task 2: Design`."""
    return node.is_heading and COUNTED.match(node.text) is not None


def names_of(text: str) -> Iterator[str]:
    """Yield what a task with this text may be called."""
    bare = plain(without_dependencies(text).replace("**", "").strip())
    head = SPLIT.fullmatch(bare)
    for name in (bare, head[1] if head else "", COUNTED.sub("", bare), without_phrase(bare)):
        shown = " ".join(name.split()).strip(" .:")
        if 0 < len(shown) <= _LONGEST_CALLED:
            yield shown
