"""The journal of a plan: one line per event, only ever appended.

A run and any number of commands write into it at once. Each line is one ``write`` at the end of the file, so the lines
of two writers never mix. A crash can cut off the last line; the next writer ends it with a line break.
"""

from __future__ import annotations

import errno
import os
import re
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from orchestrator.errors import NotAFileError, UsageError
from orchestrator.ownership import make_directories, open_made
from orchestrator.store.atomic import atomic_write, io_errors, open_stream, read_file, require_file

#: Bytes of a journal that are read for its last lines, and for all that are about something.
_TAIL, _LONGEST = 64 * 1024, 16 * 1024 * 1024


class Journal:
    """Appends lines."""

    def __init__(self, path: str) -> None:
        """Open *path*, made when missing; mend a last line that a crash tore.

        Raises:
            StoreError: it cannot be written.
        """
        self._path = path
        self._end = -1
        """Where our last line ended."""
        with io_errors("open", path):
            self._descriptor, self._place = self._open()

    def _open(self) -> tuple[int, tuple[int, int]]:
        """Return a descriptor, and which file it is."""
        flags = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = open_made(self._path, flags | os.O_NONBLOCK, 0o664)
        try:
            found = require_file(descriptor)
            if not found.st_size:
                os.write(descriptor, b"# Journal\n\n")
            elif self._is_torn(descriptor, found.st_size):
                os.write(descriptor, b"\n")
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor, (found.st_dev, found.st_ino)

    def append(self, line: str) -> None:
        """Write one line; it must not contain a line break.

        Raises:
            StoreError: it was not written, or not whole.
        """
        with io_errors("append", self._path):
            size = self._size_now()
            # What looks torn may be half written yet by another process: that makes one empty line, and no harm.
            data = f"{chr(10) if self._is_torn(self._descriptor, size) else ''}- {line}\n".encode()
            if os.write(self._descriptor, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._end = size + len(data)

    def _size_now(self) -> int:
        """Return how long it is; where an editor has put another file in its place, that one is written on."""
        try:
            there = os.lstat(self._path)
        except FileNotFoundError:
            there = None
        if there is not None and (there.st_dev, there.st_ino) == self._place:
            return there.st_size
        before = self._descriptor
        try:
            self._descriptor, self._place = self._open()
        except OSError:
            # A user has moved the whole directory away; what is held goes along.
            return os.fstat(before).st_size
        self._end = -1
        os.close(before)
        return os.fstat(self._descriptor).st_size

    def _is_torn(self, descriptor: int, size: int) -> bool:
        # Most lines follow our own.
        return size not in {0, self._end} and os.pread(descriptor, 1, size - 1) != b"\n"

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def journal_lines(path: str, containing: str) -> list[str]:
    """Return every line with these words, oldest first, without its list mark; of a very long journal the newest.

    Raises:
        StoreError: the journal cannot be read.
    """
    text = _end_of(path, _LONGEST)
    if containing not in text:
        return []
    lines = (line.removeprefix("- ") for line in text.split("\n") if line.startswith("- "))
    return [line for line in lines if containing in line]


def journal_tail(path: str, lines: int) -> list[str]:
    """Return the last *lines* lines, oldest first, without their list marks; a torn or foreign line is left out.

    If the path is not a plain file, nothing is returned: the next write to it reports that.
    """
    try:
        whole = _end_of(path, _TAIL).split("\n")[:-1]
    except NotAFileError:
        return []
    return [line.removeprefix("- ") for line in whole if line.startswith("- ")][-lines:]


def _end_of(path: str, size: int) -> str:
    """Return the lines in the last bytes of a journal."""
    with io_errors("read", path):
        try:
            with open_stream(path) as file:
                first = max(0, os.fstat(file.fileno()).st_size - size)
                file.seek(first)
                data = file.read(size)
        except FileNotFoundError:
            return ""
    # What stands there at once may be the rest of a line.
    return data[data.find(b"\n") + 1 if first else 0 :].decode(errors="replace")


# ── cursor ────────
#
# How far a user has read the journal, and where the last run begins in it.
#
# A cursor is the offset behind the last line that was read, and a checksum of the bytes before it. By that a cursor of
# another journal, or of one that was begun anew, is recognised: its owner is given the last run from the start.

#: Compiled when a user hands one in; most runs never see one.
_WRITTEN = r"(\d{1,15})\.([0-9a-f]{8})"
_RUN = b" \xc2\xb7 run \xc2\xb7 "
_ABOUT_RUN = re.compile(rb"- (\S+" + _RUN + rb".*)\n")
_RUN_STARTED = re.compile(rb"\S+ \xc2\xb7 run \xc2\xb7 started( \xc2\xb7 .*)?")
#: Bytes before a cursor that its mark is made of: at least the time of the line before it.
_MARKED = 64
#: Bytes looked at first for the beginning of the last run; each further look, farther back, takes eight times as many.
_FIRST_LOOK = 64 * 1024
#: Bytes of a journal that are in memory at a time: agents may write any number of lines into it.
_MOST = 4 * 1024 * 1024
#: Lines about a run that are returned besides its beginning (the newest ones), and bytes of each: our own are shorter.
_LINES, _LINE = 1000, 4096


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
        raise UsageError(f"{text!r} is not a cursor", hint="give back what `wait` printed, such as 4711.9f3ac2d1")
    return Cursor(int(found[1]), int(found[2], 16))


def read_on(journal: str, cursor: Cursor, most: int = _MOST) -> tuple[list[str], Cursor] | None:
    """Return the whole lines behind a cursor, without their list marks, and where they end.

    None when the cursor does not belong to this journal, or has more than *most* bytes behind it.

    Raises:
        StoreError: the journal cannot be read.
    """
    read = _behind(journal, cursor, most)
    if read is None:
        return None
    data, before = read
    lines = [line for _, line in _lines(data)]
    return lines, Cursor(cursor.offset + len(data), _crc(before + data)) if data else cursor


def read_each(journal: str, cursor: Cursor) -> list[tuple[str, Cursor]] | None:
    """Return what ``read_on`` does, each line with the place behind it."""
    read = _behind(journal, cursor, _MOST)
    if read is None:
        return None
    data, before = read
    whole, first = before + data, len(before)
    return [
        (line, Cursor(cursor.offset + end, _crc(whole[max(0, first + end - _MARKED) : first + end])))
        for end, line in _lines(data)
    ]


def _behind(journal: str, cursor: Cursor, most: int) -> tuple[bytes, bytes] | None:
    """Return the whole lines behind a cursor, and what its mark was made of; None as ``read_on``."""
    with io_errors("read", journal):
        try:
            file = open_stream(journal)
        except FileNotFoundError:
            return (b"", b"") if cursor == Cursor() else None
        with file:
            if os.fstat(file.fileno()).st_size - cursor.offset > most:
                return None
            first = max(0, cursor.offset - _MARKED)
            file.seek(first)
            before = file.read(cursor.offset - first)
            if len(before) < cursor.offset - first or zlib.crc32(before) != cursor.mark:
                return None
            data = file.read(most)
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
    with io_errors("read", journal):
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
    """Return where to begin to read the last run, and the lines about that run itself, tasks left out.

    That is its beginning, or what ``read_on`` takes of a journal that is longer from there on. Without any run, the
    beginning of the journal and no lines.

    Raises:
        StoreError: the journal cannot be read.
    """
    with io_errors("read", journal):
        try:
            file = open_stream(journal)
        except FileNotFoundError:
            return Cursor(), []
        with file:
            size = os.fstat(file.fileno()).st_size
            begin, lines = _last_run_in(file, size)
            if size - begin > _MOST:
                begin, _ = _lines_before(file, size, _MOST)
            return Cursor(begin, _mark(file, begin)), lines


def _last_run_in(file: BinaryIO, size: int) -> tuple[int, list[str]]:
    """Return where it begins, and the lines about it; read from the end, a piece at a time."""
    end, look, lines = size, _FIRST_LOOK, list[str]()
    while end:
        end, data = _lines_before(file, end, look)
        look, newer = min(8 * look, _MOST), list[str]()
        for found in reversed([*_about_run(data)]):
            line = found[1].decode(errors="replace")
            if _RUN_STARTED.fullmatch(found[1]):
                return end + found.start(), [line, *newer[::-1], *lines]
            if len(newer) + len(lines) < _LINES:
                newer.append(line)
        lines = [*newer[::-1], *lines]
    return 0, []


def _lines_before(file: BinaryIO, end: int, size: int) -> tuple[int, bytes]:
    """Return the whole lines in up to *size* bytes before a place, and where they begin."""
    first = max(0, end - size)
    file.seek(first)
    data = file.read(end - first)
    if not first:
        return 0, data
    # What stands there at once may be the rest of a line; one that is longer than all of this is not ours.
    partial = data.find(b"\n", 0, -1) + 1
    return (first + partial, data[partial:]) if partial else (first, b"")


def _about_run(data: bytes) -> Iterator[re.Match[bytes]]:
    """Yield the lines about a run. Looked for by their middle: of a long journal that takes a twentieth of the time."""
    end = 0
    while (place := data.find(_RUN, end)) >= 0 and (end := data.find(b"\n", place)) >= 0:
        first = data.rfind(b"\n", 0, place) + 1
        if end - first < _LINE and (found := _ABOUT_RUN.match(data, first)):
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
    with io_errors("make", path):
        make_directories(directory)
    atomic_write(path, f"{cursor}\n".encode())


def _mark(file: BinaryIO, offset: int) -> int:
    first = max(0, offset - _MARKED)
    file.seek(first)
    return zlib.crc32(file.read(offset - first))
