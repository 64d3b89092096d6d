"""When a usage limit is over, from what the CLI says of it.

Newer versions print the moment as a number in a ``rate_limit_event``; older ones only a text that people read:
``resets 5:36am (UTC)``, ``resets Nov 24, 4:36am (UTC)``, ``usage limit reached|1762952400``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

_EPOCH = re.compile(r"reached\|(\d{10})\b")
_CLOCK = re.compile(
    r"resets\s+(?:(?P<month>[A-Z][a-z]{2})\s+(?P<day>\d{1,2})(?:,|\s+at)?\s+)?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s*(?P<half>[ap]m)(?:\s*\((?P<zone>[^)]+)\))?"
)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: Nobody is held for longer by a number that may be wrong: the longest window is a week. Seconds.
_LONGEST = 8 * 86400.0
#: The text leaves the seconds out, and is read a little later: a moment just gone by is not one of tomorrow.
_LATE = timedelta(minutes=10)


def opens_at(limit: Mapping[str, Any], said: str, now: float) -> float:
    """Return when the account opens again, seconds since the epoch; 0.0 when nobody said. *now* is when it was said."""
    moment = limit.get("resetsAt")
    if isinstance(moment, (int, float)) and not isinstance(moment, bool) and abs(moment) < 10**12:
        found = float(moment)
    elif match := _EPOCH.search(said):
        found = float(match[1])
    elif match := _CLOCK.search(said):
        found = _on_the_clock(match, now)
    else:
        return 0.0
    return found if now - 86400 < found < now + _LONGEST else 0.0


def _on_the_clock(match: re.Match[str], now: float) -> float:
    here = datetime.fromtimestamp(now, _zone(match["zone"]))
    hour = int(match["hour"]) % 12 + (12 if match["half"] == "pm" else 0)
    try:
        moment = here.replace(hour=hour, minute=int(match["minute"] or 0), second=0, microsecond=0)
        if match["month"] in _MONTHS:
            moment = moment.replace(month=_MONTHS.index(match["month"]) + 1, day=int(match["day"]))
            if moment < here - timedelta(days=180):
                moment = moment.replace(year=moment.year + 1)
        elif moment < here - _LATE:
            moment += timedelta(days=1)
        return moment.timestamp()
    except (ValueError, OverflowError):
        return 0.0


def _zone(name: str | None) -> tzinfo | None:
    """Return the zone; None, which is the local one, when it is not known here."""
    if name is None:
        return None
    if name == "UTC":
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
