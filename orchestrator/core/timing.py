"""When something is to start: a time of day, a moment, again and again (seed rows S0-31, S3-52, S3-54)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from itertools import count

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
        # The minute that is running counts: whoever says 07:30 at 07:30:20 means now.
        this_minute = now.replace(second=0, microsecond=0).timestamp()
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=None)
        # In the night in which clocks are put back there may be two of it.
        for moment in (today, today.replace(fold=1)):
            if moment.timestamp() >= this_minute:
                return now if moment.timestamp() == this_minute else moment
        return today + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} is not a time; write 07:30 or 2026-01-31T09:00") from None
    if moment.timestamp() < now.timestamp():
        raise ValueError(f"{text!r} is over")
    return moment


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
    return next(moment for moment in moments if moment > now)


def _on_the_wall(first: datetime, seconds: float) -> float:
    return (first + timedelta(seconds=seconds)).timestamp()
