"""Moments as people write them: ``2026-03-01``, ``2026-03-01 14:00``, or how long from now: ``2h``."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from orchestrator.core.duration import parse_duration


def parse_moment(text: object, now: float | None = None) -> float:
    """Return seconds since the epoch. A day means its end; without a time zone, UTC is meant.

    With *now*, seconds since the epoch, a duration counts from there.

    Raises:
        ValueError: not a moment.
    """
    if isinstance(text, datetime):
        return _seconds(text)
    if isinstance(text, date):
        return _seconds(datetime.combine(text, time.max.replace(microsecond=0)))
    written = str(text).strip()
    try:
        if len(written) <= len("2026-03-01"):
            return parse_moment(date.fromisoformat(written))
        return _seconds(datetime.fromisoformat(written))
    except (ValueError, OverflowError):
        pass
    if now is not None:
        try:
            return now + parse_duration(written)
        except ValueError:
            pass
    raise ValueError(f"{written!r} is not a moment; write 2026-03-01, 2026-03-01T14:00Z or 2h")


def _seconds(moment: datetime) -> float:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
