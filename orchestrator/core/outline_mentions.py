"""What an outline names without a word for an order that we know: ``Test (après Build)``.

It may well be a dependency in a language that nobody taught us, so it is told; nothing is made of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.outline_phrases import BRACKETS, is_wide

#: Of a text only so much of its end is looked at.
_LONGEST = 200
_AROUND = " \t.。!?…\"'`“”„«»*"
_OPENS = " \t\"'“„«*([:,;"
_APART = re.compile(r"[,;，；：、]|:(?=\s)|\s[–—-]+\s")
_LINK = re.compile(r"\]\([^()]*\)")
_NUMBERED = re.compile(r"(\D*[^\W\d_]\D*)(\d{1,6})")
#: Before a number they say how many, or count what is no task.
_COUNTS = """
about first last least level line max min most only option page part phase round section sprint step than to top v
version week day x
"""
_COUNTING = frozenset(_COUNTS.split())
#: More words before a name are a sentence.
_FEW = 5
_JOINS = frozenset({"and", "or", "then", "und", "oder"})


class Named(NamedTuple):
    """What may be named, from where one task or group stands."""

    ids: Mapping[str, Sequence[str]]
    """Name or id in lower case → the tasks it means."""
    spelled: Mapping[str, str]
    """The same → as it is written."""
    numbers: Mapping[int, Sequence[str]]
    """Number in the same list → the tasks it means."""
    mine: frozenset[str]
    """The tasks that it is itself."""
    is_english: bool
    """English has all its words for an order: what else names something there is mostly prose."""


class Mention(NamedTuple):
    """Words that name something else, its name or number in them, and the tasks that are meant."""

    words: str
    name: str
    ids: Sequence[str]


def mentions(text: str, asides: Sequence[str], named: Named) -> Iterator[Mention]:
    """Yield what is named in brackets, in asides that stand for such, and by the end of a text."""
    text = _LINK.sub("]", text)
    inside = (*(found[1] for found in BRACKETS.finditer(text)), *asides)
    for each, is_aside in (*((one, True) for one in inside), (BRACKETS.sub("", text), False)):
        words = " ".join(each[-_LONGEST:].split()).strip(_AROUND)
        name = _name(words, named, is_aside=is_aside)
        if name:
            yield Mention(words, name, named.ids[name.lower()])
        elif number := _number(words, named, is_aside=is_aside):
            yield Mention(words, number, named.numbers[int(number)])


def _name(words: str, named: Named, *, is_aside: bool) -> str:
    """Return the longest name with which words end, when it seems to stand there as a name."""
    end = len(words)
    spans = [(start, end) for start in range(end)]
    if is_aside and not named.is_english:
        # In other languages what leads to a name may stand behind it.
        spans += [(0, at) for at in range(end - 1, 0, -1)]
    for start, at in spans:
        if words[start] in _AROUND or _is_inside(words, start) or _is_inside(words, at):
            continue
        name = words[start:at].strip(_AROUND)
        ids = named.ids.get(name.lower(), ())
        if not ids or not named.mine.isdisjoint(ids):
            continue
        is_exact = name == named.spelled[name.lower()]
        if is_exact and (name,) == tuple(ids):
            return name
        # In English the words of a name are words of the text, too; else they may be bent in brackets.
        if not (is_exact and name[0].isupper() if named.is_english else is_exact or is_aside):
            return ""
        before, is_all = words[:start], name == words
        # One word alone in brackets may be a keyword: `(API)`.
        is_led = not is_all or _is_long(name) if is_aside else _leads(before, named)
        return name if is_led and len(_lead(before)) <= _FEW else ""
    return ""


def _lead(before: str) -> list[str]:
    """Return the words that lead to a name."""
    return _APART.split(before)[-1].strip(_AROUND).split()


def _leads(before: str, named: Named) -> bool:
    """Whether words before a name at the end of a text seem to say why it is named."""
    lead = _lead(before)
    is_apart = _APART.search(before) is not None
    if is_apart and lead and not any(word[:1].isupper() for word in lead):
        return not _JOINS.issuperset(lead)
    if named.is_english or before[-1:] not in _AROUND:
        return False
    # In its own case behind a word that is not: `Tester après Construire`, but not `Build Search Page`.
    return before.rstrip().endswith((":", "：")) or bool(lead and not lead[-1][:1].isupper())


def _number(words: str, named: Named, *, is_aside: bool) -> str:
    """Return a number in the same list, with a word before it."""
    *rest, last = _APART.split(words)
    found = _NUMBERED.fullmatch(words if is_aside else last)
    if found is None or named.is_english:
        return ""
    ids = named.numbers.get(int(found[2]), ())
    if not ids or not named.mine.isdisjoint(ids):
        return ""
    lead = re.findall(r"[^\W\d_]+", found[1])
    if lead[-1][:1].isupper() or not _COUNTING.isdisjoint(lead):
        return ""
    # Without blanks between words it may be any of them that is counted.
    return found[2] if is_aside or rest or not is_wide(lead[-1][-1]) else ""


def _is_inside(text: str, at: int) -> bool:
    """Whether a place is within a word, a path or an option."""
    before, behind = text[at - 1 : at], text[at : at + 1]
    if not before or not behind or is_wide(before) or is_wide(behind):
        return False
    return not (before in _OPENS or behind in _AROUND)


def _is_long(name: str) -> bool:
    return " " in name or (len(name) > 2 and is_wide(name[0]))
