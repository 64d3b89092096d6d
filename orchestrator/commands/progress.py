"""What a person sees while a run goes on: a live view on a terminal, plain lines in a pipe, or one JSON per event.

All talk goes to stderr, except with ``--json``, whose events are the data. A reader that goes away (``run … | head
-1``) never stops a run, and neither does one that stays and does not read (``cli/output.py``).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from orchestrator.commands.live import LiveView, advice, event_text
from orchestrator.commands.output import queue_of
from orchestrator.commands.reply import can_draw, talk, write
from orchestrator.errors import OutputError
from orchestrator.runner.events import Event, Kind


class View(Protocol):
    """What shows the events of a run."""

    def hear(self, event: Event) -> None:
        """Show it."""


@contextmanager
def progress(*, as_json: bool) -> Iterator[View]:
    """Yield the view that fits: JSON lines, a live terminal, or plain lines."""
    if as_json:
        yield _Events()
    elif can_draw(sys.stderr) and (queue := queue_of(sys.stderr)) is not None:
        with LiveView(queue) as view:
            yield view
    else:
        yield _Lines()


class _Lines:
    def hear(self, event: Event) -> None:
        if line := event_text(event):
            talk(line)


class _Events:
    def __init__(self) -> None:
        self._is_read = True

    def hear(self, event: Event) -> None:
        if not self._is_read or event.kind is Kind.NEWS:
            return
        line = event._replace(text=advice(event)).as_json()
        try:
            write(f"{json.dumps(line, ensure_ascii=False)}\n", for_people=False)
        except (BrokenPipeError, OutputError):
            self._is_read = False  # the summary fails as well, and that is reported
