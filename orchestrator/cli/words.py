"""The plain form of a command line, read without ``click``, which takes three times as long to load as Python itself.

Only what can be meant in one way is read: known options in their full form, and other words that begin with no dash.
Help, mistakes and everything unusual are left to the full form of the command.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Words(NamedTuple):
    """What a command was called with."""

    others: Sequence[str]
    options: Mapping[str, Sequence[str]]
    """By name, every value that was given; of an option without one, ``[""]``."""

    def last(self, *names: str) -> str:
        """Return the value of an option that may be written in several ways; the last one counts."""
        return next((self.options[name][-1] for name in names if name in self.options), "")

    def every(self, name: str) -> Sequence[str]:
        """Return all values of an option that may be given more than once."""
        return self.options.get(name, ())


def read_words(words: Sequence[str], takes_value: Mapping[str, bool]) -> Words | None:
    """Sort *words* into options and others; None when they are not that plain."""
    others: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            others.append(word)
            continue
        if (
            name not in takes_value
            or (equals and not takes_value[name])
            or (equals and name[1:2] != "-")
        ):
            return None
        if takes_value[name] and not equals:
            value = next(rest, "-")
            if value.startswith("-"):
                return None  # perhaps a value, perhaps an option whose value is missing
        options.setdefault(name, []).append(value)
    return Words(others, options)
