"""Wakes whoever waits for something to be written into a directory; the system tells it, nobody looks again and again.

Through ``watchfiles`` (inotify, FSEvents, ReadDirectoryChanges): decision 0013.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from orchestrator.store.atomic import reported

#: Milliseconds: what is written within the first of them after something was is told together with it, and what goes
#: on and on is told at the latest after the second.
_TOGETHER, _AT_LATEST = 50, 250


class Alarm:
    """Watches one directory, its files but nothing below, from the moment it is entered."""

    def __init__(self, directory: str) -> None:
        """Take the path; nothing is watched yet."""
        self._directory = directory

    def __enter__(self) -> Self:
        """Begin to watch.

        Raises:
            StoreError: it cannot be watched.
        """
        # The low end of the package: its high end chooses event loops and signal handlers for us.
        from watchfiles._rust_notify import RustNotify

        with reported("watch", self._directory):
            self._notify = RustNotify(
                [self._directory],
                debug=False,
                force_polling=False,
                poll_delay_ms=300,
                recursive=False,
                ignore_permission_denied=False,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Watch no longer."""
        self._notify.close()

    def wait(self, timeout: float) -> None:
        """Return when something in the directory has changed, or after *timeout* seconds.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        milliseconds = max(1, int(timeout * 1000))
        if self._notify.watch(_AT_LATEST, _TOGETHER, milliseconds, None) == "signal":
            raise KeyboardInterrupt
