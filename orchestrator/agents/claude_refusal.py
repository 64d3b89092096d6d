"""What an error of the service concerns: the whole account, one model, the service itself, or one task.

The status and the type of the error count first, then known words in its text: the wording differs from case to case
and from version to version. An error that neither of them explains is a plain refusal. The scheduler finds out what it
concerns by how other tasks fare (``core.account``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestrator.core.result import Outcome, Verdict
from orchestrator.core.text import one_line, text_of

_STATUS = re.compile(r"API Error: (?:Request rejected \()?([45]\d\d)\b")
_TYPE = re.compile(r'"type":\s*"(\w+_error)"')
#: What stands for a status where none is given.
_STATUSES = {
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
#: Who pays, or a proxy, does not let us through.
_ACCOUNT = frozenset({401, 402, 403, 407, 429})
#: Statuses below 500 that pass: a time-out, a conflict, too early.
_PASSING = frozenset({408, 409, 425})
#: The same request would be refused again, and another one would not.
_OWN = re.compile(r"prompt is too long|usage policy|output token maximum", re.IGNORECASE)
_OWN_ENDS = frozenset({"error_max_turns", "error_max_budget_usd"})

_LIMIT = re.compile(r"you've (?:hit|reached) your .*limit|claude (?:ai )?usage limit", re.IGNORECASE)
_SHUT = re.compile(
    r"not logged in|run /login|failed to authenticate|invalid api key|credit balance is too low"
    r"|oauth token (?:has expired|revoked)",
    re.IGNORECASE,
)
#: Something of an account, and what becomes of it.
_SUBJECT = re.compile(
    r"\b(?:accounts?|organi[sz]ations?|orgs?|workspace|api key|subscription|billing|payments?|invoices?|credits?"
    r"|balance|spend(?:ing)?|quota|usage(?! polic)|your plan|seats?|licen[sc]es?|free trial)\b",
    re.IGNORECASE,
)
_STATE = re.compile(
    r"\b(?:disabled|suspended|on hold|deactivated|closed|banned|blocked|terminated|revoked|expired|frozen|locked"
    r"|restricted|canceled|cancelled|inactive|limits?|exceeded|reached|exhausted|out of|used up|depleted|insufficient"
    r"|too low|past due|overdue|unpaid|declined|requires?|required|doesn't include|does not include|no longer"
    r"|not (?:enabled|active|allowed|permitted|authori[sz]ed|available|eligible)|contact)\b",
    re.IGNORECASE,
)
#: A part of the request, of which the same may be said.
_REQUEST = re.compile(r"\b(?:messages|tools|system|thinking)\.\d|input_schema|max_tokens")
#: Too much at once: the next minute is another one.
_RATE = re.compile(
    r"rate.?limit|too many (?:concurrent )?requests|per[- ](?:minute|second)|temporar|concurren|overloaded|capacity"
    r"|slow down|throttl|burst|try again (?:later|shortly|in a )",
    re.IGNORECASE,
)
#: A limit that no minute changes.
_LONG = re.compile(r"month|week|\bda(?:y|ily)|spend|credit|quota|billing|budget", re.IGNORECASE)
_NETWORK = re.compile(
    r"\bE(?:CONN|NOTFOUND|AI_AGAIN|TIMEDOUT|HOSTUNREACH|NETUNREACH|PIPE)\w*|getaddrinfo|fetch failed|socket hang up"
    r"|network (?:error|is unreachable)|(?:connection|request) (?:error|refused|reset|timed out)|unable to connect",
    re.IGNORECASE,
)

_FAMILIES = re.compile(r"\b(?:opus|sonnet|haiku|fable)\b|\bclaude-([a-z]+)-\d", re.IGNORECASE)
_WINDOW = re.compile(r"(?:hour|day|week|month)_([a-z]+)$")
#: Where a model is named in words about a limit: by a name, which is written with a capital.
_NAMED = (
    re.compile(r"\byour ((?:[\w.'-]+ ){1,4})(?:limit|usage|quota|allowance|allocation)\b"),
    re.compile(r"^((?:[\w.-]+ ){1,3})(?:requires|needs|limit|usage|quota)\b"),
    re.compile(r"\b(?:limit|usage|quota) (?:for|of) ((?:[\w.-]+ ?){1,3})"),
)
_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
#: What is written with a capital there, and is no model.
_NO_MODEL = re.compile(
    r"account|admin|anthropic|api|claude|code|credits?|current|daily|enterprise|extra|five|free|group|hour(?:ly)?|max"
    r"|monthly|office|org|organization|overage|plan|pro|seat|session|spend(?:ing)?|subscription|team|the|this|usage"
    r"|user|week(?:ly)?|workspace|you|your"
)


def concern(result: Mapping[str, Any], said: str, limit: Mapping[str, Any], now: float) -> Outcome:
    """Return verdict, time and model for what the CLI calls an error; the caller adds the reason.

    Args:
        result: The ``result`` event.
        said: The text in place of an answer.
        limit: The last event about limits.
        now: The time of the error.
    """
    if is_of_the_task(result, said):
        return Outcome(verdict=Verdict.FATAL)
    status, is_of_service = _status(result, said), result.get("subtype") == "success"
    # After a window is full something may be let through (extra usage), and fail for its own reason.
    is_rejected = limit.get("status") == "rejected" and status in {429, None} and is_of_service
    is_limit = result.get("api_error") == "usage_limit_reached" or _LIMIT.match(said) is not None
    until = opens_at(limit if is_limit or is_rejected else {}, said, now) or math.inf
    shut = Outcome(verdict=Verdict.HELD, until=until)
    if is_limit or is_rejected:
        return shut._replace(model=limited_model(limit, said))
    if status == 401 or _SHUT.search(said):
        return shut
    if not is_of_service:
        return Outcome(verdict=Verdict.FAILED)
    if _is_outage(status, said, has_moment=until < math.inf):
        return Outcome(verdict=Verdict.HELD, is_outage=True)
    if status in _ACCOUNT or says_shut(said):
        return shut._replace(model=limited_model({}, said))
    return Outcome(verdict=Verdict.FATAL if status else Verdict.FAILED, is_refused=True)


def _is_outage(status: int | None, said: str, *, has_moment: bool) -> bool:
    is_rate = _RATE.search(said) is not None and not _LONG.search(said)
    if status is None:
        is_prefixed = "API Error" in said or _NETWORK.search(said) is not None
        return is_rate or (is_prefixed and not says_shut(said))
    if status == 429:
        return not has_moment and (is_rate or ("API Error" in said and not says_shut(said)))
    return status >= 500 or status in _PASSING


def concern_of_silence(words: str) -> Outcome:
    """Return the same of a process that ended without an event, by its last words on standard error."""
    if _SHUT.search(words) or says_shut(words):
        return Outcome(verdict=Verdict.HELD, until=math.inf)
    if _NETWORK.search(words):
        return Outcome(verdict=Verdict.HELD, is_outage=True)
    return Outcome(verdict=Verdict.FAILED, is_refused=True)


def is_of_the_task(result: Mapping[str, Any], said: str) -> bool:
    """Whether another task would not meet the same, and this one would meet it again."""
    return (
        text_of(result.get("subtype")) in _OWN_ENDS
        or result.get("terminal_reason") == "prompt_too_long"
        or result.get("stop_reason") == "refusal"
        or result.get("api_error") == "max_output_tokens"
        or _status(result, said) == 413
        or _OWN.search(said) is not None
    )


def says_shut(words: str) -> bool:
    """Whether words say of an account, its plan or its money that they let nothing through."""
    is_said = _SUBJECT.search(words) is not None and _STATE.search(words) is not None
    return is_said and not _REQUEST.search(words)


def _status(result: Mapping[str, Any], said: str) -> int | None:
    given = result.get("api_error_status")
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    if match := _STATUS.search(said):
        return int(match[1])
    named = result.get("api_error_type")
    if not isinstance(named, str):
        named = next((each for each in _TYPE.findall(said) if each in _STATUSES), "")
    return _STATUSES.get(named)


def limited_model(limit: Mapping[str, Any], said: str) -> str:
    """Return a part of the name of the model that a limit is of, in lower case; empty: it is of the account."""
    head = re.split(r"[·∙|]", said)[0].strip()
    if match := _FAMILIES.search(head):
        return (match[1] or match[0]).lower()
    said_of = [match[1] for pattern in _NAMED if (match := pattern.search(head))]
    names = [each.lower() for part in said_of for each in _NAME.findall(part)]
    if window := _WINDOW.search(text_of(limit.get("rateLimitType"))):
        names.append(window[1])
    return next((each for each in names if not _NO_MODEL.fullmatch(each)), "")


# ── denial ────────
#
# What an agent was not allowed to do, as the rule that would have let it through.
#
# In headless mode there are no prompts: a tool that is not allowed is denied at once. The model is notified, goes on,
# and may report success in the end. The rules are those of ``allowed_tools``. A rule for writing a file is called
# ``Edit(…)``, whatever tool wrote it. Absolute paths start with two slashes.

_WRITERS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_READERS = frozenset({"Read", "Glob", "Grep", "LS"})
_PATHS = ("file_path", "notebook_path", "path")

#: The commands with which an agent talks to the others; each of them has a rule of its own.
TALK = ("share", "discover", "sync", "join", "note", "context")
#: The words of one command, quoted or not, the last quote left open or not: nothing in it asks for a second command,
#: for it is no `$(…)` either. A backtick is what people mark names with.
_WORDS = r"""(?:[^;&|<>()\n"'\\]|\\.|"(?:[^"\\$]|\\.|\$(?!\())*+(?:"|\Z)|'[^']*+(?:'|\Z))*+"""


def rules(denials: Sequence[Any], program: str = "") -> tuple[str, ...]:
    """Return one rule for each thing that was denied, in order, without repeats; none for a message.

    *program*: the words with which the agent calls us.
    """
    found = (_rule(denial) for denial in denials if isinstance(denial, dict) and not _message(denial, program))
    return tuple(dict.fromkeys(found))


def messages(denials: Sequence[Any], program: str) -> tuple[str, ...]:
    """Return the denied messages to other agents, each as the command that the agent tried to run.

    Such a command is denied only because of its quoting: the shell would expand a backtick or a ``$`` in it, so the
    rule no longer matches.
    """
    found = (_message(denial, program) for denial in denials if isinstance(denial, dict))
    return tuple(dict.fromkeys(filter(None, found)))


def _message(denial: dict[str, Any], program: str) -> str:
    asked = denial.get("tool_input")
    command = text_of(asked.get("command")) if isinstance(asked, dict) else ""
    if not program or denial.get("tool_name") != "Bash":
        return ""
    if not re.fullmatch(rf"{re.escape(program)} (?:{'|'.join(TALK)}) {_WORDS}", command, re.DOTALL):
        return ""
    return one_line(command[len(program) :], limit=200)


def _rule(denial: dict[str, Any]) -> str:
    tool = one_line(text_of(denial.get("tool_name")), limit=80) or "unknown"
    asked = denial.get("tool_input")
    given = asked if isinstance(asked, dict) else {}
    path = next((text_of(given.get(name)) for name in _PATHS if given.get(name)), "")
    if tool == "Bash" and (command := text_of(given.get("command"))):
        return f"Bash({one_line(command, limit=200)})"
    if path and tool in _WRITERS | _READERS:
        verb = "Edit" if tool in _WRITERS else "Read"
        return f"{verb}({'/' if path.startswith('/') else ''}{one_line(path, limit=300)})"
    if tool == "Skill" and (name := text_of(given.get("skill"))):
        return f"Skill({one_line(name, limit=80)})"
    if tool == "WebFetch" and (host := _host(text_of(given.get("url")))):
        return f"WebFetch(domain:{host})"
    return tool


def _host(url: str) -> str:
    try:
        return one_line(urlsplit(url).hostname or "", limit=200)
    except ValueError:
        return ""


# ── claude limits ────────
#
# When a limit is over, from what the CLI says of it.
#
# Newer versions print the moment as a number in a ``rate_limit_event``; older ones, and limits of a key, only a text
# that people read: ``resets 5:36am (UTC)``, ``resets Nov 24, 4:36am (UTC)``, ``usage limit reached|1762952400``, ``You
# will regain access on 2026-12-01 at 00:00 UTC``.

_EPOCH = re.compile(r"\|(\d{10})(?:\d{3})?\b")
#: What comes before a moment in words.
_CUE = re.compile(
    r"\b(?:resets?|regain access|available(?: again)?|try again|retry|until|renews?|reopens?|restored|refills?)\b"
    r"[\s:]+",
    re.IGNORECASE,
)
_AFTER = re.compile(
    r"(?:in|after)\s+(?:about\s+)?((?:\d+(?:\.\d+)?\s*[a-z]+(?:,?\s+(?:and\s+)?|\b)){1,3})", re.IGNORECASE
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
#: Longest hold in seconds, because the time may be wrong: a budget is monthly, a contract yearly.
_LONGEST = 400 * 86400.0
#: The text leaves the seconds out, and is read a little later: a moment just gone by is not one of tomorrow.
_LATE = timedelta(minutes=10)


def opens_at(limit: Mapping[str, Any], said: str, now: float) -> float:
    """Return when the account opens again, seconds since the epoch; 0.0 when none is set. *now* is when it was said."""
    timestamp = limit.get("resetsAt")
    if isinstance(timestamp, (int, float)) and not isinstance(timestamp, bool) and abs(timestamp) < 10**12:
        found = float(timestamp)
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
                return now + sum(float(number) * _UNITS["".join(unit).lower()] for number, *unit in parts)
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
    timestamp = here.replace(hour=0, minute=0, second=0, microsecond=0)
    if clock:
        hour, minute = int(clock["hour"]), int(clock["minute"] or clock["past"] or 0)
        if clock["half"]:
            hour = hour % 12 + (12 if clock["half"].lower() == "p" else 0)
        timestamp = timestamp.replace(hour=hour, minute=minute)
    parts = day.groupdict() if day else {}
    month = parts.get("number") or parts.get("month") or parts.get("later")
    if month:
        number = int(month) if month.isdecimal() else _MONTHS.index(month.lower()) + 1
        year = parts.get("year") or parts.get("then")
        of_month = int(parts.get("day") or parts.get("first") or 0)
        timestamp = timestamp.replace(year=int(year or timestamp.year), month=number, day=of_month)
        if not year and timestamp < here - timedelta(days=180):
            timestamp = timestamp.replace(year=timestamp.year + 1)
    elif weekday := parts.get("weekday"):
        timestamp += timedelta(days=(_WEEKDAYS.index(weekday.lower()) - timestamp.weekday()) % 7)
        if timestamp < here - _LATE:
            timestamp += timedelta(days=7)
    elif parts.get("word"):
        timestamp += timedelta(days=str(parts["word"]).lower() == "tomorrow")
    elif timestamp < here - _LATE:
        timestamp += timedelta(days=1)
    return timestamp.timestamp()


def _zone(name: str | None) -> tzinfo | None:
    """Return the zone; None, which is the local one, when it is not known here."""
    if name is None:
        return None
    if name in {"UTC", "GMT", "Z"}:
        return UTC

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
