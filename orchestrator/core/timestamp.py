"""Moments as people write them: ``2026-03-01``, ``2026-03-01 14:00``, or how long from now: ``2h``."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from orchestrator.core.duration import parse_duration

_END_OF_DAY = time.max.replace(microsecond=0)


def parse_timestamp(text: object, now: float | None = None) -> float:
    """Return seconds since the epoch. A day means its end; without a time zone, UTC is meant.

    With *now*, seconds since the epoch, a duration counts from there.

    Raises:
        ValueError: not a moment.
    """
    if isinstance(text, datetime):
        return _seconds(text)
    if isinstance(text, date):
        return _seconds(datetime.combine(text, _END_OF_DAY))
    written = str(text).strip()
    try:
        if len(written) <= len("2026-03-01"):
            return parse_timestamp(date.fromisoformat(written))
        return _seconds(datetime.fromisoformat(written))
    except (ValueError, OverflowError):
        pass
    if now is not None:
        try:
            return now + parse_duration(written)
        except ValueError:
            pass
    raise ValueError(f"{written!r} is not a moment; write 2026-03-01, 2026-03-01T14:00Z or 2h")


def format_timestamp(seconds: float) -> str:
    """Write a moment as ``parse_timestamp`` reads it: a day where it is the end of one, else UTC to the second."""
    moment = datetime.fromtimestamp(seconds, UTC)
    if moment.time() == _END_OF_DAY:
        return moment.date().isoformat()
    precision = "seconds" if moment.second else "minutes"
    return f"{moment.replace(tzinfo=None).isoformat(timespec=precision)}Z"


def _seconds(moment: datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC).timestamp()
    except OverflowError:  # an hour before the first day of all in a zone east of it
        raise ValueError(f"{moment} is out of range") from None
