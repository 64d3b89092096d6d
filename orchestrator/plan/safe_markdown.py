"""An agent's markdown made safe to stand below a heading of ours (promise 24).

It can open nothing that it does not close: no fence, no comment, no HTML. Its headings stand below ours. It has no mark
of ours in it. What comes out is checked with markdown-it; what does not pass the check is shown as it is, in a fence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.core.text import fence, sanitize, unfenced
from orchestrator.plan.blocks import Heading, Outline, fence_closes, outline, tokens
from orchestrator.plan.lines import conflict
from orchestrator.plan.sections import without_marks

#: Longer answers are shown in a fence; parsing the worst of them takes seconds.
MAX_SIZE = 512 * 1024

# Everything that can begin a heading, a fence or HTML; or lists in lists so deep that markdown-it gives up and takes
# all that follows for a part of them. Without any of it a text can be embedded as it is.
_RISKY = re.compile(
    r"^ {0,3}(?:\#{1,6}(?:[ \t]|$)|=+[ \t]*$|-+[ \t]*$|[ \t>*+\-\d.)]*(?:```|~~~))"
    r"|^[ \t>*+\-\d.)]{9}|^(?:<{7}|>{7}) |<[A-Za-z/!?]",
    re.MULTILINE,
)
# Would be taken for a merge of the file that a user left half done.
_CONFLICT = re.compile(r"(?:<{7}|>{7}) ")
# A whole document of HTML is of use only as it was written.
_HTML_DOCUMENT = re.compile(r"\s*<(?:!doctype|html|\?xml|svg|head|body)\b", re.IGNORECASE)
# A tag or a comment that is not escaped already; links in angle brackets and line breaks within a line stay.
_TAG = re.compile(
    r"(?<!\\)((?:\\\\)*+)<(?=[A-Za-z/!?])"
    r"(?!br ?/?>|[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>`]*>|[\w.+-]{1,64}@[\w.-]{1,255}>)"
)
_BLOCK_TAG = re.compile(r"([ \t>*+\-\d.)]*)<(?=br)")
_BACKTICKS = re.compile(r"`+")
_ATX = re.compile(r"( {0,3})(#{1,6})(?=[ \t]|$)")
_CODE = frozenset({"fence", "code_block"})
_SENTINEL = "sentinel"
#: Level of the highest heading in an answer; ours stand above it.
_TOP = 3


def embed(answer: str) -> str:
    """Return *answer* as markdown below a heading of ours, to be set between blank lines."""
    text = without_marks(sanitize(answer)).strip("\n").rstrip()
    if _RISKY.search(text) is None or unfenced(text) is not None:
        return text
    if len(text) > MAX_SIZE or _HTML_DOCUMENT.match(text):
        return fence(text, "text")
    lines = text.split("\n")
    safe = "\n".join(_rewritten(lines, outline(lines, html=False))).rstrip()
    # Once embedded, it stays unchanged when that is done again.
    is_fit = len(safe) <= MAX_SIZE and _is_safe(safe)
    return safe if is_fit else fence(text, "text")


def tagless(text: str) -> str:
    """Return what a user said such that no HTML begins in it outside of code, to be set in a block quote.

    It is otherwise as it was: in a quote its headings and fences can do no harm.
    """
    text = sanitize(text).strip()
    if "<" not in text:
        return text
    if len(text) > MAX_SIZE:
        return fence(text, "text")
    lines = text.split("\n")
    # A tab is not as wide in a quote as in the margin: what is code there decides.
    found = tokens([f"> {line}" for line in lines], html=False)
    blocks = (token.map for token in found if token.type in _CODE and token.map)
    code = {index for first, end in blocks for index in range(first, end)}
    return "\n".join(_without_html(lines, code))


def closed(text: str) -> str:
    """Return *text* with an end for the fence or the HTML in which it would keep all that is written below it.

    It is otherwise as it was: this is for the words of the user who asks for something, to whom every tag may matter.
    """
    if _RISKY.search(text) is None:
        return text
    lines = (text := without_merge(text)).split("\n")
    for end in (_open_bar(lines, outline(lines)), "-->", "</pre>", "?>", "]]>", ">"):
        if _above(whole := f"{text}\n{end}" if end else text) is not None:
            return whole
    return fence(text, "text")


def without_merge(text: str) -> str:
    """Return *text* with a backslash before what would be taken for a merge that a user left half done."""
    if conflict(text, "") is None:
        return text
    lines = text.split("\n")
    code = _code_lines(outline(lines))
    return "\n".join(
        f"\\{line}" if index not in code and _CONFLICT.match(line) else line
        for index, line in enumerate(lines)
    )


def _rewritten(lines: list[str], found: Outline) -> Iterator[str]:
    """Yield the lines with tags neutralised, headings demoted, and a fence that stays open closed."""
    code = _code_lines(found)
    safe = _without_html(lines, code)
    headings = {heading.line: heading for heading in found.headings}
    highest = min((heading.level for heading in found.headings), default=_TOP)
    shift = max(_TOP - highest, 0)
    skip_to = 0
    for index, line in enumerate(safe):
        if index < skip_to:
            continue
        heading = headings.get(index)
        if heading is None or index in code:
            yield line
            continue
        skip_to = heading.end
        words = [line, *safe[index + 1 : skip_to - 1]]
        yield _demoted(words, heading, min(heading.level + shift, 6))
    if closing := _open_bar(lines, found):
        yield closing


def _code_lines(found: Outline) -> set[int]:
    return {index for block in found.kinds("fence") for index in range(block.line, block.end)}


def _without_html(lines: Sequence[str], code: set[int]) -> list[str]:
    """Return the lines with tags neutralised, but for those that are code, and what is code in the others."""
    spans = _code_spans(lines, code)
    return [
        line if index in code else _without_tags(line, spans.get(index, ()))
        for index, line in enumerate(lines)
    ]


def _demoted(lines: Sequence[str], heading: Heading, level: int) -> str:
    if heading.is_atx:
        return _ATX.sub("#" * level, lines[0], count=1)
    return f"{'#' * level} {' '.join(' '.join(lines).split())}"


def _open_bar(lines: Sequence[str], found: Outline) -> str:
    """Return the bar that closes the fence in which a text ends; empty when it ends in none."""
    fences = list(found.kinds("fence"))
    if not fences or (last := fences[-1]).is_nested or last.end < len(lines):
        return ""
    opening = lines[last.line].lstrip(" ")
    bar = opening[: len(opening) - len(opening.lstrip(opening[:1]))]
    if last.end - last.line > 1 and fence_closes(lines[last.end - 1], bar):
        return ""
    return bar


def _code_spans(lines: Sequence[str], code: set[int]) -> dict[int, list[tuple[int, int]]]:
    """Return the spans in backticks by line, where they are sure to be code; there ``<`` is only a character.

    They are sure when in all lines around, down to the next blank one, every backtick has its partner on its own line
    and in its own cell. Else a backtick may belong to one of another line, and what looks like code be none.
    """
    found: dict[int, list[tuple[int, int]]] = {}
    chunk: list[int] = []
    is_sure = True
    for index, line in enumerate([*lines, ""]):
        if not line.strip() or index in code:
            if not is_sure:
                for at in chunk:
                    found.pop(at, None)
            chunk, is_sure = [], True
        elif "`" in line:
            chunk.append(index)
            spans = _spans_of(line)
            is_sure = is_sure and spans is not None
            found[index] = spans or []
    return found


def _spans_of(line: str) -> list[tuple[int, int]] | None:
    """Return where the code spans of a line are; None when that depends on anything but this line."""
    runs = [(run.start(), run.end()) for run in _BACKTICKS.finditer(line)]
    partner: dict[int, int] = {}
    latest: dict[int, int] = {}
    for number in range(len(runs) - 1, -1, -1):
        length = runs[number][1] - runs[number][0]
        if length in latest:
            partner[number] = latest[length]
        latest[length] = number
    spans, number = [], 0
    while number < len(runs):
        if number not in partner:
            return None
        start, end = runs[number][0], runs[partner[number]][1]
        if "|" in line[start:end] or line[start - 1 : start] == "\\":
            return None
        spans.append((start, end))
        number = partner[number] + 1
    return spans


def _without_tags(line: str, spans: Sequence[tuple[int, int]]) -> str:
    """Return a line in which no HTML begins, and no merge; *spans* of it are code."""
    if _CONFLICT.match(line):
        return "\\" + _TAG.sub(r"\1&lt;", line)
    if "<" not in line:
        return line
    parts: list[str] = []
    done = 0
    for start, end in spans:
        parts += _TAG.sub(r"\1&lt;", line[done:start]), line[start:end]
        done = end
    safe = "".join([*parts, _TAG.sub(r"\1&lt;", line[done:])])
    # A line break that begins a line would begin a block of HTML.
    return _BLOCK_TAG.sub(r"\1&lt;", safe, count=1) if _BLOCK_TAG.match(safe) else safe


def _is_safe(text: str) -> bool:
    """Whether a heading after *text* is still the last block of the document, and the highest one."""
    for tables in (True, False) if "|" in text else (True,):
        found = _above(text, tables=tables)
        if found is None or any(found.kinds("html_block")):
            return False
        if any(heading.level < _TOP for heading in found.headings[:-1]):
            return False
    return True


def _above(text: str, *, tables: bool = True) -> Outline | None:
    """Return the outline of *text* and a heading of ours below it; None where that is no heading any more."""
    lines = [*text.split("\n"), "", f"## {_SENTINEL}", ""]
    found = outline(lines, tables=tables)
    last = found.headings[-1] if found.headings else None
    is_ours = last is not None and (last.line, last.level, last.text) == (
        len(lines) - 2,
        2,
        _SENTINEL,
    )
    return found if is_ours else None
