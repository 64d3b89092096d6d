"""What a task of a file says it waits for: ``(depends on T003, T004)``, ``Blocked by: M1.01``, ``_Depends: 4.1_``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.plan import KINDS
from orchestrator.plan.columns import is_none, key_word, plain, read_header

#: A word for a dependency, and all that stands between it and the first task.
_KEYWORD = re.compile(
    r"@?(?<![\w-])(?:(?:depend(?:s|ing|ent)?|block(?:s|ed)|wait(?:s|ing)?)[ _-](?:on|by|for|until)"
    r"|depends?(?=\s*[:(=])|(?P<weak>requires?|needs?|once|when|following|follows)|after|"
    r"pre-?req(?:uisite)?s?|deps?(?=\s*[:(=])|dependenc(?:y|ies))(?![\w-])\s*[:(=]?\s*",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:[\s\[(\"'“‘`*_]|#|(?:tasks?|steps?|items?|no\.?)\s+"
    r"|(?:the|all(?: of)?|both|either|completion of|completing|finishing)\s+)*",
    re.IGNORECASE,
)
_EMPHASIS = re.compile(r"(?<!\w)[*_]+|[*_]+(?!\w)")
_COUNTING = re.compile(r"\b(?:tasks?|steps?|items?|no\.?)\s", re.IGNORECASE)
_CLOSE = re.compile(r"[\])\"'”’`*_]*")
_KIND = re.compile(rf"\s*\(({'|'.join(KINDS)})\)", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:,\s*and\b|[,;/&+，、；]|\b(?:and|or|und|et|y|e)\b)\s*", re.IGNORECASE)
_TO = re.compile(r"\s*(?:-|–|—|\.\.\.?|…|\bto\b|\bthrough\b)\s*", re.IGNORECASE)
BRACKETS = re.compile(r"[(（]([^()（）]*(?:[(（][^()（）]*[)）][^()（）]*)*)[)）]")
_ASIDE = re.compile(BRACKETS.pattern + r"|(?<!\S)\[([^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*)\](?![(\[])")
_APART = ",;–—-"
#: More than a few of these would be a text about an order and no dependency of one task.
_MOST = 500


def id_pattern(shape: str) -> re.Pattern[str]:
    """Return a pattern of ids that stand alone, as they look in one form of plan."""
    return re.compile(rf"(?<![\w.])(?:{shape})(?!\w|\.\w|-(?![A-Za-z]{{0,16}}\d))", re.IGNORECASE)


class Names:
    """The tasks of a file by what they may be called, in the order of the file."""

    def __init__(self, pattern: re.Pattern[str], ids: Mapping[str, Sequence[str]], order: Sequence[str]) -> None:
        """*pattern* is what ``id_pattern`` returned; *ids*: id in lower case → the tasks that it means."""
        self._pattern = pattern
        self._ids = ids
        self._order = order

    def with_numbers(self, numbers: Mapping[str, Sequence[str]]) -> Names:
        """Return the same, and what the numbers of one list mean."""
        return Names(self._pattern, {**self._ids, **numbers}, self._order)

    def at(self, text: str, start: int) -> re.Match[str] | None:
        """Return the id that stands at a place."""
        return self._pattern.match(text, start)

    def tasks_named(self, id: str) -> Sequence[str]:
        """Return the tasks that an id means; none for one that is not there."""
        return self._ids.get(id.casefold(), ())

    def between(self, first: str, last: str) -> Sequence[str]:
        """Return the tasks from one to another, both included."""
        some, others = self.tasks_named(first), self.tasks_named(last)
        if not some or not others:
            return (*some, *others)
        start, end = self._order.index(some[0]), self._order.index(others[-1])
        return self._order[start : end + 1] if start <= end else (*some, *others)

    def mentioned(self, text: str) -> list[str]:
        """Return the ids in a text, as they are written there."""
        return list(dict.fromkeys(found[0] for found in self._pattern.finditer(text)))


class IdList(NamedTuple):
    """A row of ids: what it means, the ids of no task in it, where it ends."""

    needs: list[tuple[str, str]]
    unknown: list[str]
    end: int
    is_counted: bool
    """A word such as ``task`` stands before it."""
    is_number: bool = False
    """The last one is a mere number with no such word."""
    of_groups: frozenset[str] = frozenset()
    """What was named with others by one name."""
    start: int = 0
    """Where the word for the dependency stands."""


def read_ids(text: str, start: int, names: Names) -> IdList:
    """Read as many ids as stand in a row: ``T003, T004 (order) and T006-T009``."""
    needs: list[tuple[str, str]] = []
    unknown: list[str] = []
    groups: set[str] = set()
    end, is_counted, is_number = start, False, False
    while (id := names.at(text, _behind(_FILLER, text, start))) is not None:
        is_one = "#" in text[start : id.start()] or _COUNTING.search(text[start : id.start()])
        is_counted = is_counted or bool(is_one)
        is_number = not is_one and id[0].isdecimal()
        ids, end = names.tasks_named(id[0]), id.end()
        unknown += [] if ids else [id[0]]
        to = _TO.match(text, end)
        if to is not None and (last := names.at(text, to.end())) is not None and _alike(id[0], last[0]):
            unknown += [] if names.tasks_named(last[0]) else [last[0]]
            ids, end = names.between(id[0], last[0]), last.end()
        elif len(ids) > 1:
            groups.update(ids)
        end = _behind(_CLOSE, text, end)
        kind = _KIND.match(text, end)
        needs += [(each, kind[1].lower() if kind else "data") for each in ids][:_MOST]
        end = kind.end() if kind else end
        between = _BETWEEN.match(text, end)
        if between is None:
            break
        start = between.end()
    return IdList(needs, unknown, end, is_counted, is_number, frozenset(groups))


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _alike(first: str, last: str) -> bool:
    """Whether two ids can be the ends of a row."""
    return re.sub(r"\d.*", "", first).casefold() == re.sub(r"\d.*", "", last).casefold()


def phrases(text: str, names: Names, *, is_number: bool = False) -> Iterator[tuple[IdList, bool]]:
    """Yield each row of ids behind a word for a dependency, and whether that word may mean something else there.

    *is_number*: an id is a mere number, so it has to stand in brackets, behind a label, or behind ``task``.
    """
    text = _EMPHASIS.sub("", text)
    inside = [range(found.start(), found.end()) for found in BRACKETS.finditer(text)]
    for keyword in _KEYWORD.finditer(text):
        listed = read_ids(text, keyword.end(), names)
        if not listed.needs and not listed.unknown:
            continue
        is_label = keyword[0].rstrip().endswith((":", "="))
        is_bracketed = keyword[0].rstrip().endswith("(") or any(keyword.start() in each for each in inside)
        # A number before a word counts something: `(after 1-2 days)`.
        is_alone = not text[listed.end :].lstrip()[:1].isalnum()
        if not is_number or listed.is_counted or is_label or (is_bracketed and is_alone):
            is_sure = keyword["weak"] is None and (is_label or not is_number)
            yield listed._replace(start=keyword.start()), not is_sure


def without_dependencies(text: str) -> str:
    """Return a text without the brackets in it that begin with a word for a dependency."""

    def left(found: re.Match[str]) -> str:
        return "" if _KEYWORD.match((found[1] or found[2] or "").strip()) else found[0]

    return _ASIDE.sub(left, text).strip()


def asides(text: str) -> Iterator[tuple[str, bool]]:
    """Yield what stands behind a word for a dependency in brackets, and whether that word has other uses."""
    for found in _ASIDE.finditer(text):
        inside = (found[1] or found[2] or "").strip()
        if (keyword := _KEYWORD.match(inside)) is not None and keyword.end() < len(inside):
            yield inside[keyword.end() :], keyword["weak"] is not None


def trailing(line: str, names: Names) -> IdList | None:
    """Return the row of names with which a line ends, behind a word for a dependency (``…, after A-1``)."""
    for keyword in _KEYWORD.finditer(line):
        listed = read_ids(line, keyword.end(), names)
        if listed.needs and not listed.unknown and not line[listed.end :].strip(" .!"):
            return listed._replace(start=keyword.start())
    return None


def without_phrase(text: str) -> str:
    """Return what stands before a word for a dependency that a comma or a dash sets apart."""
    found = next((each for each in _KEYWORD.finditer(text) if text[: each.start()].rstrip()[-1:] in _APART), None)
    return text[: found.start()].rstrip(f" {_APART}") if found else text


def is_dependency(name: str) -> bool:
    """Whether a label or a heading is a word for dependencies, in any language in which a table may be written."""
    return read_header((name,)).needs is not None or key_word(name) in _HEADINGS


_HEADINGS = frozenset({"requires", "prerequisites", "prerequisite", "prereqs", "waitsfor", "blockers"})


def says_none(value: str) -> bool:
    """Whether a value begins by saying that there is nothing: ``none (parallel-safe with WP02)``."""
    return is_none(plain(BRACKETS.sub("", value)).strip(" .,;")) or is_none(
        value.split(" ", maxsplit=1)[0].strip(" .,;")
    )
