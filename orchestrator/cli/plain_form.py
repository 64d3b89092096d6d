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


def read_words(
    words: Sequence[str], takes_value: Mapping[str, bool], *, has_text: bool = False
) -> Words | None:
    """Sort *words* into options and others; None when they are not that plain.

    *has_text*: one of them is a text, which may begin like an option: ``share T-01 "- use JWT"``. Then what is none of
    the options is another word, and so is everything behind ``--``.
    """
    others: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if has_text and word == "--":
            others += rest
        elif name in takes_value and (not equals or (takes_value[name] and name[1:2] == "-")):
            if takes_value[name] and not equals:
                following = next(rest, None)
                if following is None or (following.startswith("-") and not has_text):
                    return None  # perhaps a value, perhaps an option whose value is missing
                value = following
            options.setdefault(name, []).append(value)
        elif has_text or not word.startswith("-") or word == "-":
            others.append(word)
        else:
            return None
    return Words(others, options)
