"""What happened, said once: the journal, the progress view and ``run --json`` all tell it in their own words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestrator.core.duration import format_duration
from orchestrator.core.text import one_line
from orchestrator.store.result_file import iso


class Kind(StrEnum):
    """The kinds of things that happen; stable words of ``run --json``."""

    RUN_STARTED = "run_started"
    TASK_STARTED = "task_started"
    TASK_COMPLETED = "task_completed"
    TASK_FAILED = "task_failed"
    TASK_RETRYING = "task_retrying"
    TASK_INTERRUPTED = "task_interrupted"
    TASK_SKIPPED = "task_skipped"
    TASK_STOPPING = "task_stopping"
    NEWS = "news"
    WARNING = "warning"
    RUN_STOPPING = "run_stopping"
    RUN_ENDED = "run_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened. ``time`` is seconds since the epoch, ``duration`` and ``retry_in`` are seconds."""

    kind: Kind
    time: float
    task: str = ""
    name: str = ""
    agent: str = ""
    attempt: int = 0
    tasks: int = 0
    """How many tasks a run is about to run."""
    duration: float | None = None
    retry_in: float | None = None
    text: str = ""
    """Why, or what, in one line."""

    def line(self) -> str:
        """One line for the journal: time, task, what, why."""
        what = self.kind.value.partition("_")[2] or self.kind.value
        parts = [
            iso(self.time),
            self.task or "run",
            f"{what}{f' attempt {self.attempt}' if self.attempt else ''}",
        ]
        if self.agent:
            parts.append(f"agent {self.agent}")
        if self.duration is not None:
            parts.append(f"after {format_duration(self.duration)}")
        if self.retry_in is not None:
            parts.append(f"again in {format_duration(self.retry_in)}")
        if self.text:
            parts.append(self.text)
        return one_line(" · ".join(parts), limit=1000)

    def as_json(self) -> dict[str, Any]:
        """Return the fields that say something, for ``run --json``."""
        fields: dict[str, Any] = {"event": self.kind.value, "time": iso(self.time)}
        for name in ("task", "name", "agent", "attempt", "tasks", "text"):
            if value := getattr(self, name):
                fields[name] = value
        for name in ("duration", "retry_in"):
            if (seconds := getattr(self, name)) is not None:
                fields[name] = round(seconds, 3)
        return fields


#: Somebody who wants to know. Called in the event loop, so it must be quick.
Listener = Callable[[Happening], None]
