"""Serves the dashboard on the loopback interface until Ctrl-C or SIGTERM."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn

from orchestrator.errors import UsageError
from orchestrator.store.layout import Layout
from orchestrator.web.connections import Connection
from orchestrator.web.gate import Gate, Keys
from orchestrator.web.live import Live
from orchestrator.web.routes import application

if TYPE_CHECKING:
    from starlette.types import ASGIApp

#: The only address we are ever bound to.
_HOST = "127.0.0.1"
#: Seconds that a connection is kept between two requests.
_IDLE = 15
#: Seconds after a signal within which what is being answered may still be.
_GRACE = 5


def serve(layout: Layout, port: int, caller: str, ready: Callable[[Keys], None]) -> None:
    """Serve until a signal ends it.

    Args:
        layout: The plan directory, or a directory of plans.
        port: Where to listen; 0: anywhere.
        caller: Who does what is done here.
        ready: Called once we listen, with what lets a browser in.

    Raises:
        UsageError: somebody else listens on that port.
        KeyboardInterrupt: Ctrl-C.
        SystemExit: SIGTERM; with 143.
    """
    listening = _listen(port)
    keys = Keys(listening.getsockname()[1])
    live = Live()
    server = _Server(Gate(application(layout, keys, live, caller), keys), live, lambda: ready(keys))
    before = signal.signal(signal.SIGTERM, _leave)
    try:
        server.run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)
        listening.close()


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        raise UsageError(
            f"cannot listen on port {port}: {error.strerror}",
            hint="--port 0 takes any free one",
        ) from error


class _Server(uvicorn.Server):
    """Says when it listens; a signal ends the streams first, for they would go on for ever."""

    def __init__(self, inside: ASGIApp, live: Live, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                inside,
                # What is chosen by itself depends on what happens to be installed.
                loop="asyncio",
                http=Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_IDLE,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._live, self._ready = live, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        is_first = not self.should_exit
        super().handle_exit(sig, frame)
        if is_first:  # a second signal may come while we are here
            self._live.over.set()
