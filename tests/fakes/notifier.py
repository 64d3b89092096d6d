"""A notifier without anybody behind it, held to the same conformance suite as the real ones."""

from __future__ import annotations

import threading

from orchestrator.core.notification import Notice
from orchestrator.notifiers.protocol import NotifyError


class FakeNotifier:
    """Keeps what it gets in ``sent``; fails with *fails*, or hangs until it is closed."""

    def __init__(self, *, fails: str = "", hangs: bool = False) -> None:
        self.sent: list[Notice] = []
        self.begun = threading.Event()
        self._fails, self._hangs = fails, hangs
        self._closed = threading.Event()

    def send(self, notice: Notice) -> None:
        self.begun.set()
        if self._hangs:
            self._closed.wait()
        if self._closed.is_set():
            raise NotifyError("closed")
        if self._fails:
            raise NotifyError(self._fails)
        self.sent.append(notice)

    def close(self) -> None:
        self._closed.set()
