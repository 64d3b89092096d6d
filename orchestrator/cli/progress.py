"""What a person sees while a run goes on: a live view on a terminal, plain lines in a pipe, or one JSON per event.

All talk goes to stderr, except with ``--json``, whose events are the data. A reader that goes away (``run … | head
-1``) never stops a run.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from orchestrator.cli.sentence import sentence
from orchestrator.core.redact import redact
from orchestrator.runtime.happening import Happening, Kind


class View(Protocol):
    """Somebody who shows what happens."""

    def hear(self, happening: Happening) -> None:
        """Show it."""


@contextmanager
def progress(*, as_json: bool) -> Iterator[View]:
    """Yield the view that fits: JSON lines, a live terminal, or plain lines."""
    if as_json:
        yield _Lines(sys.stdout, _as_json)
    elif sys.stderr.isatty():
        from orchestrator.cli.live import LiveView

        with LiveView() as view:
            yield view
    else:
        yield _Lines(sys.stderr, sentence)


class _Lines:
    """Writes one line per happening."""

    def __init__(self, stream: TextIO, tell: Callable[[Happening], str]) -> None:
        self._stream: TextIO | None = stream
        self._tell = tell

    def hear(self, happening: Happening) -> None:
        line = redact(self._tell(happening))
        if self._stream is None or not line:
            return
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except OSError:
            self._stream = None


def _as_json(happening: Happening) -> str:
    if happening.kind is Kind.NEWS:
        return ""
    return json.dumps(happening.as_json(), ensure_ascii=False)
