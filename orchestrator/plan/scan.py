"""Where the tables of a plan are, found without a parser: what ``add`` does a hundred times cannot wait for one.

Only what can be told with certainty is told: a table that begins on a fresh line and whose rows begin with a bar. As
soon as anything in the file could be read in two ways, the answer is None, and ``plan_text.own_text`` is asked.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.plan.blocks import fence_closes, fence_opens
from orchestrator.plan.columns import read_header
from orchestrator.plan.document import OwnText, TaskTable, has_texts, own_text, task_sheets
from orchestrator.plan.front_matter import find_marks
from orchestrator.plan.lines import Lines, conflict
from orchestrator.plan.sections import without_regions
from orchestrator.plan.tables import Table, split_row

_DELIMITER = re.compile(r" {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_UNSURE = re.compile(r"[ \t>*+\-\d.)]+(?:```|~~~)| {0,3}<")
_BARRED = re.compile(r"[ \t>*+\-\d.):]*\|")
_HEADING = re.compile(r"#{1,6}(?:[ \t]|$)")
_AGENT = re.compile(r"""agent:[ \t]*(["']?)([A-Za-z0-9._-]+)\1[ \t]*(?:#.*)?""")
_BLANKS = " \t"


class PlanScan(NamedTuple):
    """The tables of tasks in a plan, and the lines they stand in."""

    file: Lines
    lines: Sequence[str]
    """The person's own lines, bare; those of front matter and of our sections are empty."""
    sheets: tuple[TaskTable, ...]
    agent: str
    """The default agent of the plan; empty when it names none."""
    word: str = "T-"
    """What the id of its first task begins with (seed row S4-10)."""
    own: OwnText | None = None
    """What else stands in the plan, as a parser sees it; None when plainly no other line is like the row of a task."""

    @property
    def is_half_merged(self) -> bool:
        """Whether a merge is unresolved in what is a person's: a new row would stand in one side of it."""
        return conflict("\n".join(without_regions(self.file.bare())), "") is not None


def find_places(data: bytes) -> PlanScan:
    """Return where the tasks of a plan stand; no sheets when there is no table of tasks.

    Raises:
        ValueError: it is not UTF-8.
    """
    file = Lines.of(data)
    bare = file.bare()
    body, agent, word = _front_matter(bare)
    lines = [*[""] * body, *without_regions(bare)[body:]]
    found = plain_tables(lines)
    if found is not None:
        sheets = [TaskTable(table, read_header(table.header)) for table in found]
        tasks = task_sheets(sheets)
        others = (sheet for sheet in sheets if sheet not in tasks)
        if not (any(map(has_texts, others)) or _has_bars(lines, found)):
            return PlanScan(file, lines, tasks, agent, word)
    own = own_text(lines)
    return PlanScan(file, lines, own.tasks, agent, word, own)


def _has_bars(lines: Sequence[str], found: Sequence[Table]) -> bool:
    """Whether any line outside of the tables could be the row of one: it begins with a bar, or has as many."""
    fewest = min((len(table.header) for table in found), default=1) - 1
    starts = [0, *(table.end for table in found)]
    ends = [*(table.line for table in found), len(lines)]
    return any(
        "|" in line and (_BARRED.match(line) or line.count("|") >= fewest)
        for start, end in zip(starts, ends, strict=True)
        for line in lines[start:end]
    )


def _front_matter(lines: Sequence[str]) -> tuple[int, str, str]:
    """Return the index of the first line of the body, the agent that is named above it, and what ids begin with."""
    start, end = find_marks(lines) or (0, None)
    if end is None:
        return 0, "", "T-"
    front = lines[start + 1 : end]
    word = "subtask_" if any(line.startswith("status:") for line in front) else "T-"
    named = (found[2] for line in front if (found := _AGENT.fullmatch(line)))
    return end + 1, next(named, ""), word


def plain_tables(lines: Sequence[str]) -> list[Table] | None:
    """Return the tables of a document given as bare lines; None when only a parser could say which they are."""
    found: list[Table] = []
    at, end, opened, is_fresh = 0, len(lines), "", True
    while at < end:
        line = lines[at]
        if opened:
            opened = "" if fence_closes(line, opened) else opened
        elif line.startswith(("```", "~~~")):
            opened = fence_opens(line)
            is_fresh = bool(opened)
        elif _UNSURE.match(line):
            close = _end_of_comment(lines, at)
            if close is None:
                return None
            at, is_fresh = close, True
        elif "|" in line and at + 1 < end and _is_delimiter(lines[at + 1]):
            table = _table(lines, at) if is_fresh and "|" in lines[at + 1] else None
            if table is None:
                return None
            found.append(table)
            at = table.end - 1
        else:
            is_fresh = not line.strip(_BLANKS) or _HEADING.match(line) is not None
        at += 1
    return found


def _is_delimiter(line: str) -> bool:
    return "-" in line and _DELIMITER.fullmatch(line) is not None


def _end_of_comment(lines: Sequence[str], at: int) -> int | None:
    """Return the last line of a comment; None for any other HTML, and for what looks like a fence in a list."""
    if not lines[at].startswith("<!--"):
        return None
    return next((line for line in range(at, len(lines)) if "-->" in lines[line]), None)


def _table(lines: Sequence[str], at: int) -> Table | None:
    header = split_row(lines[at])
    begins_well = lines[at][0] == "|" or lines[at][0].isalpha()
    if not begins_well or len(header) != len(split_row(lines[at + 1])):
        return None
    end = at + 2
    while end < len(lines) and lines[end].strip(_BLANKS):
        if lines[end][0] != "|":
            return None
        end += 1
    return Table(tuple(header), at, end)
