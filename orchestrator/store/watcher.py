"""Waits until something is written into a directory. The system reports that, so there is no polling.

Through ``watchfiles`` (inotify, FSEvents, ReadDirectoryChanges): decision 0013.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self

from orchestrator.lazy import LazyModule
from orchestrator.store.atomic import io_errors
from orchestrator.store.fingerprint import signature

if TYPE_CHECKING:
    from watchfiles import _rust_notify
else:
    _rust_notify = LazyModule("watchfiles._rust_notify")

#: Milliseconds. Writes that follow each other within the first are reported together; a series that goes on is reported
#: after the second at the latest.
_TOGETHER, _AT_LATEST = 50, 250


class StopEvent(Protocol):
    """What ends a wait from outside: a ``threading.Event`` is one."""

    def is_set(self) -> bool: ...


class Alarm:
    """Watches directories, their files but nothing below, from the moment it is entered."""

    def __init__(self, *directories: str) -> None:
        """Take the paths; nothing is watched yet."""
        self._directories = directories

    def __enter__(self) -> Self:
        """Begin to watch.

        Raises:
            StoreError: one of them cannot be watched.
        """
        # The low end of the package: its high end chooses event loops and signal handlers for us.

        with io_errors("watch", self._directories[0]):
            self._notify = _rust_notify.RustNotify(
                list(self._directories),
                debug=False,
                force_polling=False,
                poll_delay_ms=300,
                recursive=False,
                ignore_permission_denied=False,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Watch no longer."""
        self._notify.close()

    def wait(self, timeout: float, stop: StopEvent | None = None) -> None:
        """Return when something in a directory has changed, after *timeout* seconds, or soon after *stop* is set.

        Raises:
            KeyboardInterrupt: Ctrl-C.
        """
        milliseconds = max(1, int(timeout * 1000))
        if self._notify.watch(_AT_LATEST, _TOGETHER, milliseconds, stop) == "signal":
            raise KeyboardInterrupt


def look_of(*paths: str) -> str:
    """Return a word for how these files are right now; another one once one of them was written, made or removed."""
    signed = []
    for path in paths:
        try:
            signed.append(f"{signature(os.stat(path)) & 0xFFFFFFFFFFFF:x}")
        except OSError:
            signed.append("-")
    return ".".join(signed)


# ── pause ────────
#
# The only place that sleeps: what another process does wakes no one here, so one has to look again.


def poll(every: float, within: float = math.inf) -> Iterator[None]:
    """Yield at once, and again after every so many seconds; for the last time when *within* seconds have passed."""
    end = time.monotonic() + within
    yield
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(every, left))  # noqa: TID251 - see above
        yield
