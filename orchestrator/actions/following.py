"""Follow a run in bounded bites: what is new since somebody looked last, and whether it is worth waking them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.brief import Brief, Phase
from orchestrator.core.event import News
from orchestrator.core.plan import PlanHeader
from orchestrator.core.status import TaskStatus
from orchestrator.errors import NotFoundError
from orchestrator.services.status import brief_of, status
from orchestrator.store.journal import Cursor, keep_cursor, last_run, load_cursor, read_on
from orchestrator.store.layout import Layout
from orchestrator.store.lock import lock_owner, require_elsewhere
from orchestrator.store.watcher import poll

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


def look(layout: Layout) -> WaitUpdate:
    """Return what is new since the cursor that was kept, and where the run stands; do not wait.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    return _Reading(layout, None).bite()


def follow(layout: Layout, since: Cursor | None, *, timeout: float, until: Until) -> WaitUpdate:
    """Wait until there is news of that kind, the run is over, or *timeout* seconds have passed; return the news.

    Nothing is touched, and the kept cursor is not moved (``keep`` does that once the news was told).

    Raises:
        NotFoundError: there is no plan, or it was never run.
        UsageError: it was called in a listener of the run that it would wait for.
        PlanError, StoreError: as their names say.
    """
    reading = _Reading(layout, since)
    for _ in poll(_LOOK, timeout):
        reading.go_on()
        holder = lock_owner(layout.lock)
        if holder is None or reading.has(until):
            break
        if timeout > 0:
            require_elsewhere(holder)
    bite = reading.bite()
    for _ in poll(_LOOK, min(_ENDS_WITHIN, timeout)):
        if bite.brief.is_over or _goes_on(bite.brief):
            break
        bite = (
            reading.bite()
        )  # what was the last to fail has ended the run, and nobody is to be told that it goes on
    if bite.brief.phase is Phase.NONE:
        waits = bite.brief.begins
        raise NotFoundError(
            "this plan was never run" + (", and a run waits for its time" if waits else ""),
            where=layout.root,
            hint="`orchestrator status` says until when"
            if waits
            else _what_first(layout, bite.brief.board.plan.header),
        )
    return bite


def _goes_on(brief: Brief) -> bool:
    return brief.phase is Phase.HELD or not _UNDER_WAY.isdisjoint(brief.board.by_status())


def _what_first(layout: Layout, plan_header: PlanHeader) -> str:
    """Say what to do with a plan that was never run."""
    if plan_header.state is not None:  # most plans have none
        from orchestrator.services.plans import what_keeps

        if keeps := what_keeps(layout, plan_header):
            return keeps
    return "`orchestrator run --detach` starts a run"


def keep(layout: Layout, cursor: Cursor) -> None:
    """Remember how far was told, for the next caller without a cursor: one place for each plan directory.

    Raises:
        StoreError: it could not be written.
    """
    keep_cursor(layout.cursor, cursor)


@dataclass(slots=True)
class _Reading:
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

    def bite(self) -> WaitUpdate:
        """Look at the plan, too. In this order: once nobody holds it, every line of the run is written."""
        overview = status(self.layout)
        self.go_on()
        return WaitUpdate(brief_of(self.layout, overview, self.news), self.cursor)
