"""The tables of a document, and where in its line each cell stands, so that a single cell can be replaced.

markdown-it says where a table begins and ends; its rows are split here by the same rule: a bar separates two cells
unless a backslash stands directly before it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.plan.blocks import Outline

_BAR = re.compile(r"(?<!\\)\|")
_BLANKS = " \t"


class Table(NamedTuple):
    """A table outside of lists, quotes and fences. Lines are indexes."""

    header: tuple[str, ...]
    line: int
    """Line of the header; the rows begin two lines below."""
    end: int
    """The line after the last row."""

    def rows(self, lines: Sequence[str]) -> list[tuple[int, list[str]]]:
        """Return each row with its line. It has the cells that are there: fewer or more than the header perhaps."""
        return [(line, split_row(lines[line])) for line in range(self.line + 2, self.end)]


def tables(lines: Sequence[str], found: Outline) -> list[Table]:
    """Return the tables of a document given as bare lines."""
    return [
        Table(tuple(split_row(lines[block.line])), block.line, block.end)
        for block in found.kinds("table")
    ]


def split_row(line: str) -> list[str]:
    r"""Return the cells of a row, trimmed, ``\|`` read as ``|``."""
    bare = line.strip(_BLANKS)
    if "\\" not in bare:
        cells = bare.split("|")
    else:
        cells = [cell.replace("\\|", "|") for cell in _BAR.split(bare)]
    if cells and not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return [cell.strip(_BLANKS) for cell in cells]


def cell_spans(line: str) -> list[tuple[int, int]]:
    """Return where each cell of a row stands in its line, blanks around it included."""
    start = len(line) - len(line.lstrip(_BLANKS))
    end = len(line.rstrip(_BLANKS))
    spans = []
    for bar in _BAR.finditer(line, start, end):
        spans.append((start, bar.start()))
        start = bar.end()
    spans.append((start, end))
    if spans and spans[0][0] == spans[0][1]:
        del spans[0]
    if spans and spans[-1][0] == spans[-1][1]:
        del spans[-1]
    return spans
