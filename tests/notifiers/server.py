"""A web server on this machine that answers as a test wants: well, badly, late, or not at all."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: Answers nothing, and keeps the line open.
HANG = "hang"
#: Closes the line instead of an answer.
DROP = "drop"
#: Begins an answer that never ends.
ENDLESS = "endless"
#: Begins an answer, and goes on with it a byte at a time; what it says is that it is busy.
DRIBBLE = "dribble"
#: Says that it is busy, and why, a byte at a time.
BUSY_DRIBBLE = "busy dribble"
#: Seconds between two bytes: much less than anybody waits for one.
_BYTE = 0.01


@dataclass(frozen=True)
class Reply:
    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Server:
    """What it was sent, in order. The answers in *script* come first, then *always*."""

    script: list[Reply | str] = field(default_factory=list)
    always: Reply | str = field(default_factory=Reply)
    bodies: list[Any] = field(default_factory=list)
    heads: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hook/secret-token") -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def reply(self) -> Reply | str:
        return self.script.pop(0) if self.script else self.always


class _Handler(BaseHTTPRequestHandler):
    told: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.told.bodies.append(json.loads(body))
        self.told.heads.append(dict(self.headers))
        self.told.paths.append(self.path)
        reply = self.told.reply()
        if reply == HANG:
            self.told.over.wait()
        if reply in (DRIBBLE, BUSY_DRIBBLE):
            self.dribble(b"\r\n" if reply == BUSY_DRIBBLE else b"X: ")
            return
        if isinstance(reply, str) and reply != ENDLESS:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        answer = reply if isinstance(reply, Reply) else Reply(200)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if reply == ENDLESS:
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"and so on ")
            self.wfile.flush()
            self.told.over.wait()
            return
        self.send_header("Content-Length", "0")
        self.end_headers()

    def dribble(self, after: bytes) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 503 Busy\r\nContent-Length: 1000000\r\n" + after)
        while not self.told.over.wait(_BYTE):
            self.wfile.write(b"x")

    def do_GET(self) -> None:  # a redirect that somebody followed
        self.told.paths.append(f"GET {self.path}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        return


@contextmanager
def serving(
    script: Sequence[Reply | str] = (), *, always: Reply | str | None = None, certificate: str = ""
) -> Iterator[Server]:
    """Serve until the end of the block."""
    told = Server(list(script), always or Reply())

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a caller that was ended hangs up

    server = Quiet(("127.0.0.1", 0), type("Handler", (_Handler,), {"told": told}))
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        told.scheme = "https"
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield told
    finally:
        told.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
