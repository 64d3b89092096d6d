"""Whoever keeps connections open keeps nobody out."""

from __future__ import annotations

import socket
from contextlib import ExitStack, suppress

import pytest

from tests.patience import PATIENCE
from tests.web.dashboard import Dashboard


@pytest.mark.parametrize("sent", ["", "GET / HT", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_idle_connections_make_room(opened: Dashboard, sent: str) -> None:
    """Of those without a request the oldest is closed when there are too many; the page is drawn all the same."""
    with ExitStack() as kept:
        idle = []
        for _ in range(300):
            each = socket.create_connection(("127.0.0.1", opened.port), PATIENCE)
            idle.append(kept.enter_context(each))
            each.sendall(sent.encode())
        assert 200 == opened.get("/").status
        with suppress(ConnectionResetError):  # what was not read yet goes with it
            while idle[0].recv(4096):  # what it was answered, then the end
                pass
        assert 200 == opened.get("/").status
