"""Plans of superpowers: ``### Task 2: Show the badge`` with files, steps and code below it, one task after the other.

A task is the whole section: its steps are boxes of its own. What the file says outside of its tasks (goal, constraints,
phases) is added to each task that it holds for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.planner.outlines.document import Document, OutlineNode, without_rules
from orchestrator.planner.outlines.items import Item, OutlineResult, drafted, in_sequence
from orchestrator.planner.outlines.references import Names, id_pattern, read_ids

FORM = "superpowers"
_NUMBER = r"\d{1,4}(?:\.\d{1,4})?[a-z]?"
_TASK = re.compile(
    rf"(?:\[(.)\]\s*)?(?:[^\w\s]+\s*)?Task\s+({_NUMBER})\b\s*[:.)—–-]*\s*(.*)", re.IGNORECASE | re.DOTALL
)
_STEP = re.compile(r"(?m)^(?:[-*] (?:\[.?\] )?)?\*\*(?:Step \d|Files?[ :*]|Interfaces:)")
_MARKER = re.compile(r"(?im)^>.*\bfor (?:agentic workers|claude)\b")
_MENTION = re.compile(r"\btasks?\s+(?=\d)", re.IGNORECASE)
_DONE = re.compile(r"[✅✔✓☑]")


def recognises(document: Document) -> bool:
    """Whether there are sections called ``Task N``, and steps and files in them or the line for its workers."""
    tasks = _tasks(document)
    return bool(tasks) and (
        _MARKER.search("\n".join(document.lines)) is not None
        or any(_STEP.search(document.text(node)) for node in tasks)
    )


def read(document: Document) -> OutlineResult:
    """Return each section called ``Task N`` as a task."""
    nodes = _tasks(document)
    items = [_item(document, node) for node in nodes]
    ids = [item.id for item in items]
    numbers = [_parts(node)[0].casefold() for node in nodes]
    names = Names(id_pattern(_NUMBER), {number: (id,) for number, id in zip(numbers, ids, strict=True)}, ids)
    for place, item in enumerate(items):
        for mention in _MENTION.finditer(item.details):
            for need, kind in read_ids(item.details, mention.end(), names).needs:
                if need in ids[:place]:
                    item.needs[need] = kind
    for item, node in zip(items, nodes, strict=True):
        item.details = "\n\n".join((item.details, *_around(document, node, nodes)))
    in_sequence(items)
    return drafted(document, items, FORM)


def _tasks(document: Document) -> list[OutlineNode]:
    found = [each for each in document.root.walk() if each.is_heading and _TASK.match(each.text)]
    return [each for each in found if not any(above in found for above in each.upward())]


def _parts(node: OutlineNode) -> tuple[str, str]:
    found = _TASK.match(node.text)
    assert found is not None
    return found[2], found[3].strip()


def _item(document: Document, node: OutlineNode) -> Item:
    number, text = _parts(node)
    boxes = [each for each in document.items(node) if each.box is not None]
    is_done = bool(boxes) and all(each.is_done for each in boxes)
    padded = f"{number:>02}" if number.isdecimal() else number
    return Item(
        id=f"T-{padded}",
        where=document.where(node),
        text=_DONE.sub("", text).strip() or f"Task {number}",
        details=document.text(node),
        is_done=is_done or _DONE.search(node.text) is not None or "[x]" in node.text.lower(),
    )


def _around(document: Document, node: OutlineNode, nodes: list[OutlineNode]) -> Iterator[str]:
    """Yield what the file says outside of its tasks: at its top, and in the sections that a task stands in."""
    holders = {above for each in nodes for above in each.upward()}
    # The constraints for all are often the last section before the first task, which then stands in it.
    context = {*node.upward(), *nodes[0].upward()}
    for each in (document.root, *document.root.walk()):
        if each in context or each is document.root:
            text = document.text(each, [other for other in each.walk() if other in holders or other in nodes])
            if text := without_rules(text):
                yield f"**About “{each.text}”**\n\n{text}" if each.text else text
