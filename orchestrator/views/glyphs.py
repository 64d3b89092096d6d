"""How a status, a progress and a moment look, the same in every view (seed rows S2-22, S2-23, S4-48)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

from orchestrator.core.snapshot import MERGER, NAMES
from orchestrator.core.snapshot import ONLY_SIMULATED, PlanSnapshot
from orchestrator.core.status import TaskStatus

ICONS: Mapping[TaskStatus, str] = {
    TaskStatus.WAITING: "⏸️",
    TaskStatus.PENDING: "🟡",
    TaskStatus.RUNNING: "🔵",
    TaskStatus.RETRYING: "🔄",
    TaskStatus.COMPLETED: "✅",
    TaskStatus.FAILED: "❌",
    TaskStatus.BLOCKED: "⛔",
    TaskStatus.CANCELLED: "🚫",
    TaskStatus.SKIPPED: "⏭️",
}

#: Colours of the terminal, by icon: the sixteen that people choose themselves.
_COLOURS: Mapping[str, int] = {
    ICONS[TaskStatus.WAITING]: 90,
    ICONS[TaskStatus.PENDING]: 33,
    ICONS[TaskStatus.RUNNING]: 94,
    ICONS[TaskStatus.RETRYING]: 35,
    ICONS[TaskStatus.COMPLETED]: 32,
    ICONS[TaskStatus.FAILED]: 31,
    ICONS[TaskStatus.BLOCKED]: 31,
    ICONS[TaskStatus.CANCELLED]: 90,
    ICONS[TaskStatus.SKIPPED]: 90,
    "⚠️": 33,
    "🛑": 31,
}

#: Said of a run at work that has done the tasks, and is at what is no task.
MERGES = f"{ICONS[TaskStatus.RUNNING]} {NAMES[MERGER]}"

#: Icon and word: ``✅ Completed``.
LABELS: Mapping[TaskStatus, str] = {
    status: f"{icon} {status.value.capitalize()}" for status, icon in ICONS.items()
}

#: The order in which counts are told: what is done, what happens, what went wrong, what is left.
TOLD = (
    TaskStatus.RUNNING,
    TaskStatus.RETRYING,
    TaskStatus.FAILED,
    TaskStatus.BLOCKED,
    TaskStatus.CANCELLED,
    TaskStatus.SKIPPED,
    TaskStatus.PENDING,
    TaskStatus.WAITING,
)


#: Stands beside a task that others stand under.
UMBRELLA = "☂"


def label_of(board: PlanSnapshot, task_id: str) -> str:
    """Return the label of where a task stands; of one that was only simulated it says so."""
    status = board.status(task_id)
    is_played = status is TaskStatus.COMPLETED and board.is_simulated(task_id)
    return f"{LABELS[status]} ({ONLY_SIMULATED})" if is_played else LABELS[status]


def coloured(text: str) -> str:
    """Return a text of ours with the colour of each status on its icon and the word behind it, and on its count."""
    return re.sub(_marks(), _in_colour, text)


@lru_cache(maxsize=1)
def _marks() -> str:
    icons = "|".join(icon.rstrip("\ufe0f") for icon in _COLOURS)
    words = "|".join(status.value.capitalize() for status in TaskStatus)
    return rf"(?:(?P<icon>{icons})\ufe0f? *|\b(?P<word>{words}) (?=\d))[^\s│|]+"


def _in_colour(found: re.Match[str]) -> str:
    icon = found["icon"] or ICONS[TaskStatus(found["word"].lower())]
    colour = _COLOURS.get(icon) or _COLOURS[f"{icon}\ufe0f"]
    return f"\x1b[{colour}m{found[0]}\x1b[39m"


def progress_bar(done: int, total: int, *, width: int = 20) -> str:
    """Return ``[████░░░░░░] 40%``. It is full, and says 100%, only when everything is done."""
    total = max(total, 0)
    done = min(max(done, 0), total)
    filled = width * done // total if total else 0
    percent = 100 * done // total if total else 0
    return f"[{'█' * filled}{'░' * (width - filled)}] {percent}%"


def tally(counts: Mapping[TaskStatus, int], simulated: int = 0) -> str:
    """Say how many tasks stand where: ``Completed 3/5 · Running 1 · Waiting 1``.

    Of the completed ones so many were only *simulated*: nothing was done.
    """
    total = sum(counts.values())
    played = f" ({simulated:,} only simulated)" if simulated else ""
    parts = [f"Completed {counts.get(TaskStatus.COMPLETED, 0)}/{total}{played}"]
    parts += [
        f"{status.value.capitalize()} {counts[status]}" for status in TOLD if counts.get(status)
    ]
    return " · ".join(parts)


def moment(seconds: float) -> str:
    """Write a moment, seconds since the epoch: ``2026-01-05 14:03:09Z``; a dash for 0.

    In UTC, as result files write it: the same plan then reads the same on every machine.
    """
    return _second(math.floor(seconds)) if seconds else "-"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    # What ends together shares its second, and a table shows each of them again and again.
    from datetime import UTC, datetime

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}"
