"""Moments as people write them: ``2026-03-01``, ``2026-03-01 14:00``, or how long from now: ``2h``."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import count

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
    timestamp = datetime.fromtimestamp(seconds, UTC)
    if timestamp.time() == _END_OF_DAY:
        return timestamp.date().isoformat()
    precision = "seconds" if timestamp.second else "minutes"
    return f"{timestamp.replace(tzinfo=None).isoformat(timespec=precision)}Z"


def format_local(seconds: float) -> str:
    """Write a time as the clock on the wall shows it, in the time zone of the machine."""
    return f"{datetime.fromtimestamp(seconds).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def _seconds(timestamp: datetime) -> float:
    aware = timestamp if timestamp.tzinfo else timestamp.replace(tzinfo=UTC)
    try:
        return aware.astimezone(UTC).timestamp()
    except OverflowError:  # an hour before the first day of all in a zone east of it
        raise ValueError(f"{timestamp} is out of range") from None


# ── timing ────────
#
# When something is to start: a time of day, a moment, again and again.

_HOUR, _DAY = 3600.0, 86400.0
_CLOCK = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")


def time_of_day(text: str) -> tuple[int, int]:
    """Return hour and minute of ``07:30``.

    Raises:
        ValueError: it is no time of day.
    """
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not a time of day; write 07:30")
    return int(found[1]), int(found[2])


def next_timestamp(text: str, now: datetime) -> datetime:
    """Return the moment that a person means: the next 07:30, or a moment that was written out.

    Args:
        text: ``07:30``, ``2026-01-31T09:00`` (both local), ``2026-01-31T09:00:00Z`` or ``…+02:00``.
        now: The local time, with its time zone.

    Raises:
        ValueError: it is none of them, or it is over.
    """
    if _CLOCK.fullmatch(text.strip()):
        hour, minute = time_of_day(text)
        # The minute that is running counts: anyone who says 07:30 at 07:30:20 means now.
        this_minute = now.replace(second=0, microsecond=0).timestamp()
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None)
        # In the night in which clocks are put back there may be two of it.
        for timestamp in (today, today.replace(fold=1)):
            if timestamp.timestamp() >= this_minute:
                return now if timestamp.timestamp() == this_minute else timestamp
        return today + timedelta(days=1)
    try:
        timestamp = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write 07:30 or 2026-01-31T09:00") from None
    if timestamp.timestamp() < now.timestamp():
        raise ValueError(f"{text!r} is over")
    return timestamp


def is_by_day(every: float) -> bool:
    """Say whether rounds come back to a time of day: after days, or so many hours that a day is a multiple of them."""
    return every >= _HOUR and every % _HOUR == 0 and (every % _DAY == 0 or _DAY % every == 0)


def next_round(begin: float, every: float, now: float) -> float:
    """Return when the next round begins: on the grid that the first one began, and never twice for one late round.

    All in seconds since the epoch. Where rounds come back to a time of day, that is the one on the wall, also after a
    change of summer time: then a day has 23 or 25 hours.
    """
    number = int((now - begin) // every) + 1
    if not is_by_day(every) or every == _HOUR:
        return begin + every * number
    first = datetime.fromtimestamp(begin)  # noqa: DTZ006 - the time zone of the machine, with its changes
    moments = (_on_the_wall(first, every * each) for each in count(max(1, number - 1)))
    return next(timestamp for timestamp in moments if timestamp > now)


def _on_the_wall(first: datetime, seconds: float) -> float:
    return (first + timedelta(seconds=seconds)).timestamp()


# ── timestamp ────────
#
# Moments as people and machines read them: UTC, with milliseconds.


def iso(seconds: float) -> str:
    """Write a moment, seconds since the epoch, as people and machines read it; empty for 0."""
    if not seconds:
        return ""
    whole, milliseconds = divmod(round(seconds * 1_000_000) // 1000, 1000)
    return f"{_second(whole)}.{milliseconds:03}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    # A run writes thousands of timestamps, and most within a few seconds.
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"


def epoch(text: object) -> float:
    """Read what ``iso`` wrote; 0.0 for anything else."""
    try:
        timestamp = datetime.fromisoformat(str(text))
    except ValueError:
        return 0.0
    return timestamp.timestamp() if timestamp.tzinfo else timestamp.replace(tzinfo=UTC).timestamp()
