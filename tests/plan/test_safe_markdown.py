"""What an agent wrote can neither break our files nor forge anything in them (promise 24)."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from orchestrator.core.text import sanitize
from orchestrator.plan.safe_markdown import MAX_SIZE, closed, embed, tagless
from orchestrator.plan.sections import regions
from orchestrator.store.result_file import safe_answer
from orchestrator.views.templating import quoted
from tests.growth import come_back, growth

FRAGMENTS = (
    "# Title", "## Two", "####### seven", "#\tTab", "   # in", "    # code", "Text\n====", "Text\nmore\n---", "---",
    "===", "```", "````", "```py", "~~~", "~~~ x", "  ```", "    ```", "> ```", "- ```", "1. ~~~", "- item", "  more",
    "> quote", "> # Q", "- # L", "1) x", "<!--", "-->", "<!-- orchestrator:status -->", "<!-- /orchestrator:answer -->",
    "<script>", "</script>", "<pre>", "<style>", "<textarea>", "<?php", "<!DOCTYPE x>", "<![CDATA[", "]]>", "<div>",
    "<details>",  "<br>", "a<br>b",
    "<a href='`'>", "<https://x.y>", "<a@b.c>", "<http://a`b>", "\\<b>", "\\\\<b>",
    "\\`",
    "`", "``", "`<i>`", "` <script> `", "| a | b |", "|---|---|", "|a\n--",
    "| ` | <b> | ` |", "[a]: <b", "[a]: x",
    "**", "\t", " ", "", "\n", "text", "\x1b[31mred\x1b[0m", "\x00", "\r", "\u2028", "\\",
    "&lt;b>", "<b", ">", "$", "<br",
)  # fmt: skip
SOUP = st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.sampled_from(["\n", "\n\n", " ", "", "\r\n"]))).map(
    lambda parts: "".join(text + joint for text, joint in parts)
)


def flat(tokens: list[Token]) -> list[Token]:
    return [each for token in tokens for each in (token, *(token.children or ()))]


def check(shown: str) -> None:
    for parser in (MarkdownIt("commonmark"), MarkdownIt("commonmark").enable("table")):
        tokens = parser.parse(f"## Ours\n\n{shown}\n\n## sentinel\n")
        tops = [token for token in tokens if token.type == "heading_open" and token.level == 0]
        assert tokens[-2].content == "sentinel"
        assert tokens[-3].type == "heading_open"
        assert tokens[-3].level == 0
        assert all(int(token.tag[1]) >= 3 for token in tops[1:-1])
        html = [token.content for token in flat(tokens) if token.type in {"html_block", "html_inline"}]
        assert all(re.fullmatch(r"<br ?/?>", tag) for tag in html), html
    assert not regions(shown.split("\n"))
    assert "<!-- orchestrator:" not in shown
    assert "<!-- /orchestrator:" not in shown


@given(SOUP)
@example("`\n` <script> `")
@example("| ` | <script> | ` |\n")
@example("<br>\n```\n<script>\n```")
@example("# Title <br > ```\n")
def test_nothing_an_agent_writes_reaches_beyond_its_place(text: str) -> None:
    """Below any answer the next heading of ours is seen, no heading of the answer stands above it, no HTML works."""
    check(embed(text))


@given(st.text())
def test_any_text_at_all_can_be_embedded(text: str) -> None:
    """Not only markdown: every text can be embedded, also one with lone surrogates, and encoded as UTF-8."""
    shown = embed(text)
    shown.encode()
    check(shown)


@given(text=SOUP, is_markdown=st.booleans())
@example(text="x\n```\n<!-- orchestrator:answer -->", is_markdown=True)
@example(text="# x\n" + "a<b>" * (MAX_SIZE // 5), is_markdown=True)
def test_what_is_embedded_can_be_embedded_again(*, text: str, is_markdown: bool) -> None:
    """What we published stays as it is when it is embedded once more: whoever corrected it need not be found out."""
    shown = embed(text) if is_markdown else embed(safe_answer(text, is_markdown=False))
    assert shown == embed(shown)
    if "orchestrator:" not in text:
        assert shown == safe_answer(text, is_markdown=is_markdown)


@pytest.mark.parametrize(
    ("answer", "shown"),
    [
        ("plain *text*, a_b, 1 < 2", "plain *text*, a_b, 1 < 2"),
        ("# A\ntext\n## B", "### A\ntext\n#### B"),
        ("#### Deep", "#### Deep"),
        ("###### Six\n# One", "###### Six\n### One"),
        ("Title\n=====\n\nSub\nline\n---\nend", "### Title\n\n#### Sub line\nend"),
        ("```py\n# no heading, <b>\n```", "```py\n# no heading, <b>\n```"),
        ("```py\nx", "```py\nx\n```"),
        ("~~~~\nx\n~~~", "~~~~\nx\n~~~\n~~~~"),
        ("a <div> `<b>` <https://x.y> 1<br>2", "a &lt;div> `<b>` <https://x.y> 1<br>2"),
        ("\n\n  two blanks  \n\n", "  two blanks"),
        ("", ""),
    ],
)
def test_what_is_harmless_stays_and_the_rest_changes_least(answer: str, shown: str) -> None:
    """Only headings, tags and open fences are touched; code keeps every character."""
    assert embed(answer) == shown


@given(SOUP)
@example("\t```\n\t<script>\n\t```")
@example("- a\n  ```\nb <script>\n  ```")
@example("    <script>\nx")
@example("`\n` <script> `")
@example("<b>" * (MAX_SIZE // 3 + 1))
def test_in_a_quote_of_what_was_said_no_html_works(text: str) -> None:
    """Only as characters: no tag hides what stands below the quote where HTML is kept."""
    shown = quoted(tagless(text))
    for parser in (MarkdownIt("commonmark"), MarkdownIt("commonmark").enable("table")):
        tokens = parser.parse(f"{shown}\n\n## after\n")
        html = [each for each in flat(tokens) if each.type in {"html_block", "html_inline"}]
        assert all(re.fullmatch(r"<br ?/?>", each.content) for each in html), html
        assert ["after", "heading_close"] == [tokens[-2].content, tokens[-1].type]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("# A\na <textarea> | 1 < 2", "# A\na &lt;textarea> | 1 < 2"),
        ("`<b>` and <!-- c -->", "`<b>` and &lt;!-- c -->"),
        ("```html\n<!-- head -->\n```\n<p>", "```html\n<!-- head -->\n```\n&lt;p>"),
        ("- a\n  ~~~\n  <b>\n  ~~~\n\nso:\n\n    <i>", "- a\n  ~~~\n  <b>\n  ~~~\n\nso:\n\n    <i>"),
        ("```\n<open", "```\n<open"),
    ],
)
def test_code_in_what_was_said_stays_as_it_is(said: str, shown: str) -> None:
    """What opens a tag outside of it is spelled out; headings and open fences do no harm in a quote."""
    assert shown == tagless(said)


@given(SOUP.map(sanitize))
def test_what_somebody_asks_for_is_whole_and_ends(text: str) -> None:
    """Not a character of it is touched, and a heading below it is one."""
    whole = closed(text)
    assert text in whole
    last = flat(MarkdownIt("commonmark").enable("table").parse(f"{whole}\n\n## below\n"))[-2:]
    assert ["below", "heading_close"] == [last[0].content, last[1].type]


@pytest.mark.parametrize("text", ["```\na\n```\n<b> | \\d+", "<!-- a -->", "# b\n- [ ] c", "a\n---"])
def test_what_ends_by_itself_is_left_as_it_is(text: str) -> None:
    """Nothing is closed twice."""
    assert text == closed(text)


def test_a_forged_mark_is_no_mark_even_in_code() -> None:
    """Our marks are spoiled wherever they stand, so that no reader of marks has to know about fences."""
    shown = embed("```\n<!-- orchestrator:answer -->\n```\n<!--/ORCHESTRATOR:x -->")
    assert "<!-- orchestrator :answer -->" in shown
    assert "&lt;!--/orchestrator :x -->" in shown


@pytest.mark.parametrize(
    "deep",
    [
        "- " * 40 + "x",
        "1. " * 40 + "x",
        "\n".join(f"{'  ' * level}- x" for level in range(40)),
        "\n".join(f"{chr(9) * level}- x" for level in range(40)),
    ],
)
def test_lists_in_lists_swallow_nothing_that_follows(deep: str) -> None:
    """markdown-it gives up at some depth, and takes the rest of the document for a part of the list."""
    text = f"{embed(deep)}\n\n## After\n"
    assert "heading_open" in {token.type for token in MarkdownIt("commonmark").parse(text)}


def test_an_answer_about_a_merge_is_no_merge() -> None:
    """Nobody is told that a result was half merged because of it."""
    shown = embed("<<<<<<< ours\nx\n>>>>>>> theirs\n```\n<<<<<<< in code\n```")
    lines = shown.split("\n")
    assert r"\<<<<<<< ours" == lines[0]
    assert r"\>>>>>>> theirs" == lines[2]
    assert "<<<<<<< in code" == lines[4]


def test_a_page_of_html_is_shown_as_it_is() -> None:
    """An answer that is a whole HTML document is of use only unchanged, so it stands in a fence."""
    page = "<!DOCTYPE html>\n<html><body>```</body></html>"
    assert embed(page) == f"````text\n{page}\n````"


#: The last two cannot be shown.
WORST = (
    "```\n", "<", "[a]: ", "> - ", "|", "` ", "# a\n", "- ", "\\", "a\n=\n", "<!--", "\x1b]", "\x90",
)  # fmt: skip


@pytest.mark.parametrize("piece", WORST)
def test_the_worst_answers_take_linear_time(piece: str) -> None:
    assert growth(lambda size: embed(piece * (size // len(piece))), 10_000) < 2.5


def test_a_megabyte_of_the_worst_answers_comes_back() -> None:
    """Not parsed at all, and with everything in it that can be shown."""
    many = [piece * (1_000_000 // len(piece)) for piece in WORST]
    embedded = come_back(embed, many)
    assert all(text.strip() in shown for text, shown in zip(many[:-2], embedded, strict=False))
    assert ["", ""] == embedded[-2:]
