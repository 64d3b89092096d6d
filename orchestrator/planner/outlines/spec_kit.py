"""GitHub's Spec Kit: ``- [ ] T004 [P] [US1] Create the model in src/model.py (depends on T003)`` in phases.

One phase comes after the other, and in a phase one task after the other but for those with ``[P]``. What stands in
sections without such tasks (the format, the notes, the strategy) is about the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from orchestrator.errors import Problem
from orchestrator.planner.outlines.document import Document, OutlineNode
from orchestrator.planner.outlines.items import (
    Item,
    OutlineResult,
    drafted,
    in_sequence,
    left_out,
    other_boxes,
    part_of,
    unclear,
    unknown,
)
from orchestrator.planner.outlines.references import Names, id_pattern, phrases, read_ids

FORM = "spec-kit"
_ID = r"T\d{1,5}(?:\.\d+)?[a-z]?"
_HEAD = re.compile(rf"(?:\*\*|`)?({_ID})(?:\*\*|`)?[:.]?(?:\*\*)?\s+(?=\S)")
_MARK = re.compile(r"\[(P|US-?\d+[a-z]?|[A-Z][\w -]{0,20})\](?!\()\s*")
#: A line such as ``T008 blocks T009, T015`` or ``Tests (T004-T007) before T008``: the first, then the second.
_THEN = re.compile(r"\bblocks?\b|\bbefore\b|-+>|=+>|→|⇒")


def recognises(document: Document) -> bool:
    """Whether most boxes stand before an id such as ``T001``."""
    tasks = _tasks(document)
    return len(tasks) > len(other_boxes(document, tasks))


def _tasks(document: Document) -> list[OutlineNode]:
    return [each for each in document.items() if each.box is not None and _HEAD.match(each.text)]


def read(document: Document) -> OutlineResult:
    """Return the tasks of all phases."""
    nodes = [each for each in document.items() if each.box is not None and _HEAD.match(each.text)]
    items = [_item(document, node) for node in nodes]
    ids = [item.id for item in items]
    names = Names(id_pattern(_ID), {id.casefold(): (id,) for id in ids}, ids)
    problems = unclear(document, nodes)
    for item in items:
        problems += _take_needs(item, names)
    warnings = [*_take_sections(document, nodes, items, names), *_without_id(document, nodes)]
    in_sequence(items)
    return drafted(document, items, FORM, problems, warnings)


def _item(document: Document, node: OutlineNode) -> Item:
    head = _HEAD.match(node.text)
    assert head is not None
    text = node.text[head.end() :]
    marks: list[str] = []
    while (mark := _MARK.match(text)) is not None and (mark[1] == "P" or len(marks) < 2):
        marks.append(mark[1])
        text = text[mark.end() :]
    item = Item(
        id=head[1],
        where=document.where(node),
        text=text or head[1],
        details=document.text(node),
        is_done=node.is_done,
        is_parallel="P" in marks,
        section=_heading(node),
        hints=list(part_of(document, node)),
    )
    if stories := [mark for mark in marks if mark != "P"]:
        item.hints.insert(0, f"Story: {', '.join(stories)}")
    return item


def _take_needs(item: Item, names: Names) -> Iterator[Problem]:
    for listed, _ in phrases(f"{item.text}\n{item.details}", names):
        for need, kind in listed.needs:
            if need != item.id:
                item.needs[need] = kind
        if not item.is_done:
            yield from (unknown(item.id, id, item.where) for id in listed.unknown)


def _take_sections(
    document: Document, nodes: Sequence[OutlineNode], items: Sequence[Item], names: Names
) -> Iterator[Problem]:
    """Take what sections without tasks say about order: ``T008 blocks T009``, ``T011 depends on T009``."""
    place = {item.id: number for number, item in enumerate(items)}
    of_task = {line for node in nodes for line in range(node.start, node.end)}
    for node in document.items():
        if node.start in of_task:
            continue
        for first, last in _ordered(" ".join(node.text.split()), names):
            for each in last:
                for other in first:
                    if place[other] < place[each]:
                        items[place[each]].needs.setdefault(other, "order")
                    elif other != each:
                        what = f"says that {other} comes before {each}, which stands above it"
                        hint = "put the tasks in that order, or write `(depends on …)` behind the one that waits"
                        yield Problem(what, document.where(node), hint, "unheard")


def _ordered(text: str, names: Names) -> Iterator[tuple[list[str], list[str]]]:
    """Yield which tasks come before which others by the words of a line."""
    for listed, _ in phrases(text, names):
        yield [need for need, _ in listed.needs], _ids(text[: listed.start], names)
    parts = [_ids(part, names) for part in _THEN.split(text)]
    yield from pairwise(parts)


def _ids(text: str, names: Names) -> list[str]:
    return list(dict.fromkeys(id for ids in _rows(text, names) for id in ids))


def _rows(text: str, names: Names) -> Iterator[list[str]]:
    at = 0
    while at < len(text):
        listed = read_ids(text, at, names)
        if listed.end > at:
            yield [need for need, _ in listed.needs]
            at = listed.end
        else:
            at += 1


def _without_id(document: Document, nodes: Sequence[OutlineNode]) -> list[Problem]:
    """Return that there are boxes which are no task in the phases; what others check is about the file."""
    phases = {_heading(node) for node in nodes}
    left = [each for each in other_boxes(document, nodes) if _heading(each) in phases]
    return left_out(document, left, "an id such as T001", "give each task an id")


def _heading(node: OutlineNode) -> OutlineNode | None:
    return next((each for each in node.upward() if each.is_heading), None)
