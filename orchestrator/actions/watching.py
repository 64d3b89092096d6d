"""Follow what happens in a plan: what tasks do, and what is said about them (seed rows S1-13, S1-14).

Everything that anybody may know has a line in the journal, so that is what is followed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.core.duration import parse_duration
from orchestrator.core.event import Line, read_line
from orchestrator.core.timestamp import epoch, iso
from orchestrator.errors import UsageError
from orchestrator.store.journal import (
    Cursor,
    keep_cursor,
    last_run,
    load_cursor,
    parse_cursor,
    read_each,
)
from orchestrator.store.layout import Layout


class JournalEvent(NamedTuple):
    """One thing that happened, and the place in the journal behind it."""

    line: Line
    cursor: Cursor


class Since(NamedTuple):
    """Where to begin: at a place, or with what happened at some moment."""

    cursor: Cursor | None = None
    moment: str = ""
    """As ``iso`` writes it; empty: everything behind the cursor."""


def parse_since(text: str, now: float) -> Since:
    """Read a cursor (``4711.9f3ac2d1``), a moment (``2026-01-05T14:00Z``) or how long ago (``10m``).

    *now* is in seconds since the epoch.

    Raises:
        UsageError: it is none of them.
    """
    try:
        return Since(parse_cursor(text))
    except UsageError:
        pass
    try:
        return Since(Cursor(), iso(now - parse_duration(text)))
    except ValueError:
        pass
    if moment := epoch(text):
        return Since(Cursor(), iso(moment))
    raise UsageError(
        f"{text!r} is neither a cursor nor a time",
        hint="such as 4711.9f3ac2d1, 10m (ago) or 2026-01-05T14:00:00Z",
    )


@dataclass(slots=True)
class Follower:
    """Reads the journal on from where its caller has read, or from where they say."""

    layout: Layout
    name: str
    """Who calls: each caller has a place of their own."""
    since: Since | None = None
    cursor: Cursor = field(init=False)

    def __post_init__(self) -> None:
        kept = self.since.cursor if self.since else load_cursor(self._place)
        self.cursor = kept or self._begin()

    @property
    def _place(self) -> str:
        return self.layout.watch_cursor(self.name)

    def _begin(self) -> Cursor:
        """Where somebody begins who never looked: with the last run, or with everything when there was none."""
        return last_run(self.layout.journal)[0]

    def new(self) -> list[JournalEvent]:
        """Return what was written since the last time.

        Raises:
            StoreError: the journal cannot be read.
        """
        read = read_each(self.layout.journal, self.cursor)
        if read is None:  # another journal, or one that was begun anew
            self.cursor = self._begin()
            read = read_each(self.layout.journal, self.cursor) or []
        if read:
            self.cursor = read[-1][1]
        told = [JournalEvent(line, cursor) for text, cursor in read if (line := read_line(text))]
        moment = self.since.moment if self.since else ""
        return [each for each in told if each.line.time >= moment]

    def keep(self) -> None:
        """Remember how far was told, unless the caller said where to begin and so keeps a place of their own.

        Raises:
            StoreError: it could not be written.
        """
        if self.since is None:
            keep_cursor(self._place, self.cursor)
