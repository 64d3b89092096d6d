"""The tasks and groups of a checklist: what each is called, its number, and its id."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.plan.columns import plain
from orchestrator.planner.outlines.document import OutlineNode
from orchestrator.planner.outlines.fields import Fields
from orchestrator.planner.outlines.references import without_dependencies, without_phrase

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
