"""Notifications: what each says, and to whom each kind of it goes.

The setting ``notify`` is a list. An entry is a word (``desktop``), or a mapping with one way to reach a user and,
where given, what it is sent ``on`` and a ``name``: ``{slack: $TEAM_WEBHOOK, on: [failed, alert], name: team}``. On the
command line it reads ``desktop`` or ``slack=$TEAM_WEBHOOK``.

An address is a secret: anyone who has it can post there. So no message here repeats what was written in its place.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    from urllib import parse
else:
    parse = LazyModule("urllib.parse")


class Topic(StrEnum):
    """What a notice is about; the words of ``on``."""

    COMPLETED = "completed"
    """A run completed all it was asked for."""
    FAILED = "failed"
    """A task failed for good, or a run ended with such a task."""
    ALERT = "alert"
    """Nothing goes on without a person: a hold, a state that cannot be written."""


class Notice(NamedTuple):
    """One message. Everything in it is redacted and without control characters; ``title`` is one line."""

    topic: Topic
    title: str
    text: str = ""
    """More lines, for a person: why, how many stand where, what to do."""
    plan: str = ""
    """What the plan is called."""
    task: str = ""
    run: str = ""
    time: float = 0.0
    """Seconds since the epoch."""
    counts: Mapping[str, int] = MappingProxyType({})
    """How many tasks stand where, by status."""

    @property
    def message(self) -> str:
        """Return all of it, title first."""
        return f"{self.title}\n{self.text}" if self.text else self.title


class Target(NamedTuple):
    """A user to tell."""

    way: str
    """``desktop``, ``command``, ``discord``, ``slack`` or ``webhook``."""
    value: str | Sequence[str] = ""
    """The address, or ``$NAME`` of the variable that holds it; of a command its words."""
    on: Sequence[str] = tuple(Topic)
    name: str = ""
    """What it is called in messages."""

    @property
    def label(self) -> str:
        """Return what it is called: its name, else its way."""
        return self.name or self.way

    @property
    def variable(self) -> str:
        """Return the variable that holds the address; empty when it stands here, or there is none."""
        found = _VARIABLE.fullmatch(self.value) if isinstance(self.value, str) else None
        return (found[1] or found[2]) if found and self.way in ADDRESSED else ""

    @property
    def is_secret(self) -> bool:
        """Whether the address itself stands here."""
        return self.way in ADDRESSED and not self.variable


#: Ways with an address.
ADDRESSED = ("discord", "slack", "webhook")
WAYS = ("desktop", "command", *ADDRESSED)
#: Entries at most; each has a thread of its own.
_MOST = 20
_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._@#-]{0,63}")
_PLAIN = re.compile(r"[!-~]+")


def read_notify(value: Any) -> tuple[Mapping[str, Any], ...]:
    """Return the entries of the setting, checked, each as the fields of a ``Target``.

    Raises:
        ValueError: an entry is invalid; says which one, without what stands in it.
    """
    if value == "none":
        return ()
    entries = [value] if isinstance(value, (str, Mapping)) else value
    if not isinstance(entries, (list, tuple)):
        raise ValueError("not a list; write [desktop], or [{slack: $SLACK_WEBHOOK, on: failed}]")
    if len(entries) > _MOST:
        raise ValueError(f"{len(entries)} entries; {_MOST} are the most")
    read = []
    for number, entry in enumerate(entries, start=1):
        try:
            read.append(_read_entry(entry)._asdict())
        except ValueError as error:
            raise ValueError(f"entry {number}: {error}") from None
    return tuple(read)


def targets(setting: Sequence[Mapping[str, Any]]) -> list[Target]:
    """Return whom a setting that was read names."""
    return [Target(**each) for each in setting]


def address(target: Target, environment: Mapping[str, str]) -> str:
    """Return where to post.

    Raises:
        ValueError: the variable is not set, or does not hold an address.
    """
    if not target.variable:
        return str(target.value)
    value = environment.get(target.variable, "")
    if not value:
        raise ValueError(f"the variable {target.variable} is not set")
    try:
        return _address(value)
    except ValueError as error:
        raise ValueError(f"the variable {target.variable} holds no address: {error}") from None


def _read_entry(entry: Any) -> Target:
    if isinstance(entry, str):
        way, has_value, value = entry.partition("=")
        return _target(way.strip(), value if has_value else True, {})
    if not isinstance(entry, Mapping):
        raise ValueError(f"neither a word nor a mapping with one of {', '.join(WAYS)}")
    # Of `on` without quotes YAML makes true.
    fields = {("on" if key is True else key): given for key, given in entry.items()}
    ways = [key for key in fields if key in WAYS]
    if len(ways) != 1:
        raise ValueError(f"needs exactly one of {', '.join(WAYS)}")
    (way,) = ways
    value = fields.pop(way)
    return _target(way, value, fields)


def _target(way: str, value: Any, more: Mapping[Any, Any]) -> Target:
    if way not in WAYS:
        raise ValueError(f"needs one of {', '.join(WAYS)}")
    unknown = [key for key in more if key not in {"on", "name"}]
    if unknown:
        raise ValueError(f"{way}: besides its value only `on` and `name` may stand here")
    try:
        return Target(way, _value(way, value), _topics(more.get("on")), _name(more.get("name")))
    except ValueError as error:
        raise ValueError(f"{way}: {error}") from None


def _value(way: str, value: Any) -> str | tuple[str, ...]:
    if way == "desktop":
        if value is not True:
            raise ValueError("takes no value")
        return ""
    if way == "command":
        return _words(value)
    if not isinstance(value, str) or not value:
        raise ValueError("needs an address, or $NAME of the variable that holds it")
    return value if _VARIABLE.fullmatch(value) else _address(value)


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        try:
            words = shlex.split(value)
        except ValueError:
            raise ValueError("a quote is never closed") from None
    elif isinstance(value, (list, tuple)) and all(isinstance(word, str) for word in value):
        words = list(value)
    else:
        raise ValueError("needs a command line, or the list of its words")
    if not words or not words[0] or any("\0" in word for word in words):
        raise ValueError("needs a program to start")
    return tuple(words)


def _address(value: str) -> str:
    wrong = "an address begins with https:// or http:// and has no blanks in it"
    if not _PLAIN.fullmatch(value):
        raise ValueError(wrong)
    try:
        parts = parse.urlsplit(value)
        is_usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise ValueError(wrong)
    return value


def _topics(value: Any) -> tuple[str, ...]:
    if value is None:
        return tuple(each.value for each in Topic)
    words = [value] if isinstance(value, str) else value
    known = [each.value for each in Topic]
    if not isinstance(words, (list, tuple)) or not words or any(w not in known for w in words):
        raise ValueError(f"on: needs one or more of {', '.join(known)}")
    return tuple(dict.fromkeys(words))


def _name(value: Any) -> str:
    if value is None or value == "":
        return ""
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise ValueError("name: letters, digits, blanks and . _ @ # - only, 64 at most")
    return value
