"""What a person sees while a run goes on: a live view on a terminal, plain lines in a pipe, or one JSON per event.

All talk goes to stderr, except with ``--json``, whose events are the data. A reader that goes away (``run … | head
-1``) never stops a run, and neither does one that stays and does not read.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol, TextIO

from orchestrator.cli.sentence import advice, sentence
from orchestrator.core.redact import redact
from orchestrator.runtime.happening import Happening, Kind

#: Bytes that fit into a pipe which the system says can be written to.
_PIECE = 4096
#: Terminals that `rich` draws nothing on.
_CANNOT_DRAW = frozenset({"dumb", "unknown"})


class View(Protocol):
    """Somebody who shows what happens."""

    def hear(self, happening: Happening) -> None:
        """Show it."""


@contextmanager
def progress(*, as_json: bool) -> Iterator[View]:
    """Yield the view that fits: JSON lines, a live terminal, or plain lines."""
    if as_json:
        with closing(_Lines(sys.stdout, _as_json)) as lines:
            yield lines
    elif sys.stderr.isatty() and os.environ.get("TERM", "").lower() not in _CANNOT_DRAW:
        from orchestrator.cli.live import LiveView

        with LiveView() as view:
            yield view
    else:
        with closing(_Lines(sys.stderr, sentence)) as lines:
            yield lines


class _Lines:
    """Writes one line per happening, when whoever reads has room for it; the run never waits for its reader."""

    def __init__(self, stream: TextIO, tell: Callable[[Happening], str]) -> None:
        stream.flush()
        self._stream, self._tell = stream, tell
        self._descriptor = stream.fileno()
        self._room = select.poll()
        self._room.register(self._descriptor, select.POLLOUT)
        self._rest = bytearray()
        self._is_read = True

    def hear(self, happening: Happening) -> None:
        line = redact(self._tell(happening))
        if line and self._is_read:
            self._rest += f"{line}\n".encode(self._stream.encoding, self._stream.errors or "strict")
            self._write(is_patient=False)

    def close(self) -> None:
        """Write what is left; everything else is over, so now there is time to wait."""
        self._write(is_patient=True)

    def _write(self, *, is_patient: bool) -> None:
        try:
            while self._rest and self._room.poll(None if is_patient else 0):
                del self._rest[: os.write(self._descriptor, self._rest[:_PIECE])]
        except OSError:
            self._is_read = False
            self._rest.clear()


def _as_json(happening: Happening) -> str:
    if happening.kind is Kind.NEWS:
        return ""
    return json.dumps(happening._replace(text=advice(happening)).as_json(), ensure_ascii=False)
