"""Makes an agent's markdown safe to be embedded below one of our own headings.

It leaves nothing open: no fence, no comment, no HTML. Its headings are of a lower level than ours, and it has none of
our marks in it. The output is checked with markdown-it; a text that does not pass is shown verbatim, in a fence.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from orchestrator.core.text import fence, sanitize, unfenced
from orchestrator.lazy import LazyModule
from orchestrator.plan.document import Heading, Outline, fence_closes, outline, tokens
from orchestrator.plan.lines import conflict
from orchestrator.plan.sections import without_marks

#: Longer answers are shown in a fence; parsing the worst of them takes seconds.
MAX_SIZE = 512 * 1024

# Everything that can begin a heading, a fence or HTML; or lists nested so deeply that markdown-it gives up and takes
# all that follows for a part of them. A text without any of it can be embedded unchanged.
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
    """Return *answer* as markdown that can stand below our own heading, between blank lines."""
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
        f"\\{line}" if index not in code and _CONFLICT.match(line) else line for index, line in enumerate(lines)
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
    return [line if index in code else _without_tags(line, spans.get(index, ())) for index, line in enumerate(lines)]


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
    """Return the outline of *text* with a test heading below it; None where that is not read as a heading."""
    lines = [*text.split("\n"), "", f"## {_SENTINEL}", ""]
    found = outline(lines, tables=tables)
    last = found.headings[-1] if found.headings else None
    is_ours = last is not None and (last.line, last.level, last.text) == (len(lines) - 2, 2, _SENTINEL)
    return found if is_ours else None


# ── link labels ────────
#
# Labels of links and footnotes that belong to one answer, where many answers stand in one document.
#
# ``[1]: https://…`` holds for a whole document, and the first one wins: what one answer calls ``[1]`` would re-aim what
# the others call so. With labels of its own, ``[1][agent-01:1]``, each keeps its links, and reads as before.

if TYPE_CHECKING:
    import markdown_it
    from markdown_it import rules_inline
    from markdown_it.common import utils
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token
else:
    markdown_it = LazyModule("markdown_it")
    utils = LazyModule("markdown_it.common.utils")
    rules_inline = LazyModule("markdown_it.rules_inline")

#: Characters and brackets of an answer whose links are looked at; of the worst kind they take seconds. Others are
#: shown in a fence.
_LONGEST, _MOST = 128 * 1024, 2_000
# A line that may define what a label means.
_DEFINES = re.compile(r"^[ \t>*+\-\d.)]*\[(?:[^\[\]\\]|\\.)++\]:", re.MULTILINE | re.DOTALL)
# Footnotes are no part of CommonMark, but of what many read it with.
_FOOTNOTE = re.compile(r"\[\^([^\]\s]+)\]")
_FOOTNOTE_TEXT = re.compile(r"^[ \t>*+\-\d.)]*\[\^([^\]\s]+)\]:", re.MULTILINE)


def with_own_labels(answer: str, owner: str) -> str:
    """Return an answer that was embedded, its labels made those of *owner*; where that fails, in a fence.

    Every link leads where it led, and what was no link is none.
    """
    if not _DEFINES.search(answer) or unfenced(answer) is not None:
        return answer
    if len(answer) > _LONGEST or answer.count("[") > _MOST:
        return fence(answer, "text")
    prefix = f"{owner}:"
    env: dict[str, Any] = {"prefix": prefix, "footnotes": set(_FOOTNOTE_TEXT.findall(answer))}
    tokens = _parser().parse(answer, env)
    if not (env.get("references") or env["footnotes"]):
        return answer
    lines = answer.split("\n")
    try:
        found = sorted(_insertions(tokens, lines, env))
    except ValueError:
        return fence(answer, "text")
    for number, group in groupby(found, key=itemgetter(0)):
        lines[number] = _with_texts(lines[number], [(column, text) for _, column, text in group])
    own = "\n".join(lines)
    return own if _is_same(answer, own, prefix) else fence(answer, "text")


def _with_texts(line: str, texts: Sequence[tuple[int, str]]) -> str:
    """Return a line with each text put in at its column."""
    ends = [column for column, _ in texts]
    rest = (line[start:end] for start, end in pairwise([*ends, len(line)]))
    return line[: ends[0]] + "".join(text + part for (_, text), part in zip(texts, rest, strict=True))


def _insertions(tokens: Sequence[Token], lines: Sequence[str], env: dict[str, Any]) -> Iterator[tuple[int, int, str]]:
    """Yield the insertions: line, column, text. ValueError: the place of one cannot be found."""
    parser = _parser()
    ends: dict[int, int] = {}  # the cells of a table share a line
    for token in tokens:
        if token.map is None:
            continue
        first = token.map[0]
        if token.type == "definition":
            column = lines[first].index("[") + 1
            yield first, column + lines[first].startswith("^", column), env["prefix"]
        elif token.type == "inline" and "[" in token.content:
            env |= {"content": token.content, "found": []}
            parser.inline.parse(token.content, parser, env, [])
            found = sorted(env["found"], reverse=True)
            begin = 0
            for number, text in enumerate(token.content.split("\n"), start=first):
                # In a cell of a table a bar is escaped.
                bar = "|" if text in lines[number] else "\\|"
                shown = text.replace("|", bar)
                start = lines[number].index(shown, ends.get(number, 0))
                ends[number] = start + len(shown)
                while found and found[-1][0] <= begin + len(text):
                    place, own = found.pop()
                    yield number, start + len(text[: place - begin].replace("|", bar)), own
                begin += len(text) + 1


@cache
def _parser() -> markdown_it.MarkdownIt:
    """Return a parser that tells where definitions stand, and notes where labels are used."""

    def noting(rule: Any, mark: int) -> Any:
        def noted(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as markdown-it calls it
            start = state.pos + mark
            if not rule(state, silent):
                return False
            # An inline link ends with a bracket of the other kind. The text of an image is parsed on its own.
            if not silent and state.src[state.pos - 1] == "]" and state.src == state.env["content"]:
                _note(state, start, state.pos)
            return True

        return noted

    parser = markdown_it.MarkdownIt("commonmark", {"inline_definitions": True}).enable("table").disable("inline")
    parser.inline.ruler.at("link", noting(rules_inline.link, 0))
    parser.inline.ruler.at("image", noting(rules_inline.image, 1))
    parser.inline.ruler.before("link", "footnote", _footnote)
    return parser


def _note(state: StateInline, start: int, end: int) -> None:
    """Note what makes the label of a reference its owner's: ``[text][label]``, ``[label][]`` or ``[label]``."""
    close = state.md.helpers.parseLinkLabel(state, start)
    label = " ".join(state.src[start + 1 : close].split())
    is_caret = label.startswith("^")
    own = f"^{state.env['prefix']}{label[1:]}" if is_caret else f"{state.env['prefix']}{label}"
    if close + 1 == end:
        found = end, f"[{own}]"
    elif state.src[close + 1 : end] == "[]":
        found = end - 1, own
    else:
        found = close + 2 + state.src.startswith("^", close + 2), state.env["prefix"]
    state.env["found"].append(found)


def _footnote(state: StateInline, silent: bool) -> bool:  # noqa: FBT001 - as markdown-it calls it
    match = _FOOTNOTE.match(state.src, state.pos)
    if match is None or match[1] not in state.env["footnotes"]:
        return False
    if not silent:
        state.pending += match[0]
        if state.src == state.env["content"]:
            state.env["found"].append((state.pos + 2, state.env["prefix"]))
    state.pos = match.end()
    return True


def _is_same(before: str, after: str, prefix: str) -> bool:
    """Whether two texts look the same and lead to the same places, and all labels of the second are its owner's."""
    parser = markdown_it.MarkdownIt("commonmark").enable("table")
    env: dict[str, Any] = {}
    shown = parser.render(after, env).replace(f"^{prefix}", "^")
    own = utils.normalizeReference(prefix)
    labels: Mapping[str, Any] = env.get("references", {})
    is_own = all(label.removeprefix("^").startswith(own) for label in labels)
    return is_own and shown == parser.render(before)
