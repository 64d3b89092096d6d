"""Checklists whose tasks are counted, ``- [ ] 2.1 Create the parser``: what Kiro's and OpenSpec's have in common."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.errors import Problem
from orchestrator.planner.outlines.document import Document, OutlineNode
from orchestrator.planner.outlines.items import Item, other_boxes, part_of, unclear, unknown
from orchestrator.planner.outlines.references import Names, id_pattern, phrases

NUMBER = r"\d{1,4}(?:\.\d{1,4}[a-z]?)*"
_HEAD = re.compile(rf"(?:\*\*)?(\*?)({NUMBER})(\*?)([.):]?)(?:\*\*)?\s+(?=\S)")
_PARALLEL = re.compile(r"(?<!\s)\s*+\(P\)\s*")


class Counted(NamedTuple):
    """An item with a box and a number."""

    node: OutlineNode
    number: str
    text: str
    is_optional: bool = False


def counted_items(document: Document) -> list[Counted]:
    """Return the items with a box and a number, from the top; ``3.`` is one, and ``3`` is a word of the text."""
    found = []
    for node in document.items():
        head = _HEAD.match(node.text) if node.box is not None else None
        if head is not None and ("." in head[2] or head[4]):
            is_optional = node.is_optional or bool(head[1] or head[3])
            found.append(Counted(node, head[2], node.text[head.end() :], is_optional))
    return found


def outnumber(document: Document, found: Sequence[Counted]) -> bool:
    """Whether most boxes have a number, but for those of the points of such an item."""
    return len(found) > len(other_boxes(document, [each.node for each in found]))


def leaves(found: Sequence[Counted]) -> list[Counted]:
    """Return those that are no group: no other number begins with theirs."""
    groups = {above for each in found for above in _above(each.number)}
    return [each for each in found if each.number not in groups]


def _above(number: str) -> Iterator[str]:
    """Yield the numbers of the groups that a number is in: of ``2.1.3`` it is ``2.1`` and ``2``."""
    while number := number.rpartition(".")[0]:
        yield number


def read_counted(
    document: Document, found: Sequence[Counted], fine: str = ""
) -> tuple[list[Item], Names, list[Problem]]:
    """Return the tasks among counted items, what they may be called, and what is wrong with them.

    *fine* are signs in a box that mean open.
    """
    last = leaves(found)
    items = [_item(document, each, found) for each in last]
    ids = [item.id for item in items]
    meant = {each.number: [id for id in ids if f"{id}.".startswith(f"{each.number}.")] for each in found}
    names = Names(id_pattern(NUMBER), meant, ids)
    problems = unclear(document, [each.node for each in found], fine)
    by_id = {item.id: item for item in items}
    for each in found:
        mine = [by_id[id] for id in meant[each.number]]
        is_group = each not in last
        details = document.own_text(each.node) if is_group else mine[0].details
        problems += _take_needs(document, each, details, mine, names)
    return items, names, problems


def _item(document: Document, one: Counted, found: Sequence[Counted]) -> Item:
    nodes = {each.node for each in found}
    around = set(one.node.upward())
    hints = list(part_of(document, one.node))
    for group in found:
        # In a flat list a group stands before its tasks, and not around them.
        if group.number in _above(one.number) and group.node not in around:
            hints.append(f"Part of: {group.text}")
            if text := document.text(group.node, nodes.intersection(group.node.walk())):
                hints.append(f"About “{group.text}”: {text}")
    text = _PARALLEL.sub(" ", one.text).strip()
    return Item(
        id=one.number,
        where=document.where(one.node),
        text=text or one.number,
        details=document.text(one.node, nodes.intersection(one.node.walk())),
        is_done=one.node.is_done,
        is_parallel=text != one.text.strip(),
        section=one.number.rpartition(".")[0],
        hints=hints,
    )


def _take_needs(
    document: Document, one: Counted, details: str, items: Sequence[Item], names: Names
) -> Iterator[Problem]:
    """Take what a task or a group names. What a group waits for is only done before each of its tasks."""
    mine = {item.id for item in items}
    for listed, is_weak in phrases(f"{one.text}\n{details}", names, is_number=True):
        for item in items:
            for need, kind in listed.needs:
                if need not in mine:
                    item.needs[need] = kind if len(items) == 1 else "order"
        where = document.where(one.node)
        yield from (unknown(one.number, each, where) for each in listed.unknown if not is_weak and not one.node.is_done)
