"""``watch``."""

from __future__ import annotations

import json
import select
import sys
import time

import click

from orchestrator.actions.watching import Follower, JournalEvent, parse_since
from orchestrator.cli.options import Duration, takes_caller, takes_directory
from orchestrator.commands.reply import as_called, caller, plan_directory, talk, write
from orchestrator.errors import StoreError
from orchestrator.runner.events import Kind
from orchestrator.store.layout import Layout
from orchestrator.store.lock import broken_off
from orchestrator.store.watcher import Alarm
from orchestrator.views.event_lines import watch_facts, watch_line

#: Seconds between two looks although nothing called: does anybody still read us, is it a disk that tells nothing?
_LOOK = 2.0


@click.command("watch")
@takes_directory
@click.option("--once", is_flag=True, help="Tell what is new since your last look, and return.")
@click.option(
    "--since", metavar="CURSOR|TIME", help="Begin there: 4711.9f3ac2d1, 10m (ago), or a date."
)
@click.option("--timeout", metavar="D", type=Duration(), help="Return after this time.")
@takes_caller
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def watch_command(
    directory: str | None,
    option: str | None,
    *,
    once: bool,
    since: str | None,
    timeout: float | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Watch what happens, line by line: what tasks do and what is said about them.

    Begins with what is new since your last look (each name has its own), then follows until Ctrl-C.
    Private notes are not among it.

    \b
      orchestrator watch
      orchestrator watch --once          what is new, and back; in a loop
      orchestrator watch --since 10m --json
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(directory, option)
    begin = parse_since(since, time.time()) if since else None
    follower = Follower(layout, caller(name), begin)
    end = None if timeout is None else time.monotonic() + timeout
    try:
        if once:
            _tell(follower, as_json=as_json)
            _tell_of_death(layout, "")
            return
        with Alarm(layout.root) as alarm:
            gone = ""
            # Watched first, then read: nothing falls between the two.
            while _is_read():
                _tell(follower, as_json=as_json)
                gone = _tell_of_death(layout, gone)
                left = _LOOK if end is None else min(_LOOK, end - time.monotonic())
                if left <= 0:
                    return
                alarm.wait(left)
    except BrokenPipeError:
        return  # whoever read our output has seen enough


def _tell(follower: Follower, *, as_json: bool) -> None:
    new = follower.new()
    if not new:
        return
    lines = "".join(f"{_line(each, as_json=as_json)}\n" for each in new)
    write(lines, for_people=not as_json)
    try:
        # Told first, so that something is rather told twice than never.
        follower.keep()
    except StoreError as error:
        talk(f"warning: {error}; the next look tells the same again")


def _tell_of_death(layout: Layout, known: str) -> str:
    """Say that the last run is gone, as it cannot itself, unless that is *known*; return which one that is."""
    gone = broken_off(layout.lock)
    if gone not in {"", known}:
        talk(as_called(f"❌ run {gone} died: `orchestrator status --brief` says what is left"))
    return gone


def _line(each: JournalEvent, *, as_json: bool) -> str:
    line = each.line
    if line.what == Kind.WARNING.value:
        line = line._replace(text=as_called(line.text))
    if not as_json:
        return watch_line(line)
    return json.dumps(watch_facts(line, str(each.cursor)), ensure_ascii=False)


def _is_read() -> bool:
    """Say whether anybody may still read what we print: a pipe without a reader says that it is in error."""
    poll = select.poll()
    poll.register(sys.stdout, 0)
    return not any(event & select.POLLERR for _, event in poll.poll(0))
