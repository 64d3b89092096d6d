"""The protocol of a notifier. Every implementation, and the fake, passes ``tests/conformance/test_notifiers.py``."""

from __future__ import annotations

from typing import Protocol

from orchestrator.core.notification import Notice


class NotifyError(Exception):
    """A notice was not delivered, which a run tells as a warning.

    The message never contains an address: with it, anyone could post there.
    """


class Notifier(Protocol):
    """One way to a user. Called in a thread of its own, so it may take its time."""

    def send(self, notice: Notice) -> None:
        """Deliver a notice; returns when a user has taken it. Once closed, it only fails.

        Raises:
            NotifyError: it was not delivered, and trying once more will not help.
        """

    def close(self) -> None:
        """Let go at once of what is under way; called from another thread, and as often as one likes."""
