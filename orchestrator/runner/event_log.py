"""While a run goes on, others say things: whoever watches the run hears them, too (seed row S0-28)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import anyio

from orchestrator.core.event import Line, read_line
from orchestrator.core.message import SPOKEN
from orchestrator.errors import OrchestratorError
from orchestrator.runner.events import Event, Kind, Listener
from orchestrator.store.journal import Cursor, end_of, read_on
from orchestrator.core.timestamp import epoch

#: Seconds between two looks at the journal.
_LOOK = 0.5
#: Bytes that are heard at each of them; where more was written nothing is, or to tell it would keep the run.
_HEARD = 256 * 1024
#: What stands in every line that somebody said.
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
            return  # whoever writes into it will say so
        lines, self._cursor = read or ([], end_of(self._journal))
        # Nearly all lines are the run's own, and to read one takes ten times as long as to see that nobody said it.
        likely = [text for text in lines if any(word in text for word in _SPOKEN)]
        for line in filter(None, map(read_line, likely)):
            if line.is_message:
                self._listener(_happening(line))


def _happening(line: Line) -> Event:
    return Event(
        kind=Kind(line.what),
        time=epoch(line.time),
        task=line.subject,
        agent=line.author,
        text=line.said,
    )
