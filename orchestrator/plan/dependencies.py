"""Reads a cell of dependencies that is more than a list of ids. A cell with an unclear meaning is not read.

``columns.read_needs`` reads the plain lists, which are nearly all. A cell with words that are no ids of the plan is
read here once more, now with the ids and names of all rows: ``Tasks T-01 and T-02``, ``T-01–T-03``, ``all above``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from orchestrator.core.graph import find_cycle
from orchestrator.core.plan import KINDS, TASK_ID, Task
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.plan.columns import (
    ABOVE,
    ALL_ABOVE,
    ALL_OTHERS,
    FILLERS,
    HEADERS,
    NONE,
    NOTHING,
    NOW,
    START,
    TO,
    is_none,
    key_word,
    plain,
    read_id,
    without_pictures,
)

Needs = tuple[tuple[str, ...], tuple[tuple[str, str], ...]]
"""Ids, and those that are not of kind ``data`` with their kinds."""

_Key = TypeVar("_Key", bound=Hashable)

_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_LINK = re.compile(r"\[{1,2}([^\[\]]*)\]{1,2}(?:\([^()]*\)|\[[^\[\]]*\])?")
_PARTS = re.compile(r"[,;\n+&]+")
_REMARK = re.compile(r"\(([^()]*)\)")
_RANGE = re.compile(r"(?:–|—|\.\.+|…)")
_NUMBERS = re.compile(r"(#?\d+)-(#?\d+)")
# An id may stand right beside letters of another script, as in Japanese.
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_WHOLE = re.compile(r"\s*\(([^()]*)\)\s*")
_SIGNS = str.maketrans(
    {
        "（": "(", "）": ")", "，": ",", "、": ",", "،": ",", "・": ",", "；": ";", "؛": ";", "：": ":", "。": ".",
        "\u2011": "-", "\u2212": "-",
    }
)  # fmt: skip
_BETWEEN = re.compile(r"[\s,;+&/]+")
_SAYS_NOTHING = FILLERS | NOTHING | NONE | START | NOW
_PHRASES = ALL_ABOVE | ABOVE
#: What may stand around an id or a word.
_AROUND = ".:,!\"'“”„«»‘’‚"
_DASHES = frozenset("-–—")
#: Words of a name that is looked for inside of a text.
_LONGEST_NAME = 16
_SHAPE = re.compile(r"#?([^\W\d_]*)[-_. ]?0*(\d{1,9})")
_OTHER_KINDS = frozenset({"soft", "weak", "hard", "optional", "file", "files", "control"})
#: How alike a remark is to a kind of dependency that was probably meant.
_ALIKE = 0.7


class Dependencies:
    """The ids and names of a plan's rows, and what cells mean by them."""

    def __init__(self, rows: Sequence[Task]) -> None:
        self._order = list(dict.fromkeys(row.id for row in rows))
        self._ids = set(self._order)
        self._folded = _unique((each.casefold(), each) for each in self._order)
        self._shaped = _unique((shape, each) for each in self._order if (shape := _shape(each)))
        self._names = _unique((_folded(_clean(row.name)), row.id) for row in rows)
        longest = max((len(name.split()) for name in self._names), default=0)
        self._longest = min(longest, _LONGEST_NAME)
        self._words = {prefix for prefix, _ in self._shaped}
        self._firsts = {_first_word(each) for each in (*self._folded, *self._names, *_PHRASES)}
        self._all_numbered = all(any(map(str.isdigit, each)) for each in self._order)

    def read(self, cell: str, own: str) -> Needs | None:
        """Return what the task *own* waits for; None when the meaning is not certain."""
        text = _clean(cell)
        if (ids := self._phrase(_folded(text), own)) is not None:
            return tuple(ids), ()
        if (one := self._id(text)) is not None:
            return (one,), ()
        if whole := _WHOLE.fullmatch(text):
            text = whole[1]
        found: dict[str, str] = {}
        for each_part in _PARTS.split(text):
            part, kind = _kind(each_part.strip())
            if is_none(part.strip(" .:")):
                continue
            ids = self._ids_in(part)
            if ids is None:
                return None
            for each in ids:
                found.setdefault(each, "data")
            if ids and kind:
                found[ids[-1]] = kind
        return tuple(found), tuple((each, kind) for each, kind in found.items() if kind != "data")

    def is_plain(self, cell: str) -> bool:
        """Whether a cell is a list of words that could be ids: then each unknown id is reported on its own."""
        parts = [read_id(_kind(each.strip())[0]) for each in _PARTS.split(cell)]
        return all(
            TASK_ID.fullmatch(each) and (not self._all_numbered or any(map(str.isdigit, each)))
            for each in parts
            if each
        )

    def with_ids(self, said: str) -> str:
        """Return a list of ids and names with ids alone; what is neither stays."""
        return re.sub(
            r"[^\s,;()]+",
            lambda word: (word[0] not in self._ids and self._names.get(_folded(word[0]))) or word[0],
            said,
        )

    def order(self, cells: Iterable[tuple[str, str]], *, in_prose: bool) -> bool:
        """Whether cells, each with the id of its row, seem to say what waits for what.

        One that names another task is enough, whatever the others say; *in_prose*: among other words, too. Numbers and
        words that could be labels count only if they are ids of other rows and make no circle: a column that is filled
        in every row makes one.
        """
        labels: dict[str, Task] = {}
        may_be_ids = in_prose
        for own, cell in cells:
            text = _clean(cell)
            read = (self.read(cell, own) or ((), ()))[0] if self._may_name_tasks(text) else ()
            words = [each.strip("._-") for each in _WORD.findall(text)] if in_prose else ()
            named = {found for each in words if _has_both(each) and (found := self._id(each))}
            if _is_sure(text):
                named.update(read)
            elif read:
                labels[own] = Task(own, "", "", read)
            elif any(map(str.isdigit, text)):
                may_be_ids = False
            if named - {own}:
                return True
        is_own = any(own in row.needs for own, row in labels.items())
        return may_be_ids and bool(labels) and not is_own and find_cycle(labels) is None

    def problem(self, cell: str, own: str, where: str, header: str) -> Problem:
        """Return the problem of a cell whose meaning is not certain."""
        close = difflib.get_close_matches(_folded(cell), [n for n in self._names if n], n=1)
        named = self._names[close[0]] if close else None
        named = None if named == own else named
        hint = "write the ids of tasks with a comma between two, such as T-01, T-02; or None"
        if any(map(_is_kind_of, _REMARK.findall(cell))):
            hint = f"a dependency is of one of these kinds: {', '.join(f'({kind})' for kind in KINDS)}"
        return Problem(
            f"{header} of {own}: {one_line(cell, 60)!r} is not understood",
            where,
            f"did you mean {named}?" if named else hint,
            "unknown_dependency",
        )

    def _may_name_tasks(self, text: str) -> bool:
        """Whether it is worth while to read a text: most of a column that names no tasks are prose."""
        first = _first_word(text)
        is_named = first in self._firsts or any(map(str.isdigit, first))
        return is_named and _folded(text) not in ALL_OTHERS

    # ── pieces ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _phrase(self, words: str, own: str) -> list[str] | None:
        at = self._order.index(own) if own in self._ids else len(self._order)
        if words in ALL_ABOVE:
            return self._order[:at]
        if words in ABOVE and at:
            return [self._order[at - 1]]
        if words in ALL_OTHERS:
            return [each for each in self._order if each != own]
        return None

    def _ids_in(self, part: str) -> list[str] | None:
        if (one := self._id(part)) is not None:
            return [one]
        for remark in _REMARK.findall(part):
            words = re.split(r"[\s,;/]+", remark)
            if any(self._id(each) for each in words) or _is_kind_of(remark):
                return None  # it may change what the ids before it mean
        words = _REMARK.sub(" ", part).split()
        if _is_nothing(words) and not any(map(self._of_word, words)):
            return []
        return self._ids_of(words)

    def _ids_of(self, words: Sequence[str]) -> list[str] | None:
        found: list[str] = []
        between = ""  # the dash, or word for a range, that was read last
        at, is_auxiliary = 0, False
        while at < len(words):
            ids, size, is_name = self._next(words, at)
            bare = words[at].strip(_AROUND).casefold() or words[at]
            at += size
            if not ids:
                if found and not between and (bare in TO or bare in _DASHES):
                    between = bare
                elif between or bare not in FILLERS:
                    return None
                is_auxiliary = bool(between)
                continue
            if is_name and is_auxiliary and ids != found[-1:]:
                return None  # an id, and the name of another task
            if between and ids != found[-1:]:
                first, *more = ids
                ids = [*(self._between(found[-1], first) or ()), *more] if between != "-" else []
            if not ids:
                return None
            found += ids
            between, is_auxiliary = "", True
        return None if between or not found else found

    def _next(self, words: Sequence[str], at: int) -> tuple[list[str], int, bool]:
        """Return the ids that stand next, in how many words, and whether they are the name of a task."""
        for size in range(min(self._longest, len(words) - at), 1, -1):
            if one := self._names.get(_folded(" ".join(words[at : at + size]))):
                return [one], size, True
        bare = words[at].strip(_AROUND) or words[at]
        ids = self._of_word(bare)
        return ids, 1, ids == [self._names.get(_folded(bare))] and bare not in self._ids

    def _of_word(self, word: str) -> list[str]:
        if (one := self._id(word)) is not None:
            return [one]
        ends = _RANGE.split(word)
        if len(ends) == 2 and (first := self._id(ends[0])) and (last := self._id(ends[1])):
            return self._between(first, last) or []
        if numbers := _NUMBERS.fullmatch(word):
            first, last = self._id(numbers[1]), self._id(numbers[2])
            return self._between(first, last) or [] if first and last else []
        pieces = [self._id(each) for each in word.split("/")]
        return [each for each in pieces if each] if len(pieces) > 1 and all(pieces) else []

    def _id(self, text: str) -> str | None:
        """Return the id that a word or a name means: itself, in other case, ``T1`` for ``T-01``, the name of a task."""
        word = plain(text.strip())
        if word in self._ids:
            return word
        if (found := self._folded.get(word.casefold()) or self._names.get(_folded(word))) or not word:
            return found or None
        if (shape := _shape(word)) is None:
            return None
        if not shape[0] and len(self._words) == 1:  # `1` where all ids are T-01, T-02 …
            shape = next(iter(self._words)), shape[1]
        return self._shaped.get(shape)

    def _between(self, first: str, last: str) -> list[str] | None:
        one, other = _shape(first), _shape(last)
        if one is None or other is None or one[0] != other[0] or one[1] >= other[1]:
            return None
        return [
            each
            for each in self._order
            if (shape := _shape(each)) and shape[0] == one[0] and one[1] <= shape[1] <= other[1]
        ]


def _unique(pairs: Iterable[tuple[_Key, str]]) -> dict[_Key, str | None]:
    """Return a mapping in which what is there twice means nothing."""
    found: dict[_Key, str | None] = {}
    for key, value in pairs:
        found[key] = value if key not in found or found[key] == value else None
    return found


def _shape(task_id: str) -> tuple[str, int] | None:
    found = _SHAPE.fullmatch(task_id)
    return (found[1].casefold(), int(found[2])) if found else None


def _folded(text: str) -> str:
    return " ".join(plain(text).casefold().split()).strip(" .:")


def _kind(part: str) -> tuple[str, str]:
    """Return a part of a cell without the kind behind it, and that kind."""
    words = {"sequential": "order", **{kind: kind for kind in KINDS}}
    found = re.fullmatch(r"(.*?)\(\s*([A-Za-z]+)\s*\)", part, re.DOTALL)
    if found and (kind := words.get(found[2].casefold())):
        return found[1].strip(), kind
    return part, ""


def _is_kind_of(remark: str) -> bool:
    """Whether a remark says what a dependency is for, in a word that is not ours."""
    word = remark.strip().casefold()
    return word in _OTHER_KINDS or bool(difflib.get_close_matches(word, KINDS, n=1, cutoff=_ALIKE))


def _is_nothing(words: Sequence[str]) -> bool:
    """Whether words say that there is nothing to wait for, and nothing more: ``No prerequisites``, ``None – ready``."""
    said: list[str] = []
    for word in words:
        if word in _DASHES:
            break  # a remark
        said.append(word.strip(_AROUND).casefold())
        if word.endswith(":"):
            break
    if not NOTHING.isdisjoint(said):
        return all(each in NOTHING or each in NOW or key_word(each) in _OF_NEEDS for each in said)
    return not START.isdisjoint(said) and all(each in START or each in NOW for each in said)


#: Words of the headers of dependencies: ``No dependencies`` says as much as ``None``.
_OF_NEEDS = {
    key_word(word)
    for words in HEADERS["needs"]
    for word in words.split()
    if word not in FILLERS or word not in HEADERS["needs"]  # not `after`: it says of what
}


def _first_word(text: str) -> str:
    """Return the first word of a text that says more than that something follows, in lower case."""
    words = (each.strip(_AROUND + "()#-–—").casefold() for each in _BETWEEN.split(text))
    return next((each for each in words if each and each not in _SAYS_NOTHING), "")


def _clean(cell: str) -> str:
    """Return what a cell says, without emphasis, links and pictures, and in ASCII signs."""
    text = _BREAK.sub("\n", cell).replace("`", "").replace("*", "")
    return without_pictures(_LINK.sub(r"\1", text)).translate(_SIGNS)


def _is_sure(text: str) -> bool:
    """Whether what is read of a text is no accident: an id of letters and digits, or a name of several words."""
    words = text.split()
    return any(map(_has_both, words)) or (len(words) > 1 and not any(map(str.isdigit, text)))


def _has_both(text: str) -> bool:
    return any(map(str.isdigit, text)) and any(map(str.isalpha, text))
