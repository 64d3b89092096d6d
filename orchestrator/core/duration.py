"""Durations as people write them: ``90``, ``90s``, ``5m``, ``1h30m``, ``3 minutes``; always seconds inside."""

from __future__ import annotations

import re

_UNITS = {
    "ms": 0.001,
    "millisecond": 0.001,
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "m": 60.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)\s*")

#: A number alone, which counts seconds.
_PLAIN = re.compile(r"[\d.]+")

#: Longest duration accepted, seconds: a year. More is a typing error, and timers must stay finite.
MAX_SECONDS = 366 * 86400.0


def parse_duration(text: str | float) -> float:
    """Return seconds.

    Raises:
        ValueError: not a duration, negative, or longer than a year.
    """
    cleaned = str(text).strip().lower().lstrip("~≈").strip()
    total, end = 0.0, 0
    while end < len(cleaned):
        part = _PART.match(cleaned, end)
        if part is None:
            break
        number, unit = part.groups()
        scale = _UNITS.get(unit or "s") or _UNITS.get(unit.removesuffix("s"))
        if scale is None:
            break
        total, end = total + float(number) * scale, part.end()
    if not cleaned or end < len(cleaned):
        msg = f"{text!r} is not a duration; write 90, 90s, 5m or 1h30m"
        raise ValueError(msg)
    if total > MAX_SECONDS:
        msg = f"{text!r} is longer than a year"
        raise ValueError(msg)
    return total


def require_unit(text: str | float, seconds: float) -> None:
    """Refuse a bare number of more than a day: it was probably meant in milliseconds.

    Raises:
        ValueError: *text*, which means *seconds*, is one; the message says what may be meant.
    """
    number = str(text).strip()
    if seconds > _UNITS["d"] and _PLAIN.fullmatch(number):
        days = f"{seconds / _UNITS['d']:.0f}"
        msg = f"{number} seconds are {days} days; write {number}ms, {seconds / 1000:g}s or {days}d"
        raise ValueError(msg)


def format_duration(seconds: float | None) -> str:
    """Write *seconds* for people: ``4ms``, ``0.4s``, ``12.3s``, ``4m05s``, ``1h02m``; a dash for None, not known."""
    if seconds is None:
        return "-"
    if 0.0005 <= seconds < 0.05:  # `0.0s` says nothing
        return f"{seconds * 1000:.0f}ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    whole, minutes = divmod(minutes, 60)
    return f"{whole}h{minutes:02d}m"


def hours(seconds: float) -> float:
    """Return hours, as programs read them."""
    return round(seconds / 3600, 4)


def roughly(seconds: float) -> str:
    """Write *seconds* as ``format_duration`` does, and two days and more in days alone."""
    return format_duration(seconds) if seconds < 2 * _UNITS["d"] else f"{seconds // _UNITS['d']:.0f}d"


def above_timeout(tasks: str, estimate: float, timeout: float) -> str:
    """Say that an attempt ends before the time that a user expects, and what helps."""
    return (
        f"the estimate of {tasks} ({format_duration(estimate)}) is longer than the timeout of an attempt "
        f"({format_duration(timeout)}): raise `timeout` in the task file or the plan"
    )
