"""The command ``watch``: what happens in a plan, line by line.

Everything that is public has a line in the journal, so that is what is followed.
"""

from __future__ import annotations

import json
import select
import sys
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, DIRECTORY, JSON, Command, duration, flag, option, with_help
from orchestrator.commands.reply import talk, with_program, write
from orchestrator.core.duration import parse_duration
from orchestrator.core.event import Line, read_line
from orchestrator.core.timestamp import epoch, iso
from orchestrator.errors import StoreError, UsageError
from orchestrator.runner.events import Kind
from orchestrator.store.journal import Cursor, keep_cursor, last_run, load_cursor, parse_cursor, read_each
from orchestrator.store.layout import Layout
from orchestrator.store.lock import broken_off
from orchestrator.store.watcher import Alarm
from orchestrator.views.event_lines import watch_facts, watch_line

#: Seconds after which the journal is read though nothing was signalled: the reader may be gone, the disk may tell
#: nothing.
_INTERVAL = 2.0


class JournalEvent(NamedTuple):
    """One thing that happened, and the place in the journal behind it."""

    line: Line
    cursor: Cursor


class Since(NamedTuple):
    """Where to begin: at a place, or at a time."""

    cursor: Cursor | None = None
    time: str = ""
    """As ``iso`` writes it; empty: everything behind the cursor."""


def parse_since(text: str, now: float) -> Since:
    """Read a cursor (``4711.9f3ac2d1``), a time (``2026-01-05T14:00Z``) or how long ago (``10m``).

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
    if seconds := epoch(text):
        return Since(Cursor(), iso(seconds))
    raise UsageError(
        f"{text!r} is neither a cursor nor a time", hint="such as 4711.9f3ac2d1, 10m (ago) or 2026-01-05T14:00:00Z"
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
        """Where a first call begins: with the last run, or with everything when there was none."""
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
        events = [JournalEvent(line, cursor) for text, cursor in read if (line := read_line(text))]
        since = self.since.time if self.since else ""
        return [each for each in events if each.line.time >= since]

    def keep(self) -> None:
        """Remember how far was printed, unless the caller said where to begin and so keeps a place of their own.

        Raises:
            StoreError: it could not be written.
        """
        if self.since is None:
            keep_cursor(self._place, self.cursor)


@dataclass(frozen=True)
class WatchParams:
    """From where on, and how long."""

    once: bool = flag("Tell what is new since your last look, and return.")
    since: str = option("Begin there: 4711.9f3ac2d1, 10m (ago), or a date.", metavar="CURSOR|TIME", default="")
    timeout: float | None = option("Return after this time.", metavar="D", read=duration)


def execute(call: Call, params: WatchParams) -> Follower:
    """Watch what happens, line by line: what tasks do and what is said about them.

    Begins with what is new since your last look (each name has its own), then follows until Ctrl-C.
    Private notes are not among it.

    Examples:
      orchestrator watch
      orchestrator watch --once          what is new, and back; in a loop
      orchestrator watch --since 10m --json
    """
    begin = parse_since(params.since, time.time()) if params.since else None
    return Follower(call.plan(), call.caller(), begin)


def main(call: Call, params: WatchParams) -> int:
    """Print what is new, and follow until the timeout, Ctrl-C or the end of the reader."""
    follower = execute(call, params)
    end = None if params.timeout is None else time.monotonic() + params.timeout
    try:
        if params.once:
            _print_new(follower, is_json=call.is_json)
            _print_death(follower.layout, "")
        else:
            _follow(follower, end, is_json=call.is_json)
    except BrokenPipeError:
        pass  # the reader of our output has seen enough
    return 0


def _follow(follower: Follower, end: float | None, *, is_json: bool) -> None:
    with Alarm(follower.layout.root) as alarm:
        gone = ""
        # Watched first, then read: nothing falls between the two.
        while _is_read():
            _print_new(follower, is_json=is_json)
            gone = _print_death(follower.layout, gone)
            left = _INTERVAL if end is None else min(_INTERVAL, end - time.monotonic())
            if left <= 0:
                return
            alarm.wait(left)


def _print_new(follower: Follower, *, is_json: bool) -> None:
    if not (new := follower.new()):
        return
    lines = "".join(f"{_line(each, is_json=is_json)}\n" for each in new)
    write(lines, for_people=not is_json)
    try:
        # Printed first: better twice than never.
        follower.keep()
    except StoreError as error:
        talk(f"warning: {error}; the next look tells the same again")


def _print_death(layout: Layout, known: str) -> str:
    """Print that the last run is gone, unless that is *known*; return which one that is."""
    gone = broken_off(layout.lock)
    if gone not in {"", known}:
        talk(with_program(f"❌ run {gone} died: `orchestrator status --brief` says what is left"))
    return gone


def _line(each: JournalEvent, *, is_json: bool) -> str:
    line = each.line
    if line.what == Kind.WARNING.value:
        line = line._replace(text=with_program(line.text))
    if not is_json:
        return watch_line(line)
    return json.dumps(watch_facts(line, str(each.cursor)), ensure_ascii=False)


def _is_read() -> bool:
    """Whether our output may still be read: a pipe without a reader is in error."""
    poll = select.poll()
    poll.register(sys.stdout, 0)
    return not any(event & select.POLLERR for _, event in poll.poll(0))


COMMAND = Command(
    WatchParams, execute, main=main, takes=(DIRECTORY, DIR, CALLER, with_help(JSON, "Print one JSON object per line."))
)
