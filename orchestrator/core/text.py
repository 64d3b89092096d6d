"""Text from outside, made safe to be shown: on a terminal, on one line, in a table cell, in a fence.

Everything here takes time linear in the length of the text, whatever the text is: agents write what they like, and a
hundred megabytes of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator.core.redact import redact
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import unicodedata
else:
    unicodedata = LazyModule("unicodedata")

# What must not reach a terminal or an own file. Every alternative is linear: an unterminated sequence loses its
# introducer only, and the characters that a failed attempt walks over are never walked over again by the next one.
# Both are compiled when they are first needed: that takes longer than loading the rest of this module.
_ESCAPES = (
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]?"  # CSI: colours, cursor movement
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*+(?:\x07|\x1b\\|\x9c)?"  # OSC: titles, links, clipboard
    r"|(?:\x1b[PX^_]|[\x90\x98\x9e\x9f])[^\x1b\x90\x98\x9c\x9e\x9f]*+(?:\x1b\\|\x9c)"  # DCS, SOS, PM, APC
    r"|\x1b[ -/]*+[0-~]?"  # any other escape sequence, and a lone ESC
)
_UNPRINTABLE = (
    rf"{_ESCAPES}"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\u061c\u202a-\u202e\u2066-\u2069\ufffe\uffff]"
)
_NOT_PLAIN = r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\u061c\u2028-\u202e\u2066-\u2069\ufffe\uffff]"
#: What no file of text can hold: a NUL, and half of a character.
NO_TEXT = r"[\0\ud800-\udfff]"
# What stands in the place of what a long text lacks, where its log has all of it.
_LEFT_OUT = "[… {} bytes left out, all of it is in the log …]"
# Letters and a picture that are blanks.
_BLANKS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Me", "Mn", "Zl", "Zp", "Zs"})
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_BACKTICKS = re.compile(r"`+")
_BACKSLASH = "&#92;"
_FENCED = re.compile(r"(`{3,})(?:text|json)\n(.*)\n\1", re.DOTALL)

#: What is looked at for one line; a hundred megabytes are not cleaned to show sixty characters of them.
_LOOK_AT = 16 * 1024
#: Characters of a cell, and of a line, that may be asked for again and again.
_SHORT, _SHORT_LINE = 24, 80


def text_of(value: object) -> str:
    """Return a text that another user's JSON or YAML has; empty when it is anything else."""
    return value if isinstance(value, str) else ""


def sanitize(text: str) -> str:
    r"""Return *text* with nothing in it that a terminal acts on: only characters, ``\n`` and ``\t``.

    Escape sequences, control characters, what is no character, and direction overrides are dropped; ``\r\n`` and
    Unicode's line separators become ``\n``; of a progress line that was redrawn with ``\r`` the last state stays.
    """
    if text.isprintable() or re.search(_NOT_PLAIN, text) is None:
        return text
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    if "\r" in text:
        text = "\n".join(_last_state(line) for line in text.split("\n"))
    text = text.replace("\u2028", "\n").replace("\u2029", "\n")
    return re.sub(_UNPRINTABLE, "", text)


def without_escapes(text: str) -> str:
    """Return *text* without what only tells a terminal what to do; every character of it is there."""
    return re.sub(_ESCAPES, "", text)


def _last_state(line: str) -> str:
    return line.rstrip("\r").rpartition("\r")[2]


def typed(text: str) -> str:
    r"""Return what a user typed, with ``\n`` at the end of every line.

    Only programs draw a line again with ``\r``; ``sanitize`` would drop the words before it.
    """
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def is_left_blank(line: str) -> bool:
    """Whether a line is a place that was left for words: ``**Primary Goal**: [Final result to achieve]``."""
    bare = line.strip()
    if not bare.endswith("]"):
        return False  # as nearly every line
    return re.fullmatch(r"(?:\*\*[^*\n]+\*\*:?)?\s*\[[^\]\n]*\]", bare) is not None


def is_blank(text: str) -> bool:
    """Whether nothing of a text is to be seen: neither blanks nor what only tells a terminal what to do."""
    text = sanitize(text)
    if text.isascii():
        return not text.strip()

    return all(char in _BLANKS or unicodedata.category(char) in _UNSEEN for char in text)


def one_line(text: str, limit: int = 200) -> str:
    """Return *text* on one line of at most *limit* characters, cut with ``…``; tokens in it are redacted before.

    Afterwards one that was cut would no longer be known.
    """
    return _short_line(text, limit) if len(text) < _SHORT_LINE else _one_line(text, limit)


def _one_line(text: str, limit: int) -> str:
    head = text[: _LOOK_AT + limit]
    line = redact(" ".join(sanitize(head).split()))
    if len(line) <= limit and len(head) == len(text):
        return line
    return line[: max(limit - 1, 0)].rstrip() + "…"


def excerpt(text: str, limit: int) -> str:
    """Return the head of *text* as it can be shown, cut with ``…`` after *limit* characters; redacted as a line is."""
    head = text[: _LOOK_AT + limit]
    shown = redact(sanitize(head))
    is_whole = len(shown) <= limit and len(head) == len(text)
    return shown if is_whole else f"{shown[:limit].rstrip()}…"


#: The name of a task or an agent is shown again and again.
_short_line = lru_cache(maxsize=1024)(_one_line)


def cell(text: str, limit: int = 200) -> str:
    """Return *text* as the inside of one table cell: it opens no column, comment, tag, or code that stays open."""
    return _short_cell(text, limit) if len(text) < _SHORT else _cell(text, limit)


def _cell(text: str, limit: int) -> str:
    line = _TAG.sub("&lt;", one_line(text, limit))
    if "`" in line and not _closed(line):
        line = line.replace("`", "'")
    line = line.replace("|", "\\|")
    # A backslash at the end would escape the bar that closes the cell, and one before it the word for it.
    bare = line.rstrip("\\")
    return bare + _BACKSLASH * (len(line) - len(bare))


#: The tables of a thousand results have the same words in them, and nearly the same figures.
_short_cell = lru_cache(maxsize=512)(_cell)


def from_cell(text: str) -> str:
    """Return a text for people as it was before ``cell`` wrote it in the words of markdown.

    Not for what is run: there it may have been meant as it stands.
    """
    if "&" not in text:
        return text
    text = text.replace("&lt;", "<")
    end = len(text)
    while text.endswith(_BACKSLASH, 0, end):
        end -= len(_BACKSLASH)
    return text[:end] + "\\" * ((len(text) - end) // len(_BACKSLASH))


def _closed(line: str) -> bool:
    """Whether every run of backticks has its partner, as in a code span: a backslash in one is a character like any."""
    opened = ""
    for run in _BACKTICKS.finditer(line):
        if not opened and line.endswith("\\", 0, run.start()):
            return False  # it opens nothing, or not with all of its backticks
        if not opened:
            opened = run[0]
        elif run[0] == opened:
            opened = ""
    return not opened


def code(text: str, limit: int = 300) -> str:
    """Return *text* as a code span on one line that nothing in it can close."""
    line = one_line(text, limit)
    longest = max(map(len, _BACKTICKS.findall(line)), default=0)
    bar = "`" * (longest + 1)
    return f"{bar} {line} {bar}" if longest else f"`{line}`"


def fence(text: str, info: str = "") -> str:
    """Return *text* as a fenced code block that nothing in it can close. It ends without a newline."""
    longest = max(map(len, _BACKTICKS.findall(text)), default=0)
    bar = "`" * max(3, longest + 1)
    word = one_line(info, 60).replace("`", "")
    end = "" if not text or text.endswith("\n") else "\n"
    return f"{bar}{word}\n{text}{end}{bar}"


def unfenced(text: str) -> str | None:
    """Return what stands in a fence that is all of *text*, as we fence answers; None when it is anything else."""
    found = _FENCED.fullmatch(text)
    if found is None or any(line.lstrip(" ").startswith(found[1]) for line in found[2].split("\n")):
        return None
    return found[2]


def without_backticks(text: str) -> str:
    """Return code without the backticks that only say that it is some; those in it are its own.

    Three begin a block, which has other marks.
    """
    bare = text.strip()
    mark = bare[: len(bare) - len(bare.lstrip("`"))]
    if len(mark) > 2:
        return text
    inside = bare[len(mark) : -len(mark)] if mark and bare.endswith(mark) else ""
    return text if not inside or mark in inside else inside.strip()


def fair_shares(sizes: Sequence[int], limit: int) -> list[int]:
    """Divide *limit* so that what is small is whole and what is big shares what is left evenly."""
    shares = [0] * len(sizes)
    smallest_first = sorted(range(len(sizes)), key=sizes.__getitem__)
    for taken, index in enumerate(smallest_first):
        shares[index] = min(sizes[index], limit // (len(sizes) - taken))
        limit -= shares[index]
    return shares


def pluralize(number: int, one: str, many: str = "") -> str:
    """Return ``1 task``, ``2 tasks``, ``30,000 tasks``; *many* is the plural where it is not *one* with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def join_first(words: Sequence[str], most: int) -> str:
    """Return the first *most* of some words in one line, and how many more there are."""
    more = f" and {len(words) - most:,} more" if len(words) > most else ""
    return f"{', '.join(words[:most])}{more}"


def left_out_note(size: int) -> str:
    """Return the line that stands where so many bytes were left out of an answer."""
    return _LEFT_OUT.format(size)


def noted_left_out(text: str) -> int:
    """Return how many bytes an answer says that it lacks."""
    line = re.escape(_LEFT_OUT).replace(re.escape("{}"), r"(\d{1,15})")
    found = re.search(f"(?m)^{line}$", text)
    return int(found[1]) if found else 0


def clip(text: str, limit: int) -> tuple[str, int]:
    """Return the head of *text* that fits into *limit* bytes of UTF-8, and how many bytes were left out.

    It is cut after a whole line unless that would cost more than half of the head.
    """
    if len(text) * 4 <= limit:
        return text, 0
    size = len(text.encode("utf-8", "replace"))
    if size <= limit:
        return text, 0
    head = text[: max(limit, 0)].encode("utf-8", "replace")[: max(limit, 0)]
    line_end = head.rfind(b"\n") + 1
    if line_end * 2 >= len(head):
        head = head[:line_end]
    # A character that the limit cut in two is dropped.
    kept = head.decode("utf-8", "ignore")
    return kept, size - len(kept.encode())
