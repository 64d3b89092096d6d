"""A text file as bytes on one side and lines on the other, such that joining the lines gives the same bytes again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.errors import Problem
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    from orchestrator.plan import document
else:
    document = LazyModule("orchestrator.plan.document")

#: Bytes of a plan at most, lines of any text, and characters of a line: a hundred thousand rows fit into it, and a row
#: with as many dependencies. The worst plan of that size takes some 260 MB of memory.
LARGEST_PLAN, MOST_LINES, LONGEST_LINE = 12 * 1024 * 1024, 120_000, 2 * 1024 * 1024
#: Bytes of a task file at most; no agent takes a longer prompt.
LARGEST_TEXT = 4 * 1024 * 1024
_BOM = "\ufeff"
#: How lines of an unfinished merge begin; a line of equals signs may be an underline as well.
_MERGE = ("<<<<<<< ", ">>>>>>> ")
# The line endings of markdown. str.splitlines() knows eight more, which are characters of a line here.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Lines(NamedTuple):
    """The lines of a file, each with its own line ending."""

    lines: Sequence[str]
    bom: str = ""

    @classmethod
    def of(cls, data: bytes) -> Lines:
        """Split a file.

        Raises:
            ValueError: it is not UTF-8.
        """
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ValueError(f"not UTF-8 text: bad byte in line {line}") from None
        bom = _BOM if text.startswith(_BOM) else ""
        return cls(_LINE.findall(text[len(bom) :]), bom)

    def bare(self) -> list[str]:
        """Return the lines without their endings."""
        return [line.rstrip("\r\n") for line in self.lines]

    @property
    def ending(self) -> str:
        """The line ending that most lines have."""
        crlf = sum(line.endswith("\r\n") for line in self.lines)
        return "\r\n" if crlf * 2 > len(self.lines) else "\n"

    def replaced(self, lines: Sequence[str]) -> bytes:
        """Return the bytes of the file with other lines in it."""
        return (self.bom + "".join(lines)).encode()


def too_large(size: int, file: str, largest: int = LARGEST_TEXT) -> Problem | None:
    """Return the problem that a file of so many bytes is, or None: its size is known before it is read."""
    return larger_than(largest, file) if size > largest else None


def larger_than(largest: int, file: str) -> Problem:
    """Return the problem that a file of more than so many bytes is."""
    return Problem(
        f"the file is larger than {largest // 1024:,} KiB",
        f"{file}:1",
        "leave out what is not needed, or put it into files that the agents read themselves",
        "too_large",
    )


def oversized(data: bytes, file: str, largest: int = LARGEST_TEXT) -> Problem | None:
    """Return why a file is too large, by its bytes or by its lines, or None."""
    if (problem := too_large(len(data), file, largest)) is not None:
        return problem
    # A carriage return alone ends a line, too.
    if data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n") <= MOST_LINES:
        return None
    hint = "split it, or remove what is no part of it"
    return Problem(f"the file has more than {MOST_LINES:,} lines", f"{file}:1", hint, "too_large")


def unreadable(data: bytes, file: str) -> Problem | None:
    """Return why a file cannot be a text of people at all, or None."""
    try:
        data.decode()
    except UnicodeDecodeError as error:
        utf16 = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        line = data.count(b"\n", 0, error.start) + 1
        return Problem(
            "the file is UTF-16, not UTF-8" if utf16 else "the file is not UTF-8 text",
            f"{file}:{line}",
            "save it as UTF-8",
            "not_utf8",
        )
    if (nul := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, nul) + 1
        return Problem(
            "the file has NUL bytes in it; it is damaged or not a text",
            f"{file}:{line}",
            "restore it from a backup or from version control",
            "not_text",
        )
    return None


def conflict(text: str, file: str, begins: int = 1) -> Problem | None:
    """Return the first mark of an unresolved merge; not in a code block, where a text may show one.

    *begins* is the line of the file in which the text begins.
    """
    if not any(mark in text for mark in _MERGE):
        return None  # as in nearly every text

    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    shown = {at for fence in document.outline(lines).kinds("fence") for at in range(fence.line, fence.end)}
    marks = (at for at, line in enumerate(lines) if line.startswith(_MERGE) and at not in shown)
    if (first := next(marks, None)) is None:
        return None
    return unresolved(f"{file}:{begins + first}")


def unresolved(where: str) -> Problem:
    """Return what is said of an unresolved merge; *where* is its first mark."""
    return Problem(
        "an unresolved merge conflict", where, "keep one of the two versions and remove the conflict marks", "conflict"
    )
