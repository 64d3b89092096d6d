"""How far somebody has read the journal, and where the last run begins in it.

A cursor is the byte behind the last line that was read, and a mark of what stands before it: a cursor of another
journal, or of one that was begun anew, is seen for what it is, and its owner is told the last run from the start.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from orchestrator.errors import UsageError
from orchestrator.ownership import make_directories
from orchestrator.store.atomic import (
    open_stream,
    read_file,
    refuse_links,
    replace_file,
    reported,
)

#: Compiled when somebody hands one in; most runs never see one.
_WRITTEN = r"(\d{1,15})\.([0-9a-f]{8})"
_RUN = b" \xc2\xb7 run \xc2\xb7 "
_ABOUT_RUN = re.compile(rb"- (\S+" + _RUN + rb".*)\n")
_RUN_STARTED = re.compile(rb"\S+ \xc2\xb7 run \xc2\xb7 started( \xc2\xb7 .*)?")
#: Bytes before a cursor that its mark is made of: at least the time of the line before it.
_MARKED = 64
#: Bytes looked at first for the beginning of the last run; each further look takes in eight times as many.
_FIRST_LOOK = 64 * 1024


class Cursor(NamedTuple):
    """A place in a journal."""

    offset: int = 0
    mark: int = 0

    def __str__(self) -> str:
        """``4711.9f3ac2d1``, as callers hand it back."""
        return f"{self.offset}.{self.mark:08x}"


def parse_cursor(text: str) -> Cursor:
    """Read what ``str`` of a cursor wrote.

    Raises:
        UsageError: it is none.
    """
    found = re.fullmatch(_WRITTEN, text.strip())
    if found is None:
        raise UsageError(
            f"{text!r} is not a cursor", hint="give back what `wait` printed, such as 4711.9f3ac2d1"
        )
    return Cursor(int(found[1]), int(found[2], 16))


def read_on(journal: str, cursor: Cursor) -> tuple[list[str], Cursor] | None:
    """Return the whole lines behind a cursor, without their list marks, and where they end.

    None when the cursor does not belong to this journal.

    Raises:
        StoreError: the journal cannot be read.
    """
    read = _behind(journal, cursor)
    if read is None:
        return None
    data, before = read
    lines = [line for _, line in _lines(data)]
    return lines, Cursor(cursor.offset + len(data), _crc(before + data)) if data else cursor


def read_each(journal: str, cursor: Cursor) -> list[tuple[str, Cursor]] | None:
    """Return what ``read_on`` does, each line with the place behind it."""
    read = _behind(journal, cursor)
    if read is None:
        return None
    data, before = read
    whole, first = before + data, len(before)
    return [
        (
            line,
            Cursor(cursor.offset + end, _crc(whole[max(0, first + end - _MARKED) : first + end])),
        )
        for end, line in _lines(data)
    ]


def _behind(journal: str, cursor: Cursor) -> tuple[bytes, bytes] | None:
    """Return the whole lines behind a cursor, and what its mark was made of; None when it is of another journal."""
    with reported("read", journal):
        try:
            file = open_stream(journal)
        except FileNotFoundError:
            return (b"", b"") if cursor == Cursor() else None
        with file:
            first = max(0, cursor.offset - _MARKED)
            file.seek(first)
            before = file.read(cursor.offset - first)
            if len(before) < cursor.offset - first or zlib.crc32(before) != cursor.mark:
                return None
            data = file.read()
            # A last line that is being written, or that a crash tore, is left for the next time.
            return data[: data.rfind(b"\n") + 1], before


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    """Yield the lines of a journal without their list marks, each with where it ends; foreign ones are left out."""
    end = 0
    for line in data.split(b"\n")[:-1]:
        end += len(line) + 1
        if line.startswith(b"- "):
            yield end, line[2:].decode(errors="replace")


def _crc(data: bytes) -> int:
    return zlib.crc32(data[-_MARKED:])


def end_of(journal: str) -> Cursor:
    """Return the place behind everything that stands in the journal now."""
    with reported("read", journal):
        try:
            file = open_stream(journal)
        except FileNotFoundError:
            return Cursor()
        with file:
            first = max(0, os.fstat(file.fileno()).st_size - _FIRST_LOOK)
            file.seek(first)
            offset = first + file.read().rfind(b"\n") + 1
            return Cursor(offset, _mark(file, offset))


def last_run(journal: str) -> tuple[Cursor, list[str]]:
    """Return where the last run begins, and the lines about that run itself, tasks left out.

    Without any run, the beginning of the journal and no lines.

    Raises:
        StoreError: the journal cannot be read.
    """
    with reported("read", journal):
        try:
            file = open_stream(journal)
        except FileNotFoundError:
            return Cursor(), []
        with file:
            size, look = os.fstat(file.fileno()).st_size, _FIRST_LOOK
            while (found := _last_run_in(file, max(0, size - look))) is None and look < size:
                look *= 8
            return found or (Cursor(), [])


def _last_run_in(file: BinaryIO, first: int) -> tuple[Cursor, list[str]] | None:
    """Return the same of what stands behind *first*; None where no run begins there."""
    file.seek(first)
    # What stands there at once may be the rest of a line.
    found = [each for each in _about_run(file.read()) if each.start() or not first]
    for place, line in reversed([*enumerate(found)]):
        if _RUN_STARTED.fullmatch(line[1]):
            offset = first + line.start()
            lines = [each[1].decode(errors="replace") for each in found[place:]]
            return Cursor(offset, _mark(file, offset)), lines
    return None


def _about_run(data: bytes) -> Iterator[re.Match[bytes]]:
    """Yield the lines about a run. Looked for by their middle: of a long journal that takes a twentieth of the time."""
    end = 0
    while (place := data.find(_RUN, end)) >= 0 and (end := data.find(b"\n", place)) >= 0:
        if found := _ABOUT_RUN.match(data, data.rfind(b"\n", 0, place) + 1):
            yield found


def load_cursor(path: str) -> Cursor | None:
    """Return the cursor that was kept; None when there is none or it is damaged."""
    try:
        return parse_cursor((read_file(path) or b"").decode(errors="replace"))
    except UsageError:
        return None


def keep_cursor(path: str, cursor: Cursor) -> None:
    """Keep a cursor for callers who keep none themselves.

    Raises:
        StoreError: it could not be written.
    """
    directory = os.path.dirname(path)
    refuse_links(directory)
    with reported("make", path):
        make_directories(directory)
    replace_file(path, f"{cursor}\n".encode())


def _mark(file: BinaryIO, offset: int) -> int:
    first = max(0, offset - _MARKED)
    file.seek(first)
    return zlib.crc32(file.read(offset - first))
