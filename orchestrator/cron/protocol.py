"""The socket of those who start runs at their time. Every plug, and the fake, passes ``tests/conformance``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from orchestrator.cron.entry import Scheduled, ScheduledRun


class Scheduler(Protocol):
    """A service of this machine that starts programs at their time. Only entries with our mark are ever touched."""

    by: str
    """What it is called: ``crontab`` or ``systemd``."""

    def entries(self) -> Sequence[Scheduled]:
        """Return our entries.

        Raises:
            ScheduleError: they cannot be read.
        """

    def add(self, job: ScheduledRun) -> None:
        """Add an entry whose name is not taken.

        Raises:
            ValueError: it cannot say that; says what it can.
            ScheduleError: it was not added; all is as before.
        """

    def remove(self, name: str) -> None:
        """Remove an entry; of one that is not there nothing is to be done.

        Raises:
            ScheduleError: it was not removed.
        """
