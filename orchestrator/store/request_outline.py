"""From the outline of a request to the data of a draft: what is a task, what it is called, what it needs.

The lowest level is the tasks: items without items below them, and headings with nothing but text below them. Whatever
has tasks below it is a group, and naming it means all of them. Items such as ``Output: …`` or ``Needs: …`` say
something about the task above them. Numbered lists are ordered by number only where the outline says ``in order``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from orchestrator.core.draft import Need
from orchestrator.core.duration import parse_duration
from orchestrator.core.phrase import Names, Said, read_list, read_phrases, without_phrases
from orchestrator.core.priority import parse_priority
from orchestrator.core.text import one_line, without_backticks
from orchestrator.errors import Problem
from orchestrator.store.columns import is_none, key_word, plain
from orchestrator.store.request_tree import Node

_FIELDS = {
    "expected": ("output", "outputs", "expectedoutput", "expected", "deliverable", "deliverables"),
    "inputs": ("input", "inputs", "given"),
    "acceptance": ("acceptance", "acceptancecriteria", "donewhen", "accept"),
    "constraints": ("constraint", "constraints"),
    "hints": ("hint", "hints", "note", "notes"),
    "needs": ("needs", "dependson", "dependencies", "deps", "after", "requires", "blockedby"),
    "writes": ("writes", "files"),
    "agent": ("agent", "assignee"),
    "command": ("command",),
    "type": ("type",),
    "priority": ("priority", "prio"),
    "estimate": ("estimate", "estimatedtime", "esttime", "time"),
    "id": ("id", "taskid"),
    "description": ("description", "details"),
}
_FIELD_OF = {word: name for name, words in _FIELDS.items() for word in words}
_LISTS = frozenset({"acceptance", "constraints", "hints", "writes", "inputs"})
#: What is said of a group holds for each of its tasks.
_INHERITED = frozenset(
    {"acceptance", "agent", "constraints", "hints", "inputs", "priority", "type"}
)
_TEXTS = frozenset({"expected", "description"})
_SECTIONS = {
    "request": ("request", "originalrequest", "context", "background", "overview"),
    "goal": ("goal", "primarygoal", "goaldefinition", "objective"),
    "goals": ("goals", "secondarygoals", "secondarygoal", "objectives"),
    "success": ("successcriteria", "success", "acceptancecriteria", "donewhen"),
}
_SECTION_OF = {word: name for name, words in _SECTIONS.items() for word in words}

# Code, or emphasis around whole words, or around any where they are not written in ASCII; the stars of a pattern or a
# power stand elsewhere, and `__init__` is a name. No mark stands inside, so that each has the partner next to it.
_STRESSED = re.compile(
    r"(?<!`)(?P<bar>`+)(?!`).{1,500}?(?<!`)(?P=bar)(?!`)"
    r"""|(?:(?<![^\s(\[{"'\x80-\U0010ffff-])|(?<=\w\*\*/))(?P<mark>\*\*|__(?!\w+__))"""
    r"""(?P<said>[^\s/*_](?:(?:(?!(?P=mark)).){0,200}[^\s/*_])?)(?P=mark)"""
    r"""(?:(?![^\s.,:;!?)\]}"'\x80-\U0010ffff-])|(?=/\*\*\w))""",
    re.DOTALL,
)
_LABELLED = re.compile(
    r"(\*\*|__|)([^\W\d_][\w ]{0,24}?)(?::\1|\1:)(?:\s+|$)(?P<value>.*)", re.DOTALL
)
_ALL_STRESSED = re.compile(r"(\*\*|__)((?:(?!\1).)+)\1", re.DOTALL)
_ID = re.compile(r"\[?(([A-Z][A-Za-z]{0,15})-\d{1,6})(\]?\s*[:.)]|\]|\s+[—–-]+)?\s+(?=\S)")
_SPLIT = re.compile(r"(.{1,80}?)(?::\s+|\s+[—–]\s+|\s+--?\s+)(\S.*)", re.DOTALL)
_LONGEST_NAME = 80


@dataclass(slots=True, eq=False)
class _Entry:
    """A heading or an item that is a task or a group of tasks."""

    node: Node
    parent: _Entry | None = None
    below: list[_Entry] = field(default_factory=list)
    text: str = ""
    id: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)

    def leaves(self) -> Iterator[_Entry]:
        """Yield the tasks that it means: those below it, or itself."""
        if not self.below:
            yield self
        for entry in self.below:
            yield from entry.leaves()

    def upward(self) -> Iterator[_Entry]:
        """Yield itself and the groups it stands in; not the document."""
        entry: _Entry | None = self
        while entry is not None and entry.parent is not None:
            yield entry
            entry = entry.parent


def read_outline(root: Node, file: str) -> tuple[Any, tuple[str, ...], tuple[Problem, ...]]:
    """Return the data of a draft, where each of its tasks stands, and what is wrong with the outline."""
    return _Reader(root, file).read()


class _Reader:
    """Reads one outline."""

    def __init__(self, root: Node, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []
        self._request: list[str] = []
        self._about: dict[str, Any] = {}
        self._entries: dict[Node, _Entry] = {}
        self._top = _Entry(self._title(root))
        self._sort(self._top)
        self._tasks = list(self._top.leaves()) if self._top.below else []
        self._place = {entry: place for place, entry in enumerate(self._tasks)}
        self._give_ids()
        self._known = self._all_names()
        self._heard: dict[_Entry, Said] = {}

    def read(self) -> tuple[Any, tuple[str, ...], tuple[Problem, ...]]:
        if not self._tasks:
            hint = "write an item or a heading for each task; a file with a task table is a plan already"
            problem = Problem("no task in this outline", f"{self._file}:1", hint, "empty_plan")
            return {}, (), (problem,)
        tasks = [self._task(entry) for entry in self._tasks]
        data = {**self._about, "request": "\n\n".join(self._request), "tasks": tasks}
        places = tuple(f"{self._file}:{entry.node.line}" for entry in self._tasks)
        return data, places, tuple(self._problems)

    # ── what is what ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _title(self, root: Node) -> Node:
        """Take the one heading above everything as the title, and the text around it as the request."""
        self._request += root.prose
        top = root.children[0] if len(root.children) == 1 else None
        if top is None or not top.is_heading or not top.children:
            return root
        self._about["title"] = plain(top.text)
        self._request += top.prose
        return top

    def _sort(self, entry: _Entry) -> None:
        """Find out what below an entry is a task or a group, and what only says something about it."""
        is_document = entry.parent is None
        for node in entry.node.children:
            if is_document and node.is_heading and (about := _SECTION_OF.get(key_word(node.text))):
                self._take_section(about, node)
            elif not is_document and (fact := _fact(node)) is not None:
                _take_fact(entry, *fact, node)
            else:
                below = _Entry(node, entry, text=_unstressed(node.text))
                self._entries[node] = below
                entry.below.append(below)
                self._sort(below)

    def _take_section(self, section: str, node: Node) -> None:
        """Read a section about the whole: the request, goals, or how success is seen."""
        for part in (*node.prose, *map(_whole, node.children)):
            # A paragraph may have a line `**Primary Goal**: …` for each.
            for text in [part] if section == "request" else part.split("\n"):
                labelled = _LABELLED.fullmatch(text.strip())
                about = _SECTION_OF.get(key_word(labelled[2])) if labelled else None
                said = labelled["value"] if labelled and about else text.strip()
                self._tell(about or section, _unstressed(said))

    def _tell(self, section: str, text: str) -> None:
        if section == "request":
            self._request.append(text)
        elif section == "goal" and "goal" not in self._about:
            self._about["goal"] = text
        else:
            self._about.setdefault("goals" if section == "goal" else section, []).append(text)

    # ── what it is called ────────────────────────────────────────────────────────────────────────────────────────────

    def _give_ids(self) -> None:
        """Give every task its id: its own, else the next one that is free."""
        heads = {entry: _ID.match(entry.text) for entry in self._entries.values()}
        series = self._series([head for head in heads.values() if head and not head[3]])
        for entry, head in heads.items():
            if head and (head[3] or head[2] in series):
                entry.id, entry.text = head[1], entry.text[head.end() :].removesuffix("]")
            entry.id = entry.facts.pop("id", "") or entry.id
        used = {entry.id for entry in self._entries.values()}
        free = (each for number in range(1, 10**6) if (each := f"T-{number:02d}") not in used)
        for entry in self._tasks:
            entry.id = entry.id or next(free)

    def _series(self, heads: Sequence[re.Match[str]]) -> set[str]:
        """Return the letters of ids that nothing sets apart from their tasks: ours, and where something needs one.

        Else it is a word of the task: `UTF-8 handling`.
        """
        series = {"T"}
        if perhaps := {head[1].lower(): head[2] for head in heads}:
            texts = {plain(without_phrases(entry.text)).lower() for entry in self._entries.values()}
            ids = {
                **dict.fromkeys(texts, ()),
                **{id: (letters,) for id, letters in perhaps.items()},
            }
            numbers = {entry.node.number or 0: () for entry in self._entries.values()}
            for entry in self._entries.values():
                series |= {need.id for need in _spoken(entry, Names(ids, numbers)).needs}
        return series

    def _all_names(self) -> Mapping[str, tuple[str, ...]]:
        """Return what every task and group may be called by; of two with one name the first has it."""
        known: dict[str, tuple[str, ...]] = {}
        entries = self._entries.values()
        surely = [(entry.id, entry) for entry in entries if entry.id]
        perhaps = [(name, entry) for entry in entries for name in _called(entry.text)]
        for name, entry in (*surely, *perhaps):
            if bare := " ".join(name.lower().split()).strip(" .:"):
                known.setdefault(bare, tuple(leaf.id for leaf in entry.leaves()))
        return known

    def _names(self, entry: _Entry) -> Names:
        """Return what a phrase of this entry may name."""
        beside = entry.parent.below if entry.parent else []
        numbers = {
            each.node.number: tuple(leaf.id for leaf in each.leaves())
            for each in beside
            if each.node.number is not None
        }
        first = next(entry.leaves())
        earlier = tuple(each.id for each in self._tasks[: self._place[first]])
        return Names(self._known, numbers, earlier)

    # ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _task(self, entry: _Entry) -> dict[str, Any]:
        mine, *of_groups = [self._said(each) for each in entry.upward()]
        name, description = _headline(mine.text)
        texts = [description, *entry.node.prose]
        if description == name and entry.node.prose:
            del texts[0]
        # What is said nearer to the task counts, so its own kind of a dependency comes before that of its group.
        needs: dict[str, Need] = {}
        for need in (*mine.needs, *(each for said in of_groups for each in said.needs)):
            if need.id != entry.id:
                needs.setdefault(need.id, need)
        facts = dict(entry.facts)
        for group in list(entry.upward())[1:]:
            for each, value in group.facts.items():
                if each in _INHERITED:
                    facts[each] = (
                        [*facts.get(each, ()), *value] if each in _LISTS else facts.get(each, value)
                    )
        return {
            "id": entry.id,
            "name": name,
            "description": "\n\n".join(texts),
            **facts,
            "needs": [need._asdict() for need in needs.values()],
            "hints": [*facts.get("hints", ()), *self._context(entry)],
        }

    def _context(self, entry: _Entry) -> Iterator[str]:
        """What the outline says about the groups a task stands in."""
        for group in list(entry.upward())[1:]:
            for text in group.node.prose:
                yield f"About “{_headline(group.text)[0]}”: {text}"

    def _said(self, entry: _Entry) -> Said:
        """Return what an entry says about order; of a group once for all its tasks."""
        if entry in self._heard:
            return self._heard[entry]
        said = _spoken(entry, self._names(entry))
        if entry.node.before is not None and entry.node.before in self._entries:
            said.needs += [Need(leaf.id) for leaf in self._entries[entry.node.before].leaves()]
        inside = {leaf.id for leaf in entry.leaves()}
        said.needs = [need for need in said.needs if need.id not in inside]
        self._problems += [self._unknown(entry, words) for words in said.unknown]
        self._heard[entry] = said
        return said

    def _unknown(self, entry: _Entry, words: str) -> Problem:
        import difflib

        close = difflib.get_close_matches(words.lower(), self._known, n=1)
        name = _headline(without_phrases(entry.text))[0]
        return Problem(
            f"“{one_line(name, 60)}” is to come after “{one_line(words, 60)}”, which names nothing",
            f"{self._file}:{entry.node.line}",
            f"did you mean “{close[0]}”?"
            if close
            else "name a task or a heading as it is written there",
            "unknown_dependency",
        )


def _spoken(entry: _Entry, names: Names) -> Said:
    """Return what the words of an entry say about order."""
    said = read_phrases(entry.text, names, lambda remark: _take_remark(entry, remark))
    for text in entry.node.prose:
        spoken = read_phrases(text, names, lambda _: False)
        said.needs += spoken.needs
        said.unknown += spoken.unknown
    for text in entry.needs:
        read_list(text, names, said)
    return said


def _fact(node: Node) -> tuple[str, str] | None:
    """Return the field and the value that an item such as ``Output: a table`` gives."""
    whole = _ALL_STRESSED.fullmatch(node.text)
    found = _LABELLED.fullmatch(whole[2] if whole else node.text)
    name = _FIELD_OF.get(key_word(found[2] if found else node.text))
    if name is None or (found is None and not (node.is_heading or node.children)):
        return None
    return name, found["value"].strip() if found else ""


def _unstressed(text: str) -> str:
    """Return a text for people without emphasis, which no name of a task has; code stays as it is."""
    return _STRESSED.sub(lambda found: found["said"] or found[0], text)


def _path(text: str) -> str:
    """Return a path or pattern without the backticks or the emphasis around it; its own stars belong to it."""
    bare = without_backticks(text)
    return bare if bare != text else _unstressed(text)


def _take_fact(entry: _Entry, name: str, value: str, node: Node) -> None:
    values = [*filter(None, [value, *node.prose]), *map(_whole, node.children)]
    if name not in _TEXTS:
        values = [each for each in values if not is_none(plain(each))]
    if name == "needs":
        entry.needs += map(_unstressed, values)
    elif name == "inputs":
        entry.facts.setdefault(name, []).extend(map(_given, values))
    elif name == "writes":
        paths = [path for each in values for path in re.split(r",\s+|\s+and\s+", each)]
        entry.facts.setdefault(name, []).extend(map(_path, paths))
    elif name in _LISTS:
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


def _take_remark(entry: _Entry, remark: str) -> bool:
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


def _headline(text: str) -> tuple[str, str]:
    """Return the name and the description in the text of an item or heading. The second says the first too."""
    split = _SPLIT.fullmatch(text)
    return one_line(plain(split[1] if split else text), _LONGEST_NAME), text.strip()


def _called(text: str) -> Iterator[str]:
    yield plain(text)
    bare = without_phrases(text)
    yield plain(bare)
    yield _headline(bare)[0]


def _whole(node: Node) -> str:
    """Return a node and everything below it as text."""
    inside = [line for child in node.children for line in _whole(child).split("\n")]
    return "\n".join(
        [*([node.text] if node.text else []), *node.prose, *(f"- {each}" for each in inside)]
    )
