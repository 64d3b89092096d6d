"""OpenSpec's ``tasks.md``: ``- [ ] 1.1 Create the schema`` below ``## 1. Implementation``, done from top to bottom."""

from __future__ import annotations

import re
from collections.abc import Iterator

from orchestrator.planner.outlines.document import Document, OutlineNode
from orchestrator.planner.outlines.items import (
    Counted,
    OutlineResult,
    counted_items,
    drafted,
    in_sequence,
    left_out,
    other_boxes,
    outnumber,
    read_counted,
)

FORM = "openspec"
_HEADING = re.compile(r"(\d{1,3})[.)]\s+\S")


def recognises(document: Document) -> bool:
    """Whether most boxes have a number below that of a heading, or stand below such a heading without one."""
    found = counted_items(document)
    groups = {_heading(each) for each in document.items() if each.box is not None}
    return outnumber(document, found) or (len(groups) > 1 and None not in groups)


def read(document: Document) -> OutlineResult:
    """Return the boxes as tasks; one without a number has that of its heading and its place there."""
    found = list(_numbered(document))
    items, _, problems = read_counted(document, found)
    in_sequence(items)
    left = other_boxes(document, [each.node for each in found])
    hint = "give each a number, as in `- [ ] 2.1 Write the tests`"
    return drafted(document, items, FORM, problems, left_out(document, left, "a number", hint))


def _numbered(document: Document) -> Iterator[Counted]:
    own = {each.node: each for each in counted_items(document)}
    used = {each.number for each in own.values()}
    places: dict[str, int] = {}
    for node in document.items():
        heading = _heading(node)
        if node in own:
            yield own[node]
        elif node.box is not None and heading and not any(above.is_item for above in node.upward()):
            places[heading] = places.get(heading, 0) + 1
            while (number := f"{heading}.{places[heading]}") in used:
                places[heading] += 1
            used.add(number)
            yield Counted(node, number, node.text)


def _heading(node: OutlineNode) -> str | None:
    """Return the number of the heading that an item stands below."""
    headings = (_HEADING.match(each.text) for each in node.upward() if each.is_heading)
    return next((found[1] for found in headings if found), None)
