"""Serves the dashboard on the loopback interface until Ctrl-C or SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from orchestrator.errors import UsageError
from orchestrator.lazy import LazyModule
from orchestrator.services.schedules import usable_path
from orchestrator.store.layout import Layout
from orchestrator.views.pages import onward
from orchestrator.web.gate import Gate, Keys
from orchestrator.web.live import Live
from orchestrator.web.routes import application

if TYPE_CHECKING:
    import asyncio  # noqa: TID251 - the name of a type

    from starlette.types import ASGIApp

# ── connections ────────
#
# Keeps room for anyone who comes: other users of the machine reach our port, and may hold as many lines to it as they
# like.

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
        others = [each for each in self.connections if isinstance(each, Connection) and not each.transport.is_closing()]
        if len(others) >= _MOST:
            # A new connection is never refused: an idle or old one is closed instead. If an open page still used that
            # one, it connects again.
            min(others, key=lambda each: (not each.is_idle, each.since)).transport.abort()
        super().connection_made(transport)


#: The only address we are ever bound to.
_HOST = "127.0.0.1"
#: Seconds that a connection is kept between two requests.
_IDLE = 15
#: Seconds after a signal within which what is being answered may still be.
_GRACE = 1.0
#: Seconds between two looks at signals: one that comes in the moment before we wait does not wake us.
_LOOK = 0.5


def serve(layout: Layout, port: int, caller: str, program: str, ready: Callable[[Keys], None]) -> None:
    """Serve until a signal ends it.

    Args:
        layout: The plan directory, or a directory of plans.
        port: Where to listen; 0: anywhere.
        caller: Who does what is done here.
        program: The words that call us, for commands that are shown.
        ready: Called once we listen, with what lets a browser in.

    Raises:
        UsageError: another user listens on that port.
        KeyboardInterrupt: Ctrl-C.
        SystemExit: SIGTERM; with 143.
    """
    listening = _listen(port)
    keys = Keys(listening.getsockname()[1])
    live = Live()
    gate = Gate(application(layout, keys, live, caller, program), keys)
    server, ended = _server(gate), threading.Event()

    def serving() -> None:
        try:
            server.run([listening])
        finally:
            ended.set()  # in Python 3.11, a signal that comes while a thread is joined makes it seem over

    before = signal.signal(signal.SIGTERM, _leave)
    try:
        # A click may wait for a run for as long as that takes. We do not: the threads that a daemon starts are daemons.
        threading.Thread(target=serving, daemon=True).start()
        ready(keys)
        while not ended.wait(_LOOK):
            pass
    finally:
        live.over.set()  # streams would go on for ever
        server.should_exit = True
        ended.wait(_GRACE)
        signal.signal(signal.SIGTERM, before)
        listening.close()


def _leave(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((_HOST, port))
    except OSError as error:
        raise UsageError(
            f"cannot listen on port {port}: {os.strerror(error.errno or 0)}", hint="--port 0 takes any free one"
        ) from error


def _server(inside: ASGIApp) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            inside,
            # What is chosen by itself depends on what happens to be installed.
            loop="asyncio",
            http=Connection,
            ws="none",
            lifespan="off",
            # A warning is about a request, and anybody can send one.
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_IDLE,
        )
    )


# ── browser ────────
#
# Shows the dashboard in the browser of the desktop, without telling other users of the machine how to get in.
#
# Whatever stands in an address on a command line can be read by everybody while the browser starts. So the browser is
# given a file that only its user can read, and that file leads on, with a token that is spent by the first who comes.

if TYPE_CHECKING:
    import webbrowser
else:
    webbrowser = LazyModule("webbrowser")


@contextmanager
def shown_to() -> Iterator[Callable[[str], str]]:
    """Yield what shows an address, and says why not; the file goes at the end."""
    # After a change of user (``su``), the variable may name a directory that does not exist or is another user's.
    place = os.environ.get("XDG_RUNTIME_DIR", "")
    with tempfile.TemporaryDirectory(
        prefix="orchestrator-", dir=place if os.access(place, os.W_OK | os.X_OK) else None, ignore_cleanup_errors=True
    ) as directory:

        def show(address: str) -> str:
            if sys.platform != "darwin" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
                return "there is no desktop here"

            path = os.path.join(directory, "dashboard.html")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(onward(address))
            with _trusted_path():
                return "" if webbrowser.open(f"file://{path}") else "no browser could be started"

        yield show


@contextmanager
def _trusted_path() -> Iterator[None]:
    """Have programs looked for in absolute directories alone: the current one is not trusted."""
    path = os.environ.get("PATH")
    os.environ["PATH"] = usable_path(os.defpath if path is None else path)
    try:
        yield
    finally:
        if path is None:
            del os.environ["PATH"]
        else:
            os.environ["PATH"] = path
