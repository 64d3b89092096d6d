"""Who hears what happens in a run: the chronicle first, then anyone who watches it, then people who do not look."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

import anyio

from orchestrator.core.event import Line, read_line
from orchestrator.core.message import SPOKEN
from orchestrator.core.timestamp import epoch
from orchestrator.errors import OrchestratorError
from orchestrator.runner.clock import Clock
from orchestrator.runner.events import Event, Kind, Listener
from orchestrator.store.journal import Cursor, Journal, end_of, read_on

if TYPE_CHECKING:
    from orchestrator.runner.notify import NotificationSender

#: Seconds between two lines of the journal about what one agent is doing.
_NEWS_EVERY = 10.0
_T = TypeVar("_T")


class _RaisedError(BaseException):
    """A listener raised something: on the way out no code of this package takes that for its own error."""


def listened_to(listener: Listener, do: Callable[[Listener], _T]) -> _T:
    """Do what tells a listener; whatever that raises ends it, and comes out bare, not in a group of the event loop.

    Raises:
        BaseException: what the listener raised, or what was raised anyway.
    """
    raised: list[BaseException] = []

    def hear(event: Event) -> None:
        try:
            listener(event)
        except BaseException as error:
            raised.append(error)
            raise _RaisedError from error

    try:
        return do(hear)
    except BaseException:
        if not raised:
            raise
    raise raised[0]  # out here, so that nothing becomes its context


@dataclass(slots=True, eq=False, repr=False)
class EventBus:
    """Takes in everything that happens in one run."""

    journal: Journal
    listener: Listener
    clock: Clock
    sender: NotificationSender | None = field(default=None, init=False)
    """Tells people who do not look; None: there is none."""
    is_held: bool = field(default=False, init=False)
    """The newest word about a hold is that there is one."""
    _told: dict[str, float] = field(default_factory=dict, init=False)
    """When the journal last had news of a task."""

    def subscribe(self, sender: NotificationSender) -> None:
        """Send what happens from now on to the people whom *sender* notifies."""
        self.sender = sender

    def hear(self, event: Event) -> None:
        """Write it down and tell it; raises ``StoreError`` as the journal does."""
        if event.kind in {Kind.RUN_HELD, Kind.RUN_RESUMED}:
            self.is_held = event.kind is Kind.RUN_HELD
        if event.kind is not Kind.NEWS or self._is_due(event):
            self.journal.append(event.line())
        self.pass_on(event)

    def pass_on(self, event: Event) -> None:
        """Tell what stands in the journal already."""
        self.listener(event)
        for text in self.sender.hear(event) if self.sender is not None else ():
            self.hear(Event(kind=Kind.WARNING, time=event.time, text=text))

    def say(self, kind: Kind, text: str, task: str = "") -> None:
        """Tell what the run itself has to say."""
        self.hear(Event(kind=kind, time=self.clock.wall(), task=task, text=text))

    def _is_due(self, news: Event) -> bool:
        """Whether the chronicle should say what an agent is doing: not at every turn of each."""
        if 0 <= news.time - self._told.get(news.task, -math.inf) < _NEWS_EVERY:
            return False
        self._told[news.task] = news.time
        return True


# ── event log ────────
#
# While a run goes on, others say things: anyone who watches the run hears them, too.

#: Seconds between two looks at the journal.
_LOOK = 0.5
#: Bytes that are heard at each of them; where more was written nothing is, or to tell it would keep the run.
_HEARD = 256 * 1024
#: What stands in every line that a user said.
_SPOKEN = tuple(f" · {kind}" for kind in SPOKEN)


@asynccontextmanager
async def forward_journal(
    opened: AbstractAsyncContextManager[None], journal: str, listener: Listener
) -> AsyncIterator[None]:
    """Open the executor, and tell the listener what others write into the journal as long as it is open."""
    place = _Place(journal, end_of(journal), listener)
    async with opened, anyio.create_task_group() as scope:
        scope.start_soon(place.keep_listening)
        yield
        scope.cancel_scope.cancel()
    place.go_on()


class _Place:
    """How far the journal was heard."""

    def __init__(self, journal: str, cursor: Cursor, listener: Listener) -> None:
        self._journal, self._cursor, self._listener = journal, cursor, listener

    async def keep_listening(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await anyio.sleep(_LOOK)
            self.go_on()

    def go_on(self) -> None:
        """Tell what was said meanwhile; everything else in the journal is the run's own."""
        try:
            read = read_on(self._journal, self._cursor, _HEARD)
        except OrchestratorError:
            return  # anyone who writes into it will say so
        lines, self._cursor = read or ([], end_of(self._journal))
        # Nearly all lines are the run's own, and to read one takes ten times as long as to see that no one said it.
        likely = [text for text in lines if any(word in text for word in _SPOKEN)]
        for line in filter(None, map(read_line, likely)):
            if line.is_message:
                self._listener(_event(line))


def _event(line: Line) -> Event:
    return Event(kind=Kind(line.what), time=epoch(line.time), task=line.subject, agent=line.author, text=line.words)
