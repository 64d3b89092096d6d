"""The command ``wait``: what is new in a run."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, duration, option
from orchestrator.commands.reply import named_directory, program, say_json, talk, with_program, write
from orchestrator.core.brief import Brief, Phase
from orchestrator.core.event import News
from orchestrator.core.plan import PlanHeader
from orchestrator.core.status import TaskStatus
from orchestrator.errors import ExitStatus, NotFoundError, StoreError
from orchestrator.services.plans import what_keeps
from orchestrator.services.status import brief_of, status
from orchestrator.store.journal import Cursor, keep_cursor, last_run, load_cursor, parse_cursor, read_on
from orchestrator.store.layout import Layout
from orchestrator.store.lock import lock_owner, require_elsewhere
from orchestrator.store.watcher import poll
from orchestrator.views.brief import brief_text, facts, next_command

#: The stable words of ``--json`` for each exit status.
_CODES = {
    ExitStatus.DONE: "ok",
    ExitStatus.TASK_FAILED: "tasks_failed",
    ExitStatus.BUSY: "running",
    ExitStatus.HELD: "held",
}
#: Seconds between two looks at the journal and the lock: sooner than a person notices, and next to no work.
_LOOK = 0.25
#: Seconds that a run with nothing under way is given to say that it has ended.
_ENDS_WITHIN = 1.0
_UNDER_WAY = frozenset({TaskStatus.RUNNING, TaskStatus.RETRYING})


class Until(StrEnum):
    """What ends a wait at once; the end of the run always does."""

    NEWS = "news"
    """A failure, a hold, a warning, a discovery."""
    ANY = "any"
    """That, or any task that comes to an end."""
    END = "end"
    """Nothing else."""


class WaitUpdate(NamedTuple):
    """What there is to tell, and how far the journal was read for it."""

    brief: Brief
    cursor: Cursor


def read_update(layout: Layout) -> WaitUpdate:
    """Return what is new since the cursor that was kept, and where the run stands; do not wait.

    Raises:
        PlanError, NotFoundError, StoreError: the plan cannot be read.
    """
    return _JournalReader(layout, None).update()


def follow(layout: Layout, since: Cursor | None, *, timeout: float, until: Until) -> WaitUpdate:
    """Wait until there is news of that kind, the run is over, or *timeout* seconds have passed; return the news.

    Nothing is touched, and the kept cursor is not moved (``keep`` does that once the news was printed).

    Raises:
        NotFoundError: there is no plan, or it was never run.
        UsageError: it was called in a listener of the run that it would wait for.
        PlanError, StoreError: the plan cannot be read.
    """
    reading = _JournalReader(layout, since)
    for _ in poll(_LOOK, timeout):
        reading.go_on()
        holder = lock_owner(layout.lock)
        if holder is None or reading.has(until):
            break
        if timeout > 0:
            require_elsewhere(holder)
    update = reading.update()
    for _ in poll(_LOOK, min(_ENDS_WITHIN, timeout)):
        if update.brief.is_over or _is_running(update.brief):
            break
        update = reading.update()  # what was the last to fail has ended the run, and nobody is to read that it goes on
    if update.brief.phase is Phase.NONE:
        waits = update.brief.begins
        raise NotFoundError(
            "this plan was never run" + (", and a run waits for its time" if waits else ""),
            where=layout.root,
            hint="`orchestrator status` says until when"
            if waits
            else _what_first(layout, update.brief.board.plan.header),
        )
    return update


def _is_running(brief: Brief) -> bool:
    return brief.phase is Phase.HELD or not _UNDER_WAY.isdisjoint(brief.board.by_status())


def _what_first(layout: Layout, plan_header: PlanHeader) -> str:
    """Say what to do with a plan that was never run."""
    if plan_header.state is not None and (keeps := what_keeps(layout, plan_header)):
        return keeps
    return "`orchestrator run --detach` starts a run"


def keep(layout: Layout, cursor: Cursor) -> None:
    """Remember how far was printed, for the next caller without a cursor: one place for each plan directory.

    Raises:
        StoreError: it could not be written.
    """
    keep_cursor(layout.cursor, cursor)


@dataclass(slots=True)
class _JournalReader:
    """The journal, read along from a cursor on; from the start of the last run when the cursor is no good."""

    layout: Layout
    since: Cursor | None
    cursor: Cursor = field(init=False)
    news: News = field(default_factory=News, init=False)

    def __post_init__(self) -> None:
        kept = self.since or load_cursor(self.layout.cursor)
        self.cursor = kept or last_run(self.layout.journal)[0]

    def go_on(self) -> None:
        """Read what was written meanwhile."""
        read = read_on(self.layout.journal, self.cursor)
        if read is None:
            # Another journal, or one begun anew: what was read of the old one is no news any more.
            self.news, self.cursor = News(), last_run(self.layout.journal)[0]
            read = read_on(self.layout.journal, self.cursor)
        if read is not None:
            lines, self.cursor = read
            self.news.take(lines)

    def has(self, until: Until) -> bool:
        """Say whether what was read ends the wait."""
        match until:
            case Until.NEWS:
                return self.news.is_urgent()
            case Until.ANY:
                return self.news.has_endings()
            case Until.END:
                return False

    def update(self) -> WaitUpdate:
        """Look at the plan, too. In this order: once no one holds it, every line of the run is written."""
        overview = status(self.layout)
        self.go_on()
        return WaitUpdate(brief_of(self.layout, overview, self.news), self.cursor)


@dataclass(frozen=True)
class WaitParams:
    """For what, and how long."""

    timeout: float = option(
        "Come back after this time at the latest.", metavar="D", default=90.0, shown_default="90s", read=duration
    )
    since: str = option("Tell what is new since then (default: the last call).", metavar="CURSOR", default="")
    until: str = option(
        "What ends the wait: bad news, any task's end, only the run's end.",
        names=("--for",),
        choices=tuple(each.value for each in Until),
        default=Until.NEWS.value,
        shown_default=Until.NEWS.value,
    )


def execute(call: Call, params: WaitParams) -> WaitUpdate:
    """Wait for news of a run, and tell it in a few lines.

    Comes back at once when a task failed, something needs a person, a user alerts everybody
    (`discover`), or the run is over; otherwise after the timeout. Says what changed since the last
    call, what to do next, and a cursor for --since. It never disturbs the run.

    Exit statuses:
      0 the run is over, everything is completed
      1 some task failed, something needs a person, or the run died
      2 bad input, or the plan was never run
      3 the run goes on
      4 held by a limit or a budget
      5 state could not be read

    Examples:
      orchestrator wait --timeout 90
      orchestrator wait --for end --timeout 1h
    """
    since = parse_cursor(params.since) if params.since else None
    return follow(call.plan(), since, timeout=params.timeout, until=Until(params.until))


def main(call: Call, params: WaitParams) -> int:
    """Wait, print what is new, and remember how far that was."""
    layout, update = call.plan(), execute(call, params)
    exit_status = update.brief.exit_status
    code = "died" if update.brief.phase is Phase.DIED else _CODES[exit_status]
    print_update(layout, update, code, is_json=call.is_json)
    if not params.since:
        # Printed first: better twice than never.
        sys.stdout.flush()
        try:
            keep(layout, update.cursor)
        except StoreError as error:
            talk(f"warning: {error}; the next wait tells the same again")
    return int(exit_status)


def print_update(layout: Layout, update: WaitUpdate, code: str, *, is_json: bool) -> None:
    """Print what is new in a run; ``status --brief`` prints the same."""
    brief = update.brief
    about: dict[str, Any] = {
        "now": time.time(),
        "next_step": next_command(brief, named_directory(), os.path.relpath(layout.final_output), program()),
        "cursor": str(update.cursor),
        "typed": with_program,
    }
    if is_json:
        is_ok = code in {"ok", "running"}
        say_json(brief.board.progress(), code=code, ok=is_ok, **facts(brief, **about))
    else:
        write(brief_text(brief, **about))


COMMAND = Command(WaitParams, execute, main=main, takes=(DIRECTORY, DIR, JSON))
