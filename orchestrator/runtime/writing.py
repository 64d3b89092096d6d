"""Makes results durable behind the work: what ended in the same moment, or while others were written, together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import anyio
import anyio.to_thread

from orchestrator.errors import StoreError
from orchestrator.runtime.happening import Happening
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace

#: Seconds to wait for more results before a sync, while others run and nobody waits for this one: a sync costs much
#: the same for one result and for ten.
_GATHER = 0.002


class Unwritten(NamedTuple):
    """A result on its way to the disk, and what is told once it is there."""

    task: str
    commit: Commit | None
    """None: there is nothing to write, and the next run makes the result of what lies there."""
    happening: Happening
    request: str = ""
    """The command that settled it so, to be answered then."""


@dataclass(slots=True, kw_only=True)
class Writer:
    """Writes whatever is put into it, in order. Nobody is told anything before it is durable."""

    workspace: Workspace
    is_alone: Callable[[], bool]
    """Whether nothing else can happen before it is done; a thread would only take longer."""
    is_awaited: Callable[[], bool]
    """Whether somebody waits for just this."""
    fails: Callable[[StoreError], None]
    notes: Callable[[str], None]
    """Hears what was found in the place of a result."""
    written: Callable[[Unwritten], None]
    """Called for each, also after a failure: a run must come to its end."""
    _queue: list[Unwritten] = field(default_factory=list, init=False)
    _filled: anyio.Event = field(default_factory=anyio.Event, init=False)

    def put(self, unwritten: Unwritten) -> None:
        """Have it written."""
        self._queue.append(unwritten)
        self._filled.set()

    async def keep_writing(self) -> None:
        """Write until cancelled."""
        while True:
            await self._filled.wait()
            if not (self.is_alone() or self.is_awaited()):
                await anyio.sleep(_GATHER)
            self._filled = anyio.Event()
            batch, self._queue = self._queue, []
            try:
                await self._write([each.commit for each in batch if each.commit])
            except StoreError as error:
                self.fails(error)
            for note in self.workspace.take_notes():
                self.notes(note)
            for each in batch:
                self.written(each)

    async def _write(self, commits: Sequence[Commit]) -> None:
        if self.is_alone():
            self.workspace.commit(commits)
        else:
            await anyio.to_thread.run_sync(self.workspace.commit, commits)
