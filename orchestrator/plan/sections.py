"""Our sections in a person's file: what stands between ``<!-- orchestrator:NAME -->`` and its closing mark.

Everything outside of the marks is the person's and stays unchanged, byte for byte. A mark counts when it is alone on
its line and in no fenced code. An opening mark counts when the next mark is its closing one; any other mark (a user
deleted the partner, or copied one of the two) is a line like any other: the section is drawn anew at the end of the
file, and nothing that a person may have written is ever taken for ours.
"""

from __future__ import annotations

import re
from bisect import bisect
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from orchestrator.core.text import sanitize
from orchestrator.plan.document import fence_closes, fence_opens, tokens
from orchestrator.plan.lines import Lines

_MARK = re.compile(r"<!-- (/?)orchestrator:([a-z][a-z0-9_-]*) -->[ \t]*")
_ANY_MARK = re.compile(r"<!--(\s*/?\s*)orchestrator\s*:", re.IGNORECASE)
# First characters of lines that this module cares about; the rows of a table begin with none of them.
_CARED_FOR = frozenset("<`~ \t>*+-0123456789")
_INDENTED_FENCE = re.compile(r"[ \t>*+\-\d.)]+(?:```|~~~)")
_HTML = re.compile(r" {0,3}<")
_OPENING, _CLOSING = "<!-- orchestrator:{} -->", "<!-- /orchestrator:{} -->"


class Region(NamedTuple):
    """One of our sections: the indexes of its two mark lines."""

    name: str
    open: int
    close: int


class _Line(NamedTuple):
    """A line that may be a mark or the bar of a fence."""

    place: int
    text: str
    closing: bool = False
    name: str = ""


def regions(lines: Sequence[str]) -> list[Region]:
    """Return our sections in a file given as lines, with or without line endings."""
    marks, bars, is_plain = _candidates(lines)
    pairs = {
        first.place: Region(first.name, first.place, second.place)
        for first, second in pairwise(marks)
        if not first.closing and second.closing and first.name == second.name
    }
    if not pairs or not bars:
        return list(pairs.values())
    if is_plain:
        return _outside_fences(sorted([*marks, *bars], key=lambda line: line.place), pairs)
    return _outside_parsed_fences(lines, bars, pairs.values())


def _candidates(lines: Sequence[str]) -> tuple[list[_Line], list[_Line], bool]:
    """Return marks, bars of fences, and whether the bars can be understood without parsing the file."""
    marks, bars, is_plain = [], [], True
    for index, line in enumerate(lines):
        if line[:1] not in _CARED_FOR:
            continue
        if line[0] == "<" and (mark := _MARK.fullmatch(line.rstrip("\r\n"))):
            marks.append(_Line(index, "", closing=bool(mark[1]), name=mark[2]))
        elif line.startswith(("```", "~~~")):
            bars.append(_Line(index, line))
        elif _INDENTED_FENCE.match(line):
            bars.append(_Line(index, line))
            is_plain = False
        elif _HTML.match(line):
            is_plain = False
    return marks, bars, is_plain


def _outside_fences(lines: Sequence[_Line], pairs: Mapping[int, Region]) -> list[Region]:
    """Return the pairs that stand in no fence; all fences begin in column 0.

    A fence that is never closed (a user is just typing it) hides nothing: else every redraw would add our sections
    once more. What stands in our sections opens and closes no fence of the person's.
    """
    found: list[Region] = []
    doubtful: list[Region] = []
    opened, skip_to = "", -1
    for place, line in enumerate(lines):
        if line.place < skip_to:
            continue
        if not line.text:
            region = pairs.get(line.place)
            if region is not None and (not opened or _is_balanced(lines, place, region)):
                (doubtful if opened else found).append(region)
                skip_to = region.close
        elif not opened:
            opened = fence_opens(line.text)
        elif fence_closes(line.text, opened):
            opened = ""
            doubtful.clear()
    return found + doubtful


def _outside_parsed_fences(lines: Sequence[str], bars: Sequence[_Line], pairs: Collection[Region]) -> list[Region]:
    """The same for a file of which only a parser can say where its fences are."""
    calm: list[Region] = []
    restless: list[Region] = []
    for region in pairs:
        place = bisect(bars, region.open, key=lambda bar: bar.place)
        (calm if _is_balanced(bars, place, region) else restless).append(region)
    while True:
        seen = _without(lines, calm)
        for region in calm:
            # As in the file, what stands in column 0 ends lists and quotes and all that was open in them.
            seen[region.open] = seen[region.close] = "<!-- -->"
        # The line at the end tells a fence that is closed in the last line from one that is never closed.
        seen += ["", "end"]
        fences = [token.map for token in tokens(seen) if token.type == "fence" and token.map]
        free = next((each for each in restless if not _hidden(each, fences, len(seen) + 1)), None)
        if free is None:
            found = (region for region in calm if not _hidden(region, fences, len(seen)))
            return sorted(found, key=lambda region: region.open)
        # It begins outside of every fence, so what is left open in it is ours and hides nothing below it.
        restless.remove(free)
        calm.append(free)


def _hidden(region: Region, fences: Iterable[Sequence[int]], end: int) -> bool:
    """Whether a region begins in a fence that ends before *end*."""
    return any(fence[0] <= region.open < fence[1] < end for fence in fences)


def _is_balanced(lines: Sequence[_Line], place: int, region: Region) -> bool:
    """Whether every fence that opens inside of a region also closes there; *lines* from *place* on are looked at."""
    opened = ""
    for at in range(place, len(lines)):
        line = lines[at]
        if line.place >= region.close:
            break
        if line.place <= region.open or not line.text:
            continue
        if not opened:
            opened = fence_opens(line.text)
        elif fence_closes(line.text, opened):
            opened = ""
    return not opened


def _without(lines: Sequence[str], found: Iterable[Region]) -> list[str]:
    """Return bare lines, those of our sections empty."""
    bare = [line.rstrip("\r\n") for line in lines]
    for region in found:
        for index in range(region.open, region.close + 1):
            bare[index] = ""
    return bare


def without_regions(lines: Sequence[str]) -> list[str]:
    """Return the person's lines, bare; the lines of our sections are empty, so that line numbers stay the same."""
    return _without(lines, regions(lines))


def without_sections(data: bytes) -> bytes:
    """Return a file without our sections, and without the blank line above each.

    Raises:
        ValueError: the file is not UTF-8.
    """
    file = Lines.of(data)
    kept: list[str] = []
    done = 0
    for region in sorted(regions(file.lines), key=lambda each: each.open):
        kept += file.lines[done : region.open]
        if kept and not kept[-1].strip():
            kept.pop()
        done = region.close + 1
    return file.replaced([*kept, *file.lines[done:]])


def redraw(data: bytes, sections: Mapping[str, str]) -> bytes:
    """Return a file with our *sections* drawn into it: between their marks, or at its end when it has none.

    A section that stands in the file twice is drawn twice; one that is not in *sections* stays unchanged.

    Raises:
        ValueError: the file is not UTF-8.
    """
    file = Lines.of(data)
    ending = file.ending
    drawn: list[str] = []
    done, missing = 0, dict(sections)
    for region in regions(file.lines):
        text = sections.get(region.name)
        if text is None:
            continue
        missing.pop(region.name, None)
        drawn += file.lines[done : region.open + 1]
        drawn.append(_inside(text, ending))
        done = region.close
    drawn += file.lines[done:]
    for name, text in missing.items():
        last = drawn[-1] if drawn else ""
        # A mark counts only where a line begins, also below a last line of blanks.
        drawn += [ending] * bool(last and not last.endswith(("\n", "\r")))
        drawn += [ending] * bool(last.strip())
        drawn += (_OPENING.format(name) + ending, _inside(text, ending), _CLOSING.format(name) + ending)
    return file.replaced(drawn)


def _inside(text: str, ending: str) -> str:
    inside = without_marks(sanitize(text)).strip("\n")
    return inside.replace("\n", ending) + ending if inside else ""


def without_marks(text: str) -> str:
    """Return a text with all of our marks made ineffective, wherever they stand in it."""
    if "orchestrator" not in text.lower():
        return text
    return _ANY_MARK.sub(r"<!--\1orchestrator :", text)
