"""Makes results durable behind the work: what ended in the same moment, or while others were written, together.

A result goes through four moments:

1. *put*: log and record of its attempt lie there, and nothing is synced.
2. *published*: it is synced and in its place, and what waits for it starts. A power cut can still lose the attempt.
3. *settled*: its log, its record and the places of all are synced. A power cut loses nothing of it any more.
4. *reported*: so it stands in the journal, people read it, and the command that asked for it is answered.

After an own crash, at any of them, the next run makes the same result of what is there (decision record 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import anyio

from orchestrator.errors import StoreError
from orchestrator.runner.event_loop import in_thread
from orchestrator.runner.events import Event
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace

#: Seconds to wait for more results before a sync, while others run and no one waits for this one: a sync costs much
#: the same for one result and for ten.
_GATHER = 0.002
#: Seconds between two times that results are settled and reported, while others run: one sync for what came meanwhile.
_PAUSE = 0.2


class PendingResult(NamedTuple):
    """A result on its way to the disk, and the event to report once it is there."""

    task: str
    commit: Commit | None
    """None: nothing is written and nothing reported, and the next run makes the result of what is there."""
    event: Event
    request: str = ""
    """The command that settled it so, to be answered then."""


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Writer:
    """Writes whatever is put into it, in order. Nothing is reported before it is durable.

    What waits for a result may start earlier: once it is synced and in its place.
    """

    workspace: Workspace
    is_alone: Callable[[], bool]
    """Whether nothing else can happen before it is done; a thread would only take longer."""
    is_awaited: Callable[[], bool]
    """Whether a user waits for just this."""
    fails: Callable[[StoreError], None]
    notes: Callable[[str], None]
    """Hears what was found in the place of a result."""
    published: Callable[[str], None]
    """Called with each task whose result is in its place, also after a failure: a run must come to its end."""
    tell: Callable[[Event], None]
    """Called with what happened, in order, once everything of it is durable."""
    confirm: Callable[[str], None]
    """Called with the command that settled it so."""
    _queue: list[PendingResult] = field(default_factory=list, init=False)
    _filled: anyio.Event = field(default_factory=anyio.Event, init=False)
    _untold: list[PendingResult | Event] = field(default_factory=list, init=False)
    """What happened since a result was published of which not everything is durable yet."""
    _due: float = field(default=math.inf, init=False)
    """When that is to be settled and reported, by the clock of the event loop."""
    _settled: float = field(default=-math.inf, init=False)
    """When something was, last."""
    _is_busy: bool = field(default=False, init=False)
    """Whether something is being written, or is about to be."""
    _told: anyio.Event = field(default_factory=anyio.Event, init=False)

    def put(self, unwritten: PendingResult) -> None:
        """Have it written; ``look`` follows."""
        self._queue.append(unwritten)

    def look(self) -> None:
        """Write what was put: at once when nothing else can happen before that is done, else behind the work."""
        if not self._queue:
            return
        # What a user asked for is answered before anything comes of it.
        if self.is_alone() and not (self._is_busy or any(each.request for each in self._queue)):
            # What comes of it has its turn later, or a long plan would never come back from here.
            self._is_busy = True
            batch, commits = self._next()
            error = _error_in(partial(self.workspace.publish, commits))
            self._published(batch, is_done=self._is_done(error))
            self._is_busy = False
        self._filled.set()

    def holds_back(self, event: Event) -> bool:
        """Keep the outcome of a result until the result is reported; False when there is nothing to wait for."""
        if self._untold:
            self._untold.append(event)
        return bool(self._untold)

    async def drain(self) -> None:
        """Wait until everything that was published is reported."""
        while self._untold:
            await self._told.wait()

    async def keep_writing(self) -> None:
        """Write until cancelled."""
        while True:
            with anyio.move_on_after(self._due - anyio.current_time()):
                await self._filled.wait()
            self._filled = anyio.Event()
            self._is_busy = True
            if self._queue:
                if not (self.is_alone() or self.is_awaited()):
                    await anyio.sleep(_GATHER)
                batch, commits = self._next()
                is_done = await self._do(partial(self.workspace.publish, commits))
                self._published(batch, is_done=is_done)
            if self._untold and (self.is_alone() or anyio.current_time() >= self._due):
                await self._settle()
            self._is_busy = False

    def _next(self) -> tuple[Sequence[PendingResult], Sequence[Commit]]:
        batch, self._queue = self._queue, []
        return batch, [each.commit for each in batch if each.commit]

    def _published(self, batch: Sequence[PendingResult], *, is_done: bool) -> None:
        for note in self.workspace.take_notes():
            self.notes(note)
        kept = [each for each in batch if each.commit] if is_done else []
        if kept:
            is_asked_for = any(each.request for each in batch)
            self._due = min(self._due, 0.0 if is_asked_for else self._settled + _PAUSE)
            self._untold += kept
        for each in batch:
            self.published(each.task)

    async def _settle(self) -> None:
        with anyio.CancelScope(shield=True):  # a run that is over does not leave before that
            is_done = await self._do(self.workspace.settle)
        self._settled = anyio.current_time()
        untold, self._untold, self._due = self._untold, [], math.inf
        self._told.set()
        self._told = anyio.Event()
        for each in untold:
            if isinstance(each, Event):
                self.tell(each)
            elif is_done:
                self.tell(each.event)
                if each.request:
                    self.confirm(each.request)

    async def _do(self, step: Callable[[], None]) -> bool:
        if self.is_alone():
            return self._is_done(_error_in(step))
        return self._is_done(await in_thread(_error_in, step))

    def _is_done(self, error: StoreError | None) -> bool:
        if error is not None:
            self.fails(error)
        return error is None


def _error_in(step: Callable[[], None]) -> StoreError | None:
    try:
        step()
    except StoreError as error:
        return error
    return None
