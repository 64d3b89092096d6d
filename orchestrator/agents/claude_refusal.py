"""What an error of the service concerns: the whole account, one model, the service itself, or one task.

The status and the type of the error count first, then known words: whoever lets nobody through says so in many ways,
and the next version in another one. What neither tells is a refusal, of which the scheduler finds out by what other
tasks meet (``core.account``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from orchestrator.agents.claude_refusal import opens_at
from orchestrator.core.result import Outcome, Verdict
from orchestrator.core.text import text_of

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

_LIMIT = re.compile(
    r"you've (?:hit|reached) your .*limit|claude (?:ai )?usage limit", re.IGNORECASE
)
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
    """Return verdict, moment and model of what the CLI calls an error; its reason is for who asks to say.

    Args:
        result: The ``result`` event.
        said: What stands in the place of an answer.
        limit: The last word about limits.
        now: When it was said.
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
