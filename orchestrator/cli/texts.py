"""Commands that take a text, also one that begins like an option: ``share T-01 "- use JWT"``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import click

#: No option has a blank in its name: this is a text, a list of markdown for one.
_PROSE = re.compile(r"-[^=\s]*\s.*", re.DOTALL)


class Words(NamedTuple):
    """The words of a command line, sorted."""

    others: Sequence[str]
    options: Mapping[str, Sequence[str]]
    """By name, every value that was given; of an option without one, ``[""]``."""


def sort_words(words: Sequence[str], takes_value: Mapping[str, bool]) -> Words | None:
    """Sort *words* into options and others; None where an option lacks its value.

    A word that is none of the options is another word, also with a dash in front, and so is everything behind ``--``.
    """
    others: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word == "--":
            others += rest
        elif name in takes_value and (not equals or (takes_value[name] and name[1:2] == "-")):
            if takes_value[name] and not equals:
                following = next(rest, None)
                if following is None:
                    return None
                value = following
            options.setdefault(name, []).append(value)
        else:
            others.append(word)
    return Words(others, options)


class TakesText(click.Command):
    """A command whose last word is a text, whatever it begins with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move what are options to the front, and everything else behind ``--``."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        takes_value = {name: not each.is_flag for each in options for name in each.opts}
        words = sort_words(args, takes_value)
        if words is None:
            return super().parse_args(ctx, args[-1:])  # the option that has no value
        texts = [word for word in words.others if self.is_text(word)]
        odd = [word for word in words.others if not self.is_text(word)]  # `-phigh`, or misspelt
        if odd and ("--" in args or not all(takes_value.get(word[:2]) for word in odd)):
            return super().parse_args(ctx, args)
        front = [
            word
            for name, values in words.options.items()
            for value in values
            for word in ([name, value] if takes_value[name] else [name])
        ]
        return super().parse_args(ctx, [*front, *odd, "--", *texts])

    def is_text(self, word: str) -> bool:
        """Say whether a word that is no option of the command is meant as a text."""
        return True


class TakesProse(TakesText):
    """A command that can do without its text: what begins like an option and may be one misspelt is refused."""

    def is_text(self, word: str) -> bool:
        """Say so of a word with a blank, where no option has one."""
        return not word.startswith("-") or word == "-" or _PROSE.fullmatch(word) is not None
