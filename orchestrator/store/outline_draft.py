"""From the outline of a request to the data of a draft: what is a task, what it is called, what it needs.

The lowest level is the tasks: items without items below them, and headings with nothing but text below them. Whatever
has tasks below it is a group, and naming it means all of them. Items such as ``Output: …`` or ``Needs: …`` say
something about the task above them, and so do such lines in its text. Numbered lists are ordered by number only where
the outline says ``in order``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.draft import Need
from orchestrator.core.outline_mentions import Named, mentions
from orchestrator.core.outline_phrases import Names, Said, read_list, read_phrases, without_phrases
from orchestrator.core.text import one_line
from orchestrator.core.vague import is_english
from orchestrator.errors import Problem
from orchestrator.store.columns import key_word, plain
from orchestrator.store.outline_facts import (
    CODE_BARS,
    LABELLED,
    LISTS,
    Entry,
    fact_of,
    take_fact,
    take_lines,
    take_remark,
    unstressed,
    whole,
)
from orchestrator.store.outline_tree import Node

#: What is said of a group holds for each of its tasks.
_INHERITED = frozenset(
    {"acceptance", "agent", "constraints", "hints", "inputs", "priority", "type"}
)
#: So does this, where a group is only one task with a remark below it.
_OF_ONE = _INHERITED | {"command", "estimate", "expected", "writes"}
_SECTIONS = {
    "request": ("request", "originalrequest", "context", "background", "overview"),
    "goal": ("goal", "primarygoal", "goaldefinition", "objective"),
    "goals": ("goals", "secondarygoals", "secondarygoal", "objectives"),
    "success": ("successcriteria", "success", "acceptancecriteria", "donewhen"),
}
_SECTION_OF = {word: name for name, words in _SECTIONS.items() for word in words}

_ID = re.compile(r"\[?(([A-Z][A-Za-z]{0,15})-\d{1,6})(\]?\s*[:.)]|\]|\s+[—–-]+)?\s+(?=\S)")
_SPLIT = re.compile(r"(.{1,80}?)(?::\s+|\s+[—–]\s+|\s+--?\s+)(\S.*)", re.DOTALL)
#: What only counts a task, which may be called by it: `Task 2: Design`.
_UNCOUNTED = re.compile(r"^(?:task|step)\s+\d{1,6}\s*(?::|\s[—–-])\s+(?=\S)", re.IGNORECASE)
_LONGEST_NAME = 80


class Outlined(NamedTuple):
    """What an outline proposes."""

    data: Any
    """Of a draft."""
    places: tuple[str, ...] = ()
    """Where each of its tasks stands."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


def read_outline(root: Node, file: str) -> Outlined:
    """Return what an outline proposes, and what is wrong with it."""
    return _Reader(root, file).read()


class _Reader:
    """Reads one outline."""

    def __init__(self, root: Node, file: str) -> None:
        self._file = file
        self._problems: list[Problem] = []
        self._request: list[str] = []
        self._about: dict[str, Any] = {}
        self._entries: dict[Node, Entry] = {}
        self._top = Entry(self._title(root))
        self._sort(self._top)
        self._tasks = list(self._top.leaves()) if self._top.below else []
        self._place = {entry: place for place, entry in enumerate(self._tasks)}
        self._give_ids()
        self._numbered: dict[Entry | None, Mapping[int, tuple[str, ...]]] = {}
        self._spelled: dict[str, str] = {}
        self._known = self._all_names()
        self._heard: dict[Entry, Said] = {}

    def read(self) -> Outlined:
        if not self._tasks:
            hint = "write an item or a heading for each task; a file with a task table is a plan already"
            problem = Problem("no task in this outline", f"{self._file}:1", hint, "empty_plan")
            return Outlined({}, problems=(problem,))
        tasks = [self._task(entry) for entry in self._tasks]
        data = {**self._about, "request": "\n\n".join(self._request), "tasks": tasks}
        places = tuple(f"{self._file}:{entry.node.line}" for entry in self._tasks)
        return Outlined(
            data, places, tuple(self._problems), (*self._ticked(), *self._unheard(tasks))
        )

    def _ticked(self) -> Iterator[Problem]:
        """Yield the tasks of which somebody seems to have said that they are done."""
        for entry in self._tasks:
            if any(each.node.is_ticked for each in entry.upward()):
                hint = "take it out of the outline if it is done"
                where = f"{self._file}:{entry.node.line}"
                yield Problem("ticked off, and planned all the same", where, hint, "ticked")

    def _unheard(self, tasks: Sequence[Mapping[str, Any]]) -> Iterator[Problem]:
        """Yield what names something else and is not ordered by that: who wrote it may have meant that it is."""
        needs = {task["id"]: [need["id"] for need in task["needs"]] for task in tasks}
        texts = [text for node in self._entries for text in (node.text, *node.prose)]
        in_english = is_english("\n".join((*self._request, *texts)))
        for entry in self._entries.values():
            mine = frozenset(leaf.id for leaf in entry.leaves())
            named = Named(self._known, self._spelled, self._numbers(entry), mine, in_english)
            prose = (text for text in entry.node.prose if not text.startswith(CODE_BARS))
            lines = (line for text in prose for line in text.split("\n"))
            # A line with a label is a field whose name we do not know.
            asides = () if in_english else [line for line in lines if LABELLED.fullmatch(line)]
            found = (
                mention
                for mention in mentions(self._heard[entry].text, asides, named)
                if not _are_ordered(needs, mine, mention.ids)
            )
            if (mention := next(found, None)) is not None:
                yield Problem(
                    f"“{one_line(mention.words, 60)}” names another task, and makes no dependency",
                    f"{self._file}:{entry.node.line}",
                    f"if it is to wait for that, write `after {one_line(mention.name, 60)}`",
                    "unheard",
                )

    # ── what is what ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _title(self, root: Node) -> Node:
        """Take the one heading above everything as the title, and the text around it as the request."""
        self._request += root.prose
        top = root.children[0] if len(root.children) == 1 else None
        if top is None or not top.is_heading:
            return root
        self._about["title"] = plain(top.text)
        self._request += top.prose
        return top

    def _sort(self, entry: Entry) -> None:
        """Find out what below an entry is a task or a group, and what only says something about it."""
        is_document = entry.parent is None
        for node in entry.node.children:
            if is_document and node.is_heading and (about := _SECTION_OF.get(key_word(node.text))):
                self._take_section(about, node)
            elif not is_document and (fact := fact_of(node)) is not None:
                take_lines(entry, node)
                take_fact(entry, *(fact_of(node) or fact), node)
            else:
                below = Entry(node, entry)
                take_lines(below, node)
                below.text = unstressed(node.text)
                self._entries[node] = below
                entry.below.append(below)
                self._sort(below)

    def _take_section(self, section: str, node: Node) -> None:
        """Read a section about the whole: the request, goals, or how success is seen."""
        for part in (*node.prose, *map(whole, node.children)):
            # A paragraph may have a line `**Primary Goal**: …` for each.
            for text in [part] if section == "request" else part.split("\n"):
                labelled = LABELLED.fullmatch(text.strip())
                about = _SECTION_OF.get(key_word(labelled[2])) if labelled else None
                said = labelled["value"] if labelled and about else text.strip()
                self._tell(about or section, unstressed(said))

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
                self._spelled.setdefault(bare, " ".join(name.split()).strip(" .:"))
        return known

    def _names(self, entry: Entry) -> Names:
        """Return what a phrase of this entry may name."""
        first = next(entry.leaves())
        earlier = tuple(each.id for each in self._tasks[: self._place[first]])
        return Names(self._known, self._numbers(entry), earlier)

    def _numbers(self, entry: Entry) -> Mapping[int, tuple[str, ...]]:
        """Return the numbers in the list of an entry, and the tasks that each means."""
        if entry.parent not in self._numbered:
            self._numbered[entry.parent] = {
                each.node.number: tuple(leaf.id for leaf in each.leaves())
                for each in (entry.parent.below if entry.parent else ())
                if each.node.number is not None
            }
        return self._numbered[entry.parent]

    # ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _task(self, entry: Entry) -> dict[str, Any]:
        mine, *of_groups = [self._said(each) for each in entry.upward()]
        name, description = _headline(_UNCOUNTED.sub("", mine.text))
        texts = [description, *entry.node.prose]
        if description == name and entry.node.prose:
            del texts[0]
        # What is said nearer to the task counts, so its own kind of a dependency comes before that of its group.
        needs: dict[str, Need] = {}
        for need in (*mine.needs, *(each for said in of_groups for each in said.needs)):
            if need.id != entry.id:
                needs.setdefault(need.id, need)
        facts = dict(entry.facts)
        for group, holds in _groups(entry):
            for each, value in group.facts.items():
                if each in holds:
                    facts[each] = (
                        [*facts.get(each, ()), *value] if each in LISTS else facts.get(each, value)
                    )
        return {
            "id": entry.id,
            "name": name,
            "description": "\n\n".join(texts),
            **facts,
            "needs": [need._asdict() for need in needs.values()],
            "hints": [*facts.get("hints", ()), *self._context(entry)],
        }

    def _context(self, entry: Entry) -> Iterator[str]:
        """What the outline says about the groups a task stands in: their words are in no other place."""
        groups = _groups(entry)
        if groups:
            heads = (_UNCOUNTED.sub("", self._said(each).text) for each, _ in reversed(groups))
            yield f"Part of: {' › '.join(map(plain, heads))}"
        for group, holds in groups:
            facts = (
                f"{each}: {value if isinstance(value, str) else ', '.join(value)}"
                for each, value in group.facts.items()
                if each not in holds
            )
            for text in (*group.node.prose, *facts):
                yield f"About “{_headline(group.text)[0]}”: {text}"

    def _said(self, entry: Entry) -> Said:
        """Return what an entry says about order; of a group once for all its tasks."""
        if entry in self._heard:
            return self._heard[entry]
        said = _spoken(entry, self._names(entry))
        if entry.node.before is not None and entry.node.before in self._entries:
            said.needs += [Need(leaf.id) for leaf in self._entries[entry.node.before].leaves()]
        inside = {leaf.id for leaf in entry.leaves()}
        for line in entry.perhaps:
            spoken = Said("")
            read_list(unstressed(line), self._names(entry), spoken)
            if spoken.needs or any(self._alike(words) for words in spoken.unknown):
                said.needs += spoken.needs
                said.unknown += spoken.unknown
            else:
                entry.node.prose.append(line)
        said.needs = [need for need in said.needs if need.id not in inside]
        self._problems += [self._unknown(entry, words) for words in said.unknown]
        self._heard[entry] = said
        return said

    def _alike(self, words: str) -> list[str]:
        """Return the name that somebody may have mistyped."""
        import difflib

        return difflib.get_close_matches(words.lower(), self._known, n=1)

    def _unknown(self, entry: Entry, words: str) -> Problem:
        close = self._alike(words)
        name = _headline(without_phrases(entry.text))[0]
        return Problem(
            f"“{one_line(name, 60)}” is to come after “{one_line(words, 60)}”, which names nothing",
            f"{self._file}:{entry.node.line}",
            f"did you mean “{close[0]}”?"
            if close
            else "name a task or a heading as it is written there",
            "unknown_dependency",
        )


def _are_ordered(
    needs: Mapping[str, Sequence[str]], some: Iterable[str], others: Iterable[str]
) -> bool:
    """Whether one of some tasks comes after, or before, one of the others."""
    return any(
        _before(needs, ids) & set(against) for ids, against in ((some, others), (others, some))
    )


def _before(needs: Mapping[str, Sequence[str]], ids: Iterable[str]) -> set[str]:
    """Return all tasks that come before one of these."""
    found: set[str] = set()
    waiting = list(ids)
    while waiting:
        new = set(needs.get(waiting.pop(), ())) - found
        found |= new
        waiting += new
    return found


def _groups(entry: Entry) -> list[tuple[Entry, frozenset[str]]]:
    """Return the groups that a task stands in, each with what is said of it and so of the task."""
    found = []
    is_one = True
    for group in list(entry.upward())[1:]:
        is_one = is_one and len(group.below) == 1
        found.append((group, _OF_ONE if is_one else _INHERITED))
    return found


def _spoken(entry: Entry, names: Names) -> Said:
    """Return what the words of an entry say about order."""
    said = read_phrases(entry.text, names, lambda remark: take_remark(entry, remark))
    for text in entry.node.prose:
        spoken = read_phrases(unstressed(text), names, lambda _: False)
        said.needs += spoken.needs
        said.unknown += spoken.unknown
    for text in entry.needs:
        read_list(text, names, said)
    return said


def _headline(text: str) -> tuple[str, str]:
    """Return the name and the description in the text of an item or heading. The second says the first too."""
    split = _SPLIT.fullmatch(text)
    return one_line(plain(split[1] if split else text), _LONGEST_NAME), text.strip()


def _called(text: str) -> Iterator[str]:
    yield plain(text)
    bare = without_phrases(text)
    yield plain(bare)
    yield _headline(bare)[0]
    yield _headline(_UNCOUNTED.sub("", bare))[0]
