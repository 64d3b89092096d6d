"""The chronicle of a plan: one line per thing that happened, only ever appended (promise 7).

A run and any number of commands write into it at once. Each line is one ``write`` at the end of the file, so two
writers never mix; a crash tears at most the line it cut, and whoever writes next ends it.
"""

from __future__ import annotations

import errno
import os

from orchestrator.errors import NotAFileError
from orchestrator.ownership import open_made
from orchestrator.store.atomic import open_stream, io_errors, require_file

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
            # What looks torn may be half written yet by somebody else: that makes one empty line, and no harm.
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
            # Somebody has moved the whole directory away; what is held goes along.
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

    So is everything where something lies in its place that is no file: whoever writes into it says so.
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
