"""A checklist or an outline of one's own: items, nested or numbered, with fields below them.

Where there are boxes, they are the tasks, and other items are text of the task above them; else the lowest items are. A
heading such as ``## Task 2: Design`` is a task, too. What has tasks below it is a group, and naming it means all of
them. Numbers put a list in order, unless its items name what they wait for.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.plan.columns import plain
from orchestrator.planner.outlines.document import Document, OutlineNode
from orchestrator.planner.outlines.fields import (
    COUNTED,
    HEAD,
    LISTS,
    PARALLEL,
    SHAPE,
    SPLIT,
    OutlineEntry,
    about_of,
    field_in,
    fields_of,
    give_ids,
    is_counted,
    is_labelled,
    names_of,
    section_of,
)
from orchestrator.planner.outlines.items import (
    Item,
    OutlineResult,
    comes_after,
    drafted_items,
    headline,
    left_out,
    unclear,
    wait_for_stages,
)
from orchestrator.planner.outlines.references import (
    IdList,
    Names,
    asides,
    id_pattern,
    is_dependency,
    phrases,
    read_ids,
    trailing,
    without_dependencies,
)

FORM = "checklist"
#: What is said of a group holds for each of its tasks.
_INHERITED = frozenset({"acceptance", "agent", "constraints", "hints", "inputs", "priority", "type"})


def recognises(document: Document) -> bool:
    """Whether its tasks are marked as such, or are at least as many as the paragraphs between them."""
    reader = _ChecklistReader(document)
    if any(task.node.box is not None or task.node.is_heading for task in reader.tasks):
        return True
    return 0 < len(reader.tasks) >= reader.paragraphs


def read(document: Document) -> OutlineResult:
    """Return the tasks of the checklist."""
    return _ChecklistReader(document).read()


class _ChecklistReader:
    """Reads one checklist."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._has_boxes = any(each.box is not None for each in document.items())
        self._about: dict[str, Any] = {}
        self._request: list[str] = []
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._entries: list[OutlineEntry] = []
        self._sections: list[OutlineNode] = []
        """About dependencies."""
        self.paragraphs = 0
        """Of groups: where they outnumber the tasks, the file is a text and no list."""
        top = OutlineEntry(self._title())
        self._sort(top)
        self.tasks = list(top.leaves()) if top.below else []

    # ── what is what ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _title(self) -> OutlineNode:
        """Take the one heading above everything as the title, and the text around it as the request."""
        root, title = self._document.root, self._document.title
        above = [root] if title is None or is_counted(title) else [root, title]
        for node in above:
            if text := self._document.own_text(node):
                self._request.append(re.sub(r"(?m)^> ?", "", text))
        if above[-1] is title and title is not None:
            self._about["title"] = plain(title.text)
        return above[-1]

    def _sort(self, entry: OutlineEntry) -> None:
        """Find out what below an entry is a task or a group; the rest is text of it."""
        for node in entry.node.children:
            if entry.parent is None and node.is_heading and section_of(node):
                self._take_section(section_of(node), node)
            elif node.is_heading and is_dependency(node.text):
                self._sections.append(node)
            elif self._is_entry(node, entry):
                below = OutlineEntry(node, entry)
                entry.below.append(below)
                self._entries.append(below)
                if is_counted(node):
                    below.fields = fields_of(self._document, node, ())
                else:
                    self._sort(below)
                if node.is_heading and not is_counted(node) and not self._is_alone(below):
                    entry.below.remove(below)
                    self._entries.remove(below)
                    self._take_text(node)
        entry.fields = fields_of(self._document, entry.node, [each.node for each in entry.below])
        self.paragraphs += (
            len(entry.fields.text.split("\n\n")) if entry.below and entry.parent and entry.fields.text else 0
        )

    def _take_text(self, node: OutlineNode) -> None:
        """Take a section without a task as a part of the request."""
        self._request.append("\n\n".join(filter(None, (plain(node.text), self._document.text(node)))))
        self.paragraphs += self._document.text(node).count("\n\n") + 1
        if not self._has_boxes:
            what = f"“{one_line(plain(node.text), 60)}” has no item: it is told to all, and is no task"
            hint = "if it is one, begin it with `- `, or call it `Task 1: …`"
            self._warnings.append(Problem(what, self._document.where(node), hint, "no_item"))

    def _is_alone(self, entry: OutlineEntry) -> bool:
        """Whether a heading is a group, or a task of its own, which has an id."""
        return bool(entry.below) or HEAD.match(entry.node.text) is not None

    def _is_entry(self, node: OutlineNode, entry: OutlineEntry) -> bool:
        if node.is_heading:
            return True
        if self._has_boxes:
            return node.box is not None or any(each.box is not None for each in self._document.items(node))
        if entry.node.is_item and all(is_labelled(each.text) for each in entry.node.children):
            return False  # they say something about the item above them
        return bool(node.text) and (entry.parent is None or field_in(self._document, node) is None)

    def _take_section(self, section: str, node: OutlineNode) -> None:
        """Read a section about the whole: the request, goals, or how success is seen."""
        text = self._document.text(node)
        lines = [text] if section == "request" else text.split("\n")
        for line in filter(None, (re.sub(r"^\s*(?:[-*+]|\d+[.)])\s+(?:\[.\]\s+)?", "", each) for each in lines)):
            about, said = about_of(line) or (section, line)
            if about == "request":
                self._request.append(said)
            elif about == "goal" and "goal" not in self._about:
                self._about["goal"] = said.replace("**", "")
            else:
                self._about.setdefault("goals" if about == "goal" else about, []).append(said.replace("**", ""))

    # ── what it is called ────────────────────────────────────────────────────────────────────────────────────────────

    def read(self) -> OutlineResult:
        """Return the draft, and what is wrong with the file."""
        give_ids(self._entries, self.tasks)
        self._here = names = self._names()
        for entry in self._entries:
            self._take_needs(entry, names)
            self._take_blocks(entry, names[entry.parent])
        items = {task: self._item(task) for task in self.tasks}
        for task, item in items.items():
            for each in (task, *task.groups()):
                for need, kind in each.needs.items():
                    if need != item.id:
                        item.needs.setdefault(need, kind if each is task else "order")
        for parent in dict.fromkeys(entry.parent for entry in self._entries):
            if parent is not None:
                self._put_in_order(parent.below, items)
        self._warn(list(items.values()))
        return drafted_items(
            self._document.file,
            list(items.values()),
            FORM,
            self._problems,
            warnings=self._warnings,
            about={**self._about, "request": "\n\n".join(self._request)},
        )

    def _names(self) -> dict[OutlineEntry | None, Names]:
        """Return what the tasks and groups may be called, from where those of each group stand."""
        known: dict[str, list[str]] = {}
        for entry in self._entries:
            ids = [leaf.id for leaf in entry.leaves()]
            for name in (entry.id, *names_of(entry.text)):
                if name:
                    known.setdefault(name.casefold(), ids)
        order = [task.id for task in self.tasks]
        longest = sorted(known, key=len, reverse=True)
        pattern = "|".join((*map(re.escape, longest), SHAPE, r"\d+(?:\.\d+)*"))
        first = Names(id_pattern(pattern), known, order)
        names: dict[OutlineEntry | None, Names] = {}
        for parent in dict.fromkeys(entry.parent for entry in self._entries):
            numbers: dict[str, list[str]] = {}
            for entry in parent.below if parent else ():
                number = entry.number
                if number is None and (found := re.search(r"\d+$", entry.id)) and not entry.id.startswith("T-"):
                    number = int(found[0])
                if number is not None:
                    numbers.setdefault(str(number), [leaf.id for leaf in entry.leaves()])
            names[parent] = first.with_numbers(numbers)
        shaped = {id: ids for id, ids in known.items() if re.fullmatch(SHAPE, id, re.IGNORECASE)}
        self._ids = Names(id_pattern(SHAPE), shaped, order)
        return names

    # ── what it waits for ────────────────────────────────────────────────────────────────────────────────────────────

    def _take_needs(self, entry: OutlineEntry, names: dict[OutlineEntry | None, Names]) -> None:
        mine, here = {leaf.id for leaf in entry.leaves()}, names[entry.parent]
        head = PARALLEL.sub("", entry.node.text.split("\n")[0])
        for value, is_weak in entry.fields.needs:
            listed = read_ids(value, 0, here)
            rest = value[listed.end :].strip(" .,;")
            unknown = [*listed.unknown, *([rest] if rest and not rest.startswith("(") else [])]
            if is_weak and not listed.needs and not self._is_alike(unknown):
                entry.fields.text = "\n\n".join(filter(None, (entry.fields.text, f"Requires: {value}")))
                continue
            self._take(entry, mine, listed, unknown)
        for inside, is_weak in asides(head):
            listed = read_ids(inside, 0, here)
            rest = inside[listed.end :].strip(" .,;")
            if listed.is_number and rest[:1].isalnum():
                continue
            if is_weak and not listed.needs and not self._is_alike([rest]):
                continue
            self._take(entry, mine, listed, listed.unknown or ([] if listed.needs else [rest or inside]))
        bare = without_dependencies(head)
        text = f"{bare}\n{entry.fields.text}"
        for line in text.split("\n"):
            if (found := trailing(line, here)) is not None:
                self._take(entry, mine, found, ())
        for listed, is_weak in phrases(text, self._ids):
            known = [id for id in listed.unknown if self._is_of_series(id)]
            self._take(entry, mine, listed, () if is_weak else known)

    def _take_blocks(self, entry: OutlineEntry, names: Names) -> None:
        """Take what a task or group says waits for it."""
        mine = {leaf.id for leaf in entry.leaves()}
        for value in entry.fields.blocks:
            listed = read_ids(value, 0, names)
            for other in self.tasks:
                if other.id in dict(listed.needs):
                    other.needs.update((id, "order" if entry.below else "data") for id in mine)
            self._take(entry, mine, listed._replace(needs=[]), listed.unknown)

    def _take(self, entry: OutlineEntry, mine: set[str], listed: IdList, unknown: Iterable[str]) -> None:
        for need, kind in listed.needs:
            if need not in mine:
                is_group = kind == "data" and need in listed.of_groups
                entry.needs.setdefault(need, "order" if is_group else kind)
        name, where = one_line(headline(entry.text), 60), self._document.where(entry.node)
        for words in () if not entry.below and self._is_done(entry) else unknown:
            close = [each for each in self._alike(words) if each != entry.id]
            what = f"“{name}” is to come after “{one_line(words, 60)}”, which names nothing"
            hint = f"did you mean “{close[0]}”?" if close else "name a task as it is written there"
            self._problems.append(Problem(what, where, hint, "unknown_dependency"))

    def _is_alike(self, words: Sequence[str]) -> bool:
        return any(self._alike(each) for each in words)

    def _alike(self, words: str) -> list[str]:
        """Return the name that a user may have mistyped."""
        known = [name for entry in self._entries for name in (entry.id, *names_of(entry.text)) if name]
        folded = {name.casefold(): name for name in known}
        close = difflib.get_close_matches(words.casefold(), folded, n=1)
        return [folded[each] for each in close]

    def _is_of_series(self, id: str) -> bool:
        series = re.sub(r"\d.*", "", id).casefold()
        return any(re.sub(r"\d.*", "", entry.id).casefold() == series for entry in self._entries if entry.id)

    def _put_in_order(self, siblings: Sequence[OutlineEntry], items: dict[OutlineEntry, Item]) -> None:
        """Put what is counted one after the other, unless some of it says what it waits for."""
        pluralize = [each for each in siblings if each.number is not None]
        mine = {leaf.id: each for each in pluralize for leaf in each.leaves()}
        inside = (
            mine[need] is not each
            for each in pluralize
            for leaf in each.leaves()
            for need in items[leaf].needs
            if need in mine
        )
        if len(pluralize) < 2 or any(inside):
            return
        keyed = groupby(enumerate(pluralize), key=lambda pair: -1 if pair[1].is_parallel else pair[0])
        stages = [[items[leaf] for _, each in stage for leaf in each.leaves()] for _, stage in keyed]
        wait_for_stages(list(items.values()), stages)

    # ── what it says ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _item(self, entry: OutlineEntry) -> Item:
        groups = list(entry.groups())
        values = dict(entry.fields.values)
        for group in groups:
            for name in _INHERITED & group.fields.values.keys():
                said = group.fields.values[name]
                values[name] = [*values.get(name, ()), *said] if name in LISTS else values.get(name, said)
        head = COUNTED.sub("", entry.text) or entry.text
        details = "\n\n".join(filter(None, (values.pop("description", ""), entry.fields.text)))
        is_script = values.get("agent") == "shell" and "command" not in values
        if is_script and _FENCED.fullmatch(details):
            values["command"], details = details, ""
        return Item(
            id=entry.id,
            where=self._document.where(entry.node),
            name=self._name(entry, head),
            text=head,
            details=details,
            is_done=self._is_done(entry),
            is_parallel=entry.is_parallel,
            hints=list(self._context(groups)),
            fields=values,
        )

    def _name(self, entry: OutlineEntry, head: str) -> str:
        bare = without_dependencies(head)
        if (phrase := trailing(bare, self._here[entry.parent])) is not None:
            bare = bare[: phrase.start].rstrip(" ,;–—-") or bare
        split = SPLIT.fullmatch(bare)
        return split[1] if split else bare

    def _is_done(self, entry: OutlineEntry) -> bool:
        """Whether its box is ticked, or those of all its steps; without any that of its group counts."""
        steps = self._document.items(entry.node) if entry.node.is_heading else (entry.node,)
        boxes = [each for each in steps if each.box is not None]
        if not boxes:
            return any(each.is_done for each in entry.node.upward())
        return all(each.is_done for each in boxes)

    def _context(self, groups: Sequence[OutlineEntry]) -> Iterator[str]:
        """What the file says about the groups a task stands in: their words are in no other place."""
        if groups:
            heads = [headline(COUNTED.sub("", each.text) or each.text) for each in groups]
            yield f"Part of: {' › '.join(reversed(heads))}"
        for group in groups:
            about = f"About “{headline(group.text)}”"
            if group.fields.text:
                yield f"{about}: {group.fields.text}"
            for name, value in group.fields.values.items():
                if name not in _INHERITED:
                    yield f"{about}: {name}: {value if isinstance(value, str) else ', '.join(value)}"

    def _warn(self, items: Sequence[Item]) -> None:
        self._problems += unclear(self._document, [entry.node for entry in self._entries])
        if self._has_boxes:
            self._warnings += self._without_box()
        waits = {item.id: set(item.needs) for item in items}
        for section in self._sections:
            self._warnings += self._of_section(section)
        for task, item in zip(self.tasks, items, strict=True):
            self._warnings += self._mentioned(task, item, waits)

    def _without_box(self) -> list[Problem]:
        """Return that there are items without a box among others that have one."""
        nodes = {entry.node for entry in self._entries}
        lists = {node.parent for node in nodes if node.box is not None}
        left = [each for each in self._document.items() if each.parent in lists and each not in nodes]
        left = [each for each in left if each.parent and not each.parent.is_item]
        lacks = "a box, beside others that have one"
        return left_out(self._document, left, lacks, "begin a task with `- [ ]`")

    def _of_section(self, node: OutlineNode) -> Iterator[Problem]:
        if words := one_line(self._document.text(node), 60):
            what = f"“{one_line(node.text, 60)}” makes no dependency: “{words}”"
            hint = "write `(after NAME)` behind the task that waits, if that is a task of this file"
            yield Problem(what, self._document.where(node), hint, "unheard")

    def _mentioned(self, task: OutlineEntry, item: Item, waits: dict[str, set[str]]) -> Iterator[Problem]:
        for id in self._ids.mentioned(f"{task.text}\n{task.fields.text}"):
            others = [each for each in self._ids.tasks_named(id) if each != item.id]
            is_ordered = any(comes_after(waits, item.id, each) or comes_after(waits, each, item.id) for each in others)
            if others and not is_ordered:
                what = f"“{id}” names another task, and makes no dependency"
                hint = f"if it is to wait for that, write `(after {id})`"
                yield Problem(what, item.where, hint, "unheard")


_FENCED = re.compile(r"(`{3,}|~{3,})(?:sh|bash|shell|python)?\s*\n.*\n\1", re.DOTALL)
