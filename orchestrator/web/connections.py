"""Keeps room for whoever comes: other users of the machine reach our port, and may hold as many lines to it as they
like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio  # noqa: TID251 - the name of a type

#: Connections at a time.
_MOST = 128


class Connection(H11Protocol):
    """One line. Where there are too many, one of the others is cut for it: first those that ask nothing."""

    since = 0.0
    """When it was opened, by the clock of the loop."""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being answered on it: a request has not come, not yet in full, or is over."""
        return getattr(self.cycle, "response_complete", True)  # there is none before the first

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take it in, and make room."""
        self.since = self.loop.time()
        others = [
            each
            for each in self.connections
            if isinstance(each, Connection) and not each.transport.is_closing()
        ]
        if len(others) >= _MOST:
            # A page of ours whose line is cut opens another; nobody is refused for the sake of who came before.
            min(others, key=lambda each: (not each.is_idle, each.since)).transport.abort()
        super().connection_made(transport)
