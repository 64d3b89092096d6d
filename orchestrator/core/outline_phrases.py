"""What an outline says about order, in words: ``after T-01 and Design API``, ``needs the scan (order)``.

A phrase counts where it names something that is there. In brackets, and behind ``Needs:``, it must; elsewhere it may be
prose, and what names nothing is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.draft import Need
from orchestrator.core.plan import KINDS

#: The commonest words of German and Chinese; in brackets too they may be prose: `(nach Bedarf)`. What names something
#: with other words is told by ``outline_mentions.py``.
_THEN = r"(?:(?:完成)?[之以]后|完成后)"
_OTHER = (
    r"\b(?:nach|hängt (?:ab )?von|abhängig von)\b:?\s+|"
    r"\b依赖于?\s*[:：]?\s*(?=\S)|"
    # What waits stands before or behind; only its end says so.
    rf"(?:在\s?|^|(?<=[\s,，;；]))(?=[^\s,，;；。][^,，;；。]{{0,80}}?{_THEN})"
)
_WAS = r"\s+(?:(?:is|are|has|have been|has been) )?(?:done|complete|completed|finished|ready)\b"
_TAIL = rf"\s+ab\b|\s*{_THEN}"
_KEYWORD = re.compile(
    r"\b(?:after|(?:depends|depending|dependent|based) on|needs?|requires?|once|following|follows|"
    r"(?:blocked|preceded) by|wait(?:s|ing)? for|(?:deps?|dependency|dependencies)(?=:)|"
    r"(?:from|with|using) the (?:results?|outputs?|findings) of|"
    # Only of what is to be done before: `when it rains` names nothing.
    rf"(?:when|as soon as)(?=\s+\S.{{0,200}}?{_WAS}))\b:?\s+|"
    rf"(?P<other>{_OTHER})",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:the|that|all|of|both|results?|outputs?|findings|completing|finishing|der|die|das|dem|den)\b\s*|"
    r"((?:(?:tasks?|steps?|items?|Schritt|Aufgabe|Punkt)\b|no\.|Nr\.|任务|步骤|第)\s*|#)",
    re.IGNORECASE,
)
_AND = r"\s*(?:,\s*and\b|[,;&+，；、和与及]|\b(?:and|und)\b)\s*"
_BETWEEN = re.compile(_AND, re.IGNORECASE)
_KIND = re.compile(rf"\s*\(({'|'.join(KINDS)})\)", re.IGNORECASE)
_DONE = re.compile(rf"{_WAS}|{_TAIL}", re.IGNORECASE)
_ID_LIKE = re.compile(r"[A-Z][A-Za-z]{0,15}[-_]\d+(?:[._-]\d+)*")
_NUMBER = re.compile(r"(\d+)(?:\s?[步项])?")
#: A number that stands alone, or in a row of such: no word follows that it could count, as in `after 2 and 3 weeks`.
_ALONE = re.compile(
    rf"(\d+)(?=(?:{_AND}#?\d+){{0,20}}+"
    rf"(?:\s*$|\s*\(|\s*[^\w\s%°](?!\w)|\s*[，；、。]|\s+(?:and|und)\b|{_AND}#?\d|{_WAS}|{_TAIL}))",
    re.IGNORECASE,
)
BRACKETS = re.compile(r"(?<!\s)\s*+[(（]([^()（）]*(?:[(（][^()（）]*[)）][^()（）]*)*)[)）]")
#: No link, and no id.
_SQUARE = re.compile(r"(?<!\s)\s+\[([^\[\]]*)\](?![(\[])")
#: What stands between a text and the phrase behind it.
_BEFORE = " ,;–—-，；、"
_EVERYTHING = re.compile(
    r"(?:everything(?: (?:else|above|before))?|(?:of )?the above|other tasks|others)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Names:
    """What a phrase may name, from where one task stands."""

    ids: Mapping[str, tuple[str, ...]]
    """Name or id in lower case → the tasks it means; a heading means all tasks below it."""
    numbers: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """Number in the same list → the tasks it means."""
    earlier: tuple[str, ...] = ()
    """Every task that stands before this one."""


@dataclass(slots=True)
class Said:
    """What a text says about order, and the text without it."""

    text: str
    needs: list[Need] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """What is clearly meant as a dependency and names nothing."""


def read_phrases(text: str, names: Names, aside: Callable[[str], bool]) -> Said:
    """Return what *text* says. *aside* takes any other remark in brackets, and says whether it was one."""
    said = Said("")

    def bracketed(found: re.Match[str]) -> str:
        inside = found[1].strip()
        keyword = _KEYWORD.match(inside)
        if keyword is None or (
            keyword["other"] is not None and not _is_list(inside, keyword, names)
        ):
            return "" if aside(inside) else found[0]
        read_list(inside[keyword.end() :], names, said)
        return ""

    def squared(found: re.Match[str]) -> str:
        return bracketed(found) if _KEYWORD.match(found[1].strip()) else found[0]

    rest = _SQUARE.sub(squared, BRACKETS.sub(bracketed, text)).strip()
    for keyword in list(_KEYWORD.finditer(rest)):
        needs, end = _references(rest, keyword.end(), names)
        if needs:
            said.needs += needs
            before, behind = rest[: keyword.start()].rstrip(_BEFORE), rest[end:].strip(" .")
            if before and not behind:  # the text ends with it
                rest = before
        elif (
            keyword["other"] is None and (alike := _ID_LIKE.match(rest, keyword.end())) is not None
        ):
            said.unknown.append(alike[0])
    said.text = rest
    return said


def without_phrases(text: str) -> str:
    """Return what a text may be called by: without brackets, and only what stands before a phrase."""
    bare = BRACKETS.sub("", text).strip()
    bare = _SQUARE.sub(lambda found: "" if _KEYWORD.match(found[1].strip()) else found[0], bare)
    keyword = _KEYWORD.search(bare)
    head = bare[: keyword.start()].rstrip(_BEFORE) if keyword else ""
    return head or bare


def read_list(text: str, names: Names, said: Said) -> None:
    """Read a text that is nothing but a list of dependencies into *said*."""
    keyword = _KEYWORD.match(text)
    start = keyword.end() if keyword else 0
    needs, end = _references(text, start, names)
    said.needs += needs
    if left := text[end:].strip(" .,;"):
        said.unknown.append(left)


def _is_list(text: str, keyword: re.Match[str], names: Names) -> bool:
    """Whether there are references behind a keyword, and nothing else."""
    needs, end = _references(text, keyword.end(), names)
    return bool(needs) and not text[end:].strip(" .,;")


def _references(text: str, at: int, names: Names) -> tuple[list[Need], int]:
    """Read as many references as there are in a row; return them and where the last one ends."""
    needs: list[Need] = []
    end = at
    while at < len(text):
        found = _reference(text, at, names)
        if found is None:
            break
        ids, end = found
        kind = _KIND.match(text, end)
        needs += [Need(each, kind[1].lower() if kind else "data") for each in ids]
        if kind:
            end = kind.end()
        if (done := _DONE.match(text, end)) is not None:
            end = done.end()
        between = _BETWEEN.match(text, end)
        if between is None:
            break
        at = between.end()
    return needs, end


def _reference(text: str, at: int, names: Names) -> tuple[Sequence[str], int] | None:
    """Read one reference: a name or an id as it is, else behind words that only lead to it."""
    is_counted = False
    while True:
        if (found := _name(text, at, names)) is not None:
            return found
        if (everything := _EVERYTHING.match(text, at)) is not None:
            return names.earlier, everything.end()
        number = (_NUMBER if is_counted else _ALONE).match(text, at)
        if number and int(number[1]) in names.numbers:
            return names.numbers[int(number[1])], number.end()
        filler = _FILLER.match(text, at)
        if filler is None or filler.end() == at:
            return None
        at, is_counted = filler.end(), filler[1] is not None


def is_wide(char: str) -> bool:
    """Whether a character is of a script that has no blanks between its words."""
    return char >= "\u2e80"


def _name(text: str, at: int, names: Names) -> tuple[Sequence[str], int] | None:
    """Find the longest name that stands at this place, in quotes or not."""
    quote = text[at : at + 1] if text[at : at + 1] in {'"', "'", "`", "“", "*"} else ""
    at += len(quote)
    rest = text[at : at + 200].lower()
    best = ""
    for name in names.ids:
        if len(name) > len(best) and rest.startswith(name):
            behind = rest[len(name) : len(name) + 1]
            # A name ends where a word ends: `T-1` is not named by `T-10`.
            if not (
                (behind.isalnum() and not is_wide(behind))
                or (behind in {"-", "_"} and rest[len(name) + 1 : len(name) + 2].isalnum())
            ):
                best = name
    if not best:
        return None
    end = at + len(best)
    closing = {"“": "”"}.get(quote, quote)
    return names.ids[best], end + (len(quote) if closing and text.startswith(closing, end) else 0)
