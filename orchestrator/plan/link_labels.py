"""Labels of links and footnotes that belong to one answer, where many answers stand in one document (promise 24).

``[1]: https://…`` holds for a whole document, and the first one wins: what one answer calls ``[1]`` would re-aim what
the others call so. With labels of its own, ``[1][agent-01:1]``, each keeps its links, and reads as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby, pairwise
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from orchestrator.core.text import fence, unfenced
from orchestrator.lazy import LazyModule

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
    return line[: ends[0]] + "".join(
        text + part for (_, text), part in zip(texts, rest, strict=True)
    )


def _insertions(
    tokens: Sequence[Token], lines: Sequence[str], env: dict[str, Any]
) -> Iterator[tuple[int, int, str]]:
    """Yield what is to be put where: line, column, text. ValueError: it cannot be told where that is."""
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

    parser = (
        markdown_it.MarkdownIt("commonmark", {"inline_definitions": True})
        .enable("table")
        .disable("inline")
    )
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
