"""The live view of a run: one line per running task with its elapsed time, an overall bar, what happened above it."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from orchestrator.cli.sentence import sentence
from orchestrator.core.duration import format_duration
from orchestrator.core.money import usd
from orchestrator.core.redact import redact
from orchestrator.core.text import one_line
from orchestrator.runtime.happening import Happening, Kind

_SHOWN = 12
_OVER = frozenset(
    {
        Kind.TASK_COMPLETED,
        Kind.TASK_FAILED,
        Kind.TASK_RETRYING,
        Kind.TASK_INTERRUPTED,
        Kind.TASK_BLOCKED,
        Kind.TASK_CANCELLED,
    }
)
_SETTLED = frozenset(
    {Kind.TASK_COMPLETED, Kind.TASK_FAILED, Kind.TASK_SKIPPED, Kind.TASK_CANCELLED}
)


class LiveView:
    """Draws on stderr, so that stdout stays for data."""

    def __init__(self) -> None:
        """Draw nothing yet."""
        self._console = Console(stderr=True, highlight=False)
        self._running: dict[str, Happening] = {}
        self._news: dict[str, str] = {}
        self._settled: set[str] = set()
        self._total = 0
        self._spent = 0.0
        self._spinner = Spinner("dots")
        self._live = self._new()
        self._is_printing = self._is_suspended = False

    def _new(self) -> Live:
        return Live(
            get_renderable=self._picture,
            console=self._console,
            refresh_per_second=8,
            transient=True,
        )

    def __enter__(self) -> Self:
        self._live.start()
        # Who had us ignore Ctrl-Z has no shell that could go on with us.
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self._hear_ctrl_z)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if signal.getsignal(signal.SIGTSTP) == self._hear_ctrl_z:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        with suppress(OSError):
            self._live.stop()

    def _hear_ctrl_z(self, _number: int, _frame: FrameType | None) -> None:
        self._is_suspended = True
        if not self._is_printing:  # else it could not print now, and does so once that is done
            self._suspend()

    def _suspend(self) -> None:
        """Leave the terminal to the shell, with its cursor, until we go on; what it shows meanwhile stays."""
        self._is_suspended = False
        with suppress(OSError):
            self._live.stop()
        # Not SIGSTOP: where no shell could have us go on, the system does not stop us.
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._hear_ctrl_z)
        self._live = self._new()  # that is below what is there now
        with suppress(OSError):
            self._live.start()

    def hear(self, happening: Happening) -> None:
        """Take in what happened; print what stays, redraw what changes."""
        if happening.kind in {Kind.RUN_STARTED, Kind.RUN_CHANGED}:
            self._total = len(self._settled) + happening.tasks
        if happening.kind is Kind.TASK_STARTED:
            self._running[happening.task] = happening
            return
        if happening.kind is Kind.NEWS:
            self._news[happening.task] = happening.text
            return
        if happening.kind in _OVER:
            self._running.pop(happening.task, None)
            self._news.pop(happening.task, None)
            self._spent += happening.cost or 0.0
        if happening.kind in _SETTLED:
            self._settled.add(happening.task)
            # Also what could not run from the start: that was not announced.
            self._total = max(self._total, len(self._settled))
        if line := sentence(happening):
            self._print(line)

    def _print(self, line: str) -> None:
        self._is_printing = True
        # A terminal that was closed shows nothing any more, and stops nothing.
        with suppress(OSError):
            self._console.print(Text(redact(line)), soft_wrap=True)
        self._is_printing = False
        if self._is_suspended:
            self._suspend()

    def _picture(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        now = time.time()
        for happening in list(self._running.values())[:_SHOWN]:
            table.add_row(
                self._spinner,
                Text(happening.task, style="bold"),
                Text(one_line(happening.name, limit=60), overflow="ellipsis", no_wrap=True),
                Text(format_duration(now - happening.time), style="cyan"),
                Text(one_line(self._news.get(happening.task, "")), style="dim", no_wrap=True),
            )
        more = len(self._running) - _SHOWN
        rows: list[RenderableType] = [table]
        if more > 0:
            rows.append(Text(f"  … and {more} more"))
        if self._total:
            bar = Table.grid(padding=(0, 1))
            bar.add_row(
                ProgressBar(total=self._total, completed=len(self._settled), width=40),
                Text(f"{len(self._settled)}/{self._total}"),
                Text(usd(self._spent) if self._spent else "", style="dim"),
            )
            rows.append(bar)
        return Group(*rows)
