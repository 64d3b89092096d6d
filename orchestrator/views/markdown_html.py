"""Markdown of agents and people as HTML for a page of the dashboard.

The text is data: HTML in it is shown and not obeyed, an image is a link, a link leads only to the web, and nothing in
it can style or script the page.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from orchestrator.core.redact import redact
from orchestrator.core.text import sanitize
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import markdown_it
    from markdown_it.token import Token
else:
    markdown_it = LazyModule("markdown_it")

#: The first level of headings that is free: a page has its own title and the title of the section.
_TOP_LEVEL = 3
_ADDRESSES = ("https://", "http://", "mailto:")
#: Blocks and inline elements that may stand in each other; what lies deeper is dropped by the parser.
_DEPTH = 60


def markdown_html(text: str) -> str:
    """Return *text* as HTML. It is made of elements of a fixed set, and every text in it is escaped and redacted."""
    parser = _parser()
    tokens = parser.parse(text)
    levels = sorted({int(each.tag[1]) for each in tokens if each.type == "heading_open"})
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(_TOP_LEVEL + levels.index(int(token.tag[1])), 6)}"
        elif token.type in {"th_open", "td_open"}:
            token.attrs.pop("style", None)  # the content policy of the page forbids it
        elif token.type in {"fence", "code_block"}:
            token.content, token.info = _clean(token.content), ""
        elif token.children:
            _clean_inline(token.children)
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html


def _clean_inline(tokens: list[Token]) -> None:
    kept: list[bool] = []
    for token in tokens:
        token.content = _clean(token.content)
        if token.type == "link_open":
            address = redact(str(token.attrs.get("href", "")))
            kept.append(address.lower().startswith(_ADDRESSES))
            token.attrs = {"href": address, "rel": "noopener noreferrer"}
        is_hidden = token.type in {"link_open", "link_close"} and not kept[-1]
        if token.type == "link_close":
            kept.pop()
        if is_hidden:
            token.type, token.tag, token.nesting, token.content = "text", "", 0, ""
            token.attrs = {}


def _clean(text: str) -> str:
    """Clean a text once more: entities and escapes may have become characters, and pieces a token, only here."""
    return redact(sanitize(text))


@cache
def _parser() -> markdown_it.MarkdownIt:
    parser = markdown_it.MarkdownIt("commonmark", {"html": False, "maxNesting": _DEPTH})
    return parser.enable(["table", "strikethrough"]).disable("image")
