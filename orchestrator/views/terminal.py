"""Columns of plain text that line up on a terminal, also where they hold emoji and wide letters."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache

from orchestrator.core.redact import is_suspicious, redact
from orchestrator.core.snapshot import MERGER, NAMES, ONLY_SIMULATED, PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line

_JOINER, _EMOJI_STYLE = "\u200d", "\ufe0f"
_SKIN_TONES = frozenset("🏻🏼🏽🏾🏿")
_JOINING = frozenset((_JOINER, _EMOJI_STYLE)) | _SKIN_TONES
_WIDE = frozenset("WF")
_NO_WIDTH = frozenset(("Mn", "Me", "Cc", "Cf"))
#: Longest text that is looked at for a cell: no terminal shows more of it.
_LIMIT = 500
_GAP = "  "
#: Columns that a cell keeps where it gives way to others.
_LEAST = 8


@lru_cache(maxsize=4096)
def _columns_of(character: str) -> int:
    if unicodedata.category(character) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in _WIDE else 1


def _advances(text: str) -> list[int]:
    """How many columns each character adds to what stands before it."""
    advances: list[int] = []
    joined, last = False, 0
    for character in text:
        if joined or (character in _SKIN_TONES and last == 2):
            advance = 0
        elif character == _EMOJI_STYLE:
            advance = 1 if last == 1 else 0  # the narrow sign before it is drawn as a wide picture
        else:
            advance = _columns_of(character)
        joined = character == _JOINER
        if advance:
            last = 2 if character == _EMOJI_STYLE else advance
        advances.append(advance)
    return advances


def display_width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    if text.isascii():
        return len(text)
    if _JOINING.isdisjoint(text):
        return sum(map(_columns_of, text))
    return sum(_advances(text))


def clip(text: str, width: int) -> str:
    """Cut a text to so many columns, with an ellipsis where something is missing."""
    if len(text) * 2 <= width or display_width(text) <= width:
        return text
    if width < 1:
        return ""
    taken, end = 0, 0
    for end, advance in enumerate(_advances(text)):  # noqa: B007 - the place where there is no room left
        if taken + advance > width - 1:
            break
        taken += advance
    return text[:end] + "…"


def wrap(text: str, width: int) -> list[str]:
    """Break a text at its spaces into lines of so many columns; a word that is longer is cut."""
    lines, line = [], ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and display_width(longer) > width:
            lines.append(line)
            longer = word
        line = longer
    return [clip(each, width).rstrip() for each in (*lines, line)]


def fit(text: str, width: int) -> str:
    """Clip or pad a text to exactly so many columns."""
    if text.isascii():
        return text.ljust(width) if len(text) <= width else clip(text, width).ljust(width)
    clipped = clip(text, width)
    return clipped + " " * (width - display_width(clipped))


def table(rows: Sequence[Sequence[str]], width: int | None, most: int = _LIMIT) -> str:
    """Return rows as lines, their cells below each other; all but the last cell have *most* columns at most.

    Where *width* is too narrow the widest column gives way: what stands behind it counts as well.
    """
    *fixed, last_one = zip(*rows, strict=True)
    widths = [min(max(map(display_width, column)), most) for column in fixed]
    if width is not None and widths:
        rest = max(map(display_width, last_one))
        too_much = sum(widths) + len(_GAP) * len(widths) + rest - width
        if too_much > 0 and (widest := max(widths)) > max(rest, _LEAST):
            widths[widths.index(widest)] = max(widest - too_much, _LEAST)
    lines = [_GAP.join([*map(fit, cells, widths), last]).rstrip() for *cells, last in rows]
    return "\n".join(line if width is None else clip(line, width) for line in lines) + "\n"


def plain_all(texts: Sequence[str]) -> Sequence[str]:
    """Return texts as ``plain`` does each of them; ten thousand that are all harmless take the time of one."""
    together = "".join(texts)
    is_harmless = together.isprintable() and not is_suspicious(together)
    if is_harmless and max(map(len, texts), default=0) <= _LIMIT:
        return texts
    return [plain(text) for text in texts]


def plain(text: str) -> str:
    """Return a text that is one line and cannot steer a terminal."""
    if text.isprintable() and len(text) <= _LIMIT:
        return redact(text)
    return one_line(text, limit=_LIMIT)


# ── glyphs ────────
#
# How a status, a progress and a moment look, the same in every view.

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

#: Said of an active run that has done the tasks, and is at what is no task.
MERGES = f"{ICONS[TaskStatus.RUNNING]} {NAMES[MERGER]}"

#: Icon and word: ``✅ Completed``.
LABELS: Mapping[TaskStatus, str] = {status: f"{icon} {status.value.capitalize()}" for status, icon in ICONS.items()}

#: The order of counts: what is done, what happens, what went wrong, what is left.
SHOWN = (
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
    """Return the label of where a task stands; of one that was only simulated with that."""
    status = board.status(task_id)
    is_played = status is TaskStatus.COMPLETED and board.is_simulated(task_id)
    return f"{LABELS[status]} ({ONLY_SIMULATED})" if is_played else LABELS[status]


def coloured(text: str) -> str:
    """Return one of our texts with the colour of each status on its icon and the word behind it, and on its count."""
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
    parts += [f"{status.value.capitalize()} {counts[status]}" for status in SHOWN if counts.get(status)]
    return " · ".join(parts)


def timestamp(seconds: float) -> str:
    """Write a moment, seconds since the epoch: ``2026-01-05 14:03:09Z``; a dash for 0.

    In UTC, as result files write it: the same plan then reads the same on every machine.
    """
    return _second(math.floor(seconds)) if seconds else "-"


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    # What ends together shares its second, and a table shows each of them again and again.

    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%SZ}"
