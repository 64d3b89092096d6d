"""What happened, one line each, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.core.event import Line
from orchestrator.core.message import MessageKind
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.views.messages import MESSAGE_ICONS
from orchestrator.views.terminal import ICONS

_ICONS: Mapping[str, str] = {
    "started": ICONS[TaskStatus.RUNNING],
    "interrupted": ICONS[TaskStatus.PENDING],
    **{status.value: icon for status, icon in ICONS.items()},
    **{kind.value: icon for kind, icon in MESSAGE_ICONS.items()},
    "warning": "⚠️",
    "stopping": "🛑",
    **dict.fromkeys(("held", "unaffordable", "overspent"), "⏸️"),
    "resumed": "▶️",
    "delayed": "⏳",
    "news": "·",
}


def watch_line(line: Line) -> str:
    """Return one line: ``14:00:05Z ✅ T-01 completed · after 3s``; of a message also who said it."""
    time, text = event_text(line)
    return one_line(f"{time.partition(' ')[2]} {text}", limit=600)


def event_text(line: Line) -> tuple[str, str]:
    """Return when something happened, with the day: ``2026-01-05 14:00:05Z``, and what it was."""
    day, _, clock = line.time.partition("T")
    time = f"{one_line(day, limit=10)} {one_line(clock.partition('.')[0], limit=10)}Z"
    icon = _ICONS.get(line.what, "·")
    subject = one_line(line.subject, limit=64)
    if line.is_message:
        said = "" if line.what == MessageKind.JOIN else f": {line.words}"
        return time, one_line(f"{icon} {subject} {line.what} {line.author}{said}", limit=600)
    attempt = f" (attempt {line.attempt})" if line.attempt > 1 else ""
    text = f" · {line.text}" if line.text else ""
    return time, one_line(f"{icon} {subject} {line.what}{attempt}{text}", limit=600)


def watch_facts(line: Line, cursor: str) -> dict[str, Any]:
    """Return the same for programs; ``cursor`` is the place behind it, for ``--since``."""
    facts: dict[str, Any] = {"time": line.time, "event": line.what}
    if not line.is_about_run:
        facts["task"] = line.subject
    if line.attempt:
        facts["attempt"] = line.attempt
    if line.author:
        facts["by"] = line.author
    if line.words:
        facts["text"] = line.words
    return {**facts, "cursor": cursor}
