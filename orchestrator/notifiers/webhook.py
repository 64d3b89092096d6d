"""Posts each notice to an address, in the form that Discord, Slack or a program wants."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from orchestrator.core.notification import Notice
from orchestrator.notifiers.http_post import post
from orchestrator.notifiers.payload import FORMS
from orchestrator.notifiers.protocol import NotifyError


class WebhookNotifier:
    """Posts JSON; tries again when the other side asks for it, is busy or broken (``http_post``)."""

    def __init__(self, way: str, address: str, wait: Callable[[float], bool] | None = None) -> None:
        """Take the form (a key of ``FORMS``) and the address.

        *wait* waits so many seconds and returns True as soon as the notifier is closed; a test that has no time gives
        another one.
        """
        self._form, self._address = FORMS[way], address
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait

    def send(self, notice: Notice) -> None:
        """Post it."""
        body = json.dumps(self._form(notice), ensure_ascii=False).encode()
        if self._closed.is_set():
            raise NotifyError("closed")
        post(self._address, body, self._pause)

    def close(self) -> None:
        """Wait for nothing any more. A request that is under way ends with its own time limits."""
        self._closed.set()

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds) or self._closed.is_set():
            raise NotifyError("closed while it waited to try again")
