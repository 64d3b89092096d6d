"""The chronicle of a plan: one line per thing that happened, only ever appended (promise 7)."""

from __future__ import annotations

import errno
import os

from orchestrator.store.atomic import open_stream, reported, require_file

_TAIL = 64 * 1024


class Journal:
    """Appends lines; each is one ``write``, so two writers never mix and a crash tears at most the last one."""

    def __init__(self, path: str) -> None:
        """Open *path*, made when missing; mend a last line that a crash tore."""
        self._path = path
        self._mend = ""
        with reported("open", path):
            flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
            self._descriptor = os.open(path, flags | os.O_NONBLOCK, 0o664)
            try:
                self._begin()
            except BaseException:
                os.close(self._descriptor)
                raise

    def _begin(self) -> None:
        size = require_file(self._descriptor)
        if not size:
            os.write(self._descriptor, b"# Journal\n\n")
        elif os.pread(self._descriptor, 1, size - 1) != b"\n":
            os.write(self._descriptor, b"\n")

    def append(self, line: str) -> None:
        """Write one line; it must not contain a line break."""
        data = f"{self._mend}- {line}\n".encode()
        with reported("append", self._path):
            self._mend = "\n"
            if os.write(self._descriptor, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._mend = ""

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)


def journal_tail(path: str, lines: int) -> list[str]:
    """Return the last *lines* lines, oldest first, without their list marks; a torn or foreign line is left out."""
    with reported("read", path):
        try:
            with open_stream(path) as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                text = file.read().decode(errors="replace")
        except FileNotFoundError:
            return []
    whole = text.split("\n")[:-1]
    return [line.removeprefix("- ") for line in whole if line.startswith("- ")][-lines:]
