"""What every form comes down to: tasks in the order of the file, what each waits for, and the draft they make."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestrator.core.text import join_first, one_line, pluralize
from orchestrator.errors import Problem
from orchestrator.plan.columns import plain
from orchestrator.planner.outlines.document import Document, OutlineNode
from orchestrator.planner.outlines.references import Names, id_pattern, phrases, without_dependencies

_LONGEST_NAME = 80
#: Emphasis and code in a name; the stars of a pattern or a power stand elsewhere.
_MARKS = re.compile(r"(?<![\w*/])\*\*(?=[^\s*/])((?:[^*]|\*(?!\*))+?)(?<=[^\s*/])\*\*(?![\w*/])|(?<!`)`([^`]+)`(?!`)")
_MOST_NAMED = 10


class OutlineResult(NamedTuple):
    """What a file proposes, still to be checked by ``core.draft_check``."""

    data: Any = None
    places: tuple[str, ...] = ()
    """Where each task stands."""
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    form: str = ""
    """The form of plan it was read as."""
    settings: Mapping[str, Any] = {}
    """For the front matter of the plan."""


@dataclass(slots=True, eq=False)
class Item:
    """One task of a file."""

    id: str
    where: str
    text: str
    """Its first words."""
    name: str = ""
    """What it is called; empty: its first words."""
    details: str = ""
    """What else it consists of, as it stands there."""
    is_done: bool = False
    is_parallel: bool = False
    """Marked as one that may run beside its neighbours."""
    section: object = None
    """Where parallel tasks end: those of two sections never run beside each other."""
    needs: dict[str, str] = field(default_factory=dict)
    """What it names as its dependencies → of what kind."""
    hints: list[str] = field(default_factory=list)
    fields: dict[str, Any] = field(default_factory=dict)
    """Further fields of a draft."""


def headline(text: str) -> str:
    """Return a text as a name: one line, without marks and without what it says about order in brackets."""
    bare = _MARKS.sub(lambda found: found[1] or found[2], plain(without_dependencies(text)))
    return one_line(bare.strip() or text, _LONGEST_NAME)


def in_sequence(items: Sequence[Item]) -> None:
    """Make each task wait for the one before it; tasks marked as parallel run beside each other in their section."""
    wait_for_stages(items, [list(each) for _, each in groupby(items, _stage(items))])


def _stage(items: Sequence[Item]) -> Any:
    """Return a key that is the same for neighbours that may run beside each other."""
    numbers = {item: number for number, item in enumerate(items)}
    return lambda item: (item.section, -1 if item.is_parallel else numbers[item])


def wait_for_stages(items: Sequence[Item], stages: Iterable[Sequence[Item]]) -> None:
    """Make each task wait for the stage before it, in which something is left to do.

    What a task itself names counts more: where it comes after a task that stands below it, the order of the list gives
    way.
    """
    waits = {item.id: item.needs for item in items}
    before: list[Item] = []
    for stage in stages:
        for item in stage:
            for other in before:
                if not comes_after(waits, other.id, item.id):
                    item.needs.setdefault(other.id, "order")
        before = [item for item in stage if not item.is_done] or before


def comes_after(waits: Mapping[str, Collection[str]], id: str, other: str) -> bool:
    """Whether one task waits for another, by way of others perhaps."""
    waiting, seen = [id], {id}
    while waiting:
        needs = waits.get(waiting.pop(), ())
        if other in needs:
            return True
        waiting += [need for need in needs if need not in seen]
        seen.update(needs)
    return False


def part_of(document: Document, node: OutlineNode) -> Iterator[str]:
    """Yield what a file says about the sections that a task stands in."""
    title = document.title
    groups = [each for each in node.upward() if each is not title]
    if groups:
        yield f"Part of: {' › '.join(plain(one_line(each.text)) for each in reversed(groups))}"
    for each in reversed(groups):
        if text := document.own_text(each):
            yield f"About “{headline(each.text)}”: {text}"
    if title is not None and (text := document.own_text(title)):
        yield f"About “{headline(title.text)}”: {text}"


def drafted(
    document: Document,
    items: Sequence[Item],
    form: str,
    problems: Iterable[Problem] = (),
    warnings: Iterable[Problem] = (),
) -> OutlineResult:
    """Return the draft that the tasks of a document make, with its title and what stands below that as the request."""
    title = document.title
    request = document.own_text(title) if title else ""
    about = {"title": plain(title.text) if title else "", "request": request}
    return drafted_items(document.file, items, form, problems, warnings=warnings, about=about)


def drafted_items(
    file: str,
    items: Sequence[Item],
    form: str,
    problems: Iterable[Problem] = (),
    *,
    warnings: Iterable[Problem] = (),
    about: Mapping[str, Any] = MappingProxyType({}),
) -> OutlineResult:
    """Return the draft that some tasks make; those that are done are named and not planned again."""
    found = [*problems]
    todo = [item for item in items if not item.is_done]
    done = {item.id for item in items if item.is_done}
    if not todo and not found:
        message = f"all {len(items)} tasks are done" if items else f"no task of the form {form}"
        hint = "open again what is to be done again" if items else "docs/plans-of-others.md shows each form"
        found.append(Problem(message, f"{file}:1", hint, "empty_plan"))
    tasks = [
        {
            "id": item.id,
            "name": name,
            "description": "\n\n".join(filter(None, (item.text, item.details))),
            "needs": [{"id": need, "kind": kind} for need, kind in item.needs.items() if need not in done],
            **item.fields,
            "hints": [*item.fields.get("hints", ()), *item.hints],
        }
        for item, name in zip(todo, _names(todo), strict=True)
    ]
    places = tuple(item.where for item in todo)
    notes = (*_ticked(items), *warnings)
    return OutlineResult({**about, "tasks": tasks}, places, tuple(found), notes, form)


def _names(items: Sequence[Item]) -> list[str]:
    """Return a name for each task: two with the same one are distinguished by their ids."""
    names = [headline(item.name or item.text) for item in items]
    folded = [name.casefold() for name in names]
    return [
        f"{one_line(name, _LONGEST_NAME - len(item.id) - 3)} ({item.id})" if folded.count(name.casefold()) > 1 else name
        for item, name in zip(items, names, strict=True)
    ]


def _ticked(items: Sequence[Item]) -> Iterator[Problem]:
    if done := [item for item in items if item.is_done]:
        ids = join_first([item.id for item in done], _MOST_NAMED)
        hint = "open again what is to be done again"
        yield Problem(f"done, and not planned again: {ids}", done[0].where, hint, "ticked")


def unclear(document: Document, nodes: Iterable[OutlineNode], fine: str = "") -> list[Problem]:
    """Return a problem for each box that says neither open nor done; *fine* are signs that mean open here."""
    return [
        Problem(
            f"[{node.box}] says neither that it is open nor that it is done",
            document.where(node),
            "write [ ] or [x]",
            "unclear_box",
        )
        for node in nodes
        if node.box and not node.is_done and node.box not in f" {fine}"
    ]


def unknown(id: str, need: str, where: str) -> Problem:
    """Return the problem that a task names what is none."""
    message = f"{id} depends on {one_line(need, 60)}, which is no task of this file"
    return Problem(message, where, "correct it, or take it out", "unknown_dependency")


def other_boxes(document: Document, nodes: Collection[OutlineNode]) -> list[OutlineNode]:
    """Return the boxes that are none of some tasks, and none of the points below them."""
    taken = set(nodes)
    return [
        each
        for each in document.items()
        if each.box is not None and each not in taken and taken.isdisjoint(each.upward())
    ]


def left_out(document: Document, nodes: Sequence[OutlineNode], lacks: str, hint: str) -> list[Problem]:
    """Return the warning that some items are not planned, for want of something."""
    todo = [each for each in nodes if not each.is_done]
    if not todo:
        return []
    message = f"{pluralize(len(todo), 'item')} without {lacks}: not planned"
    return [Problem(message, document.where(todo[0]), hint, "not_a_task")]


# ── numbered boxes ────────
#
# Checklists whose tasks are counted, ``- [ ] 2.1 Create the parser``: what Kiro's and OpenSpec's have in common.

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
