"""When a limit is over, from what the CLI says of it.

Newer versions print the moment as a number in a ``rate_limit_event``; older ones, and limits of a key, only a text that
people read: ``resets 5:36am (UTC)``, ``resets Nov 24, 4:36am (UTC)``, ``usage limit reached|1762952400``, ``You will
regain access on 2026-12-01 at 00:00 UTC``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

_EPOCH = re.compile(r"\|(\d{10})(?:\d{3})?\b")
#: What comes before a moment in words.
_CUE = re.compile(
    r"\b(?:resets?|regain access|available(?: again)?|try again|retry|until|renews?|reopens?|restored|refills?)\b"
    r"[\s:]+",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?:in|after)\s+(?:about\s+)?((?:\d+(?:\.\d+)?\s*[a-z]+(?:,?\s+(?:and\s+)?|\b)){1,3})",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:(s)(?:ecs?|econds?)?|(m)(?:ins?|inutes?)?|(h)(?:rs?|ours?)?|(d)(?:ays?)?|(w)(?:eeks?)?)\b",
    re.IGNORECASE,
)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
_ISO = re.compile(r"\b(?P<year>20\d\d)-(?P<number>\d\d)-(?P<day>\d\d)(?!\d)")
_DAY = re.compile(
    r"(?:(?P<word>today|tomorrow)|(?P<weekday>mon|tue|wed|thu|fri|sat|sun)(?:s|nes|rs?|ur)?(?:day)?"
    r"|(?P<month>[A-Z][a-z]{2})[a-z]*\.?\s+(?P<day>\d{1,2})(?:[nrst][dht])?\b(?!:)(?:,?\s+(?P<year>20\d\d))?"
    r"|(?P<first>\d{1,2})(?:[nrst][dht])?\.?\s+(?P<later>[A-Z][a-z]{2})[a-z]*(?:,?\s+(?P<then>20\d\d))?)\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    r"(?:T|[\s,]*(?:at\s+)?)(?P<hour>\d{1,2})"
    r"(?:(?::(?P<minute>\d\d))?\s*(?P<half>[ap])\.?m\b\.?|:(?P<past>\d\d)(?::\d\d(?:\.\d+)?)?)",
    re.IGNORECASE,
)
_ZONE = re.compile(r"\s*(?:\((?P<named>[^)]+)\)|(?P<bare>Z\b|UTC|GMT|[A-Z][A-Za-z]+/[A-Za-z_/]+))")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: Nobody is held for longer by what may be wrong: a budget is of a month, a contract of a year. Seconds.
_LONGEST = 400 * 86400.0
#: The text leaves the seconds out, and is read a little later: a moment just gone by is not one of tomorrow.
_LATE = timedelta(minutes=10)


def opens_at(limit: Mapping[str, Any], said: str, now: float) -> float:
    """Return when the account opens again, seconds since the epoch; 0.0 when nobody said. *now* is when it was said."""
    moment = limit.get("resetsAt")
    if isinstance(moment, (int, float)) and not isinstance(moment, bool) and abs(moment) < 10**12:
        found = float(moment)
    elif match := _EPOCH.search(said):
        found = float(match[1])
    else:
        try:
            found = _in_words(said, now)
        except (ValueError, OverflowError):
            return 0.0
    return found if now - 86400 < found < now + _LONGEST else 0.0


def _in_words(said: str, now: float) -> float:
    if date := _ISO.search(said):
        return _on(date, said[date.end() :], now)
    for cue in _CUE.finditer(said):
        rest = said[cue.end() :]
        if match := _AFTER.match(rest):
            parts = _LENGTH.findall(match[1])
            if parts:
                return now + sum(
                    float(number) * _UNITS["".join(unit).lower()] for number, *unit in parts
                )
        rest = re.sub(r"^(?:on|at|after|by)\s+", "", rest, flags=re.IGNORECASE)
        day = _DAY.match(rest)
        after = rest[day.end() :] if day else rest
        if day or _CLOCK.match(after):
            return _on(day, after, now)
    return 0.0


def _on(day: re.Match[str] | None, after: str, now: float) -> float:
    """Return the moment on a day, today where there is none, at the time and in the zone that follow."""
    clock = _CLOCK.match(after)
    zone = _ZONE.match(after[clock.end() :] if clock else after)
    here = datetime.fromtimestamp(now, _zone((zone["named"] or zone["bare"]) if zone else None))
    moment = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if clock:
        hour, minute = int(clock["hour"]), int(clock["minute"] or clock["past"] or 0)
        if clock["half"]:
            hour = hour % 12 + (12 if clock["half"].lower() == "p" else 0)
        moment = moment.replace(hour=hour, minute=minute)
    parts = day.groupdict() if day else {}
    month = parts.get("number") or parts.get("month") or parts.get("later")
    if month:
        number = int(month) if month.isdecimal() else _MONTHS.index(month.lower()) + 1
        year = parts.get("year") or parts.get("then")
        of_month = int(parts.get("day") or parts.get("first") or 0)
        moment = moment.replace(year=int(year or moment.year), month=number, day=of_month)
        if not year and moment < here - timedelta(days=180):
            moment = moment.replace(year=moment.year + 1)
    elif weekday := parts.get("weekday"):
        moment += timedelta(days=(_WEEKDAYS.index(weekday.lower()) - moment.weekday()) % 7)
        if moment < here - _LATE:
            moment += timedelta(days=7)
    elif parts.get("word"):
        moment += timedelta(days=str(parts["word"]).lower() == "tomorrow")
    elif moment < here - _LATE:
        moment += timedelta(days=1)
    return moment.timestamp()


def _zone(name: str | None) -> tzinfo | None:
    """Return the zone; None, which is the local one, when it is not known here."""
    if name is None:
        return None
    if name in {"UTC", "GMT", "Z"}:
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
