"""Kiro's ``tasks.md``: ``- [ ] 2. Implement the parser`` with ``- [ ] 2.1 …`` below it, and points of detail.

The tasks are the lowest numbers. They are done one after the other; those with ``(P)`` beside their neighbours of the
same group, and all as the waves of a ``Task Dependency Graph`` say where there is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.core.text import join_first
from orchestrator.errors import Problem
from orchestrator.planner.outlines.document import Document
from orchestrator.planner.outlines.items import (
    Counted,
    Item,
    OutlineResult,
    counted_items,
    drafted,
    in_sequence,
    leaves,
    left_out,
    other_boxes,
    outnumber,
    read_counted,
    wait_for_stages,
)
from orchestrator.planner.outlines.references import Names

FORM = "kiro"
_REQUIREMENTS = re.compile(r"(?m)^\s*[-*] +_Requirements: .*_\s*$")
_WAVES = re.compile(r"```(?:json)?\s*(\{\s*\"waves\".*?\})\s*```", re.DOTALL)
#: Signs in the box of a task that Kiro has begun, or has put into its queue.
_UNDER_WAY = "-~"
_MOST_NAMED = 10


def recognises(document: Document) -> bool:
    """Whether most boxes have a number, some of them at the top, or one names its requirements."""
    found = counted_items(document)
    is_at_top = any("." not in each.number for each in found)
    return outnumber(document, found) and (is_at_top or any(map(_REQUIREMENTS.match, document.lines)))


def read(document: Document) -> OutlineResult:
    """Return the lowest numbers as tasks; what is optional is named and left out."""
    found = counted_items(document)
    optional = [each for each in leaves(found) if each.is_optional and not each.node.is_done]
    items, names, problems = read_counted(document, found, _UNDER_WAY)
    waves = _waves(document, names)
    if waves:
        by_id = {item.id: item for item in items}
        wait_for_stages(items, _with_others(items, [[by_id[id] for id in wave] for wave in waves]))
    else:
        in_sequence(items)
    not_meant = {each.number for each in optional}
    for item in items:
        if item.id in not_meant:
            _pass_on(item, items)
    planned = [item for item in items if item.id not in not_meant]
    warnings = [*_left_out(document, optional), *_others(document, found)]
    return drafted(document, planned, FORM, problems, warnings)


def _pass_on(passed: Item, items: Sequence[Item]) -> None:
    """Have anyone who waits for a task that is left out wait for what it waits for."""
    for item in items:
        if item.needs.pop(passed.id, None) is not None:
            for need in passed.needs:
                item.needs.setdefault(need, "order")


def _left_out(document: Document, optional: Sequence[Counted]) -> list[Problem]:
    if not optional:
        return []
    numbers = join_first([each.number for each in optional], _MOST_NAMED)
    hint = "take the star away to have them done, too"
    where = document.where(optional[0].node)
    return [Problem(f"optional (*), and not planned: {numbers}", where, hint, "optional")]


def _others(document: Document, found: Sequence[Counted]) -> list[Problem]:
    left = other_boxes(document, [each.node for each in found])
    return left_out(document, left, "a number", "give each a number, as in `- [ ] 2.1 Write it`")


def _waves(document: Document, names: Names) -> list[list[str]]:
    """Return the waves that the file names, each with its tasks; none where it has none, or none that can be read."""
    found = _WAVES.search("\n".join(document.lines))
    try:
        data = json.loads(found[1]) if found else {}
    except ValueError:
        return []
    listed = data.get("waves")
    waves = [_tasks(each) for each in listed] if isinstance(listed, list) else []
    seen: set[str] = set()
    result = []
    for wave in waves:
        meant = [id for each in wave for id in names.tasks_named(str(each)) if id not in seen]
        seen.update(meant)
        result.append(list(dict.fromkeys(meant)))
    return [each for each in result if each]


def _tasks(wave: Any) -> Sequence[Any]:
    tasks = wave.get("tasks") if isinstance(wave, Mapping) else wave
    return tasks if isinstance(tasks, list) else ()


def _with_others(items: Sequence[Item], waves: Sequence[Sequence[Item]]) -> list[list[Item]]:
    """Give each task that no wave has, a checkpoint mostly, a place behind all that stand above it."""
    place = {item: number for number, item in enumerate(items)}
    stages = [list(each) for each in waves]
    named = {item for wave in waves for item in wave}
    for item in items:
        if item not in named:
            above = [number for number, stage in enumerate(stages) if any(place[each] < place[item] for each in stage)]
            stages.insert(above[-1] + 1 if above else 0, [item])
    return stages
