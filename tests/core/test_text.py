"""Text from outside is made safe before it is shown."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.core.text import cell, clip, excerpt, fair_shares, fence, from_cell, one_line, sanitize
from tests.growth import come_back

PIECES = (
    "\x1b[31m", "\x1b]0;t\x07", "\x1b]8;;x\x1b\\", "\x1bP", "\x1b\\", "\x1b", "\x9b1m", "\x90", "\x9c", "\r", "\r\n",
    "\n", "\t", "\x00", "\x08", "\ud800", "\u202e", "\u2066", "\u2028", "\ufeff", "a", "é", "🟡", "`", "```", "|",
    "\\", "<b>", "<!--", "-->", " ", "&", "[", "*",
)  # fmt: skip
NASTY = st.lists(st.sampled_from(PIECES)).map("".join)
ANY = NASTY | st.text()


@given(ANY)
def test_printable_text_has_nothing_that_a_terminal_acts_on(text: str) -> None:
    """Of all control characters only newline and tab are left, no escape sequence, no lone surrogate, no override."""
    shown = sanitize(text)
    shown.encode()
    assert not {char for char in shown if ord(char) < 32 or 127 <= ord(char) < 160} - {"\n", "\t"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff")
    assert sanitize(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\tindented ü 🟡", "plain\n\tindented ü 🟡"),
        ("\x1b[1;31mred\x1b[0m \x9b2Kx", "red x"),
        ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
        ("\x1b]0;never closed\nnext", "\nnext"),
        ("\x1bPsixel\n~~\x1b\\after", "after"),
        ("\x1bPnever closed\nnext", "never closed\nnext"),
        ("\x1b(Ba\x1b7b\x1bMc\x1b", "abc"),
        ("a\r\nb\r\r\nc", "a\nb\nc"),
        ("10 %\r50 %\r100 %\ndone", "100 %\ndone"),
        ("spinner\r", "spinner"),
        ("a\x00b\x08c\x7fd\ud800e\u202ef", "abcdef"),
        ("a\u2028b\u2029c\x85d", "a\nb\ncd"),
    ],
)
def test_printable_keeps_what_a_person_would_have_seen(text: str, shown: str) -> None:
    """Escape sequences vanish whole, of a redrawn progress line the last state stays, line endings become newlines."""
    assert sanitize(text) == shown


def test_printable_takes_linear_time() -> None:
    """A megabyte of escape sequences comes back, however they are broken, and nothing of them is left."""
    pieces = ("\x1b", "\x1b[", "\x1b]", "\x1bP", "\x90", "\x9b1;", "\x1b[1;", "\x1b]x\x1b", "\x1b(")
    many = [piece * (1_000_000 // len(piece)) for piece in (*pieces, "\r", "\r\n", "a\r")]
    shown = come_back(sanitize, many + [f"{text}\x1bPx\x9c" for text in many])
    assert {*"a\n"} == set().union(*shown)


@given(ANY, st.integers(1, 50))
def test_one_line_is_one_line_of_bounded_length(text: str, limit: int) -> None:
    """Whatever the text, what is shown has no newline and at most so many characters."""
    line = one_line(text, limit)
    assert len(line) <= limit
    assert line.splitlines() in ([], [line])


def test_one_line_says_that_it_was_cut_and_does_not_read_a_whole_log_for_it() -> None:
    """A cut line ends with an ellipsis, and a long log is not cleaned to show a few characters."""
    assert one_line("one  two\nthree\tfour ") == "one two three four"
    assert one_line("abcdef", limit=4) == "abc…"
    log = " \n" * 5_000_000
    tracemalloc.start()
    try:
        assert one_line(log, limit=4) == "…"
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < len(log) // 10


@given(ANY, ANY)
def test_a_cell_stays_in_its_column(left: str, right: str) -> None:
    """A row made of two cells is one row of two cells, with no HTML, even when they stand directly between the bars."""
    row = f"|{cell(left)}|{cell(right)}|"
    tokens = MarkdownIt("commonmark").enable("table").parse(f"|a|b|\n|---|---|\n{row}\n")
    kinds = [token.type for token in tokens]
    assert kinds.count("tr_open") == 2
    assert kinds.count("td_open") == 2
    assert tokens[-1].type == "table_close"
    cells = [token for token in tokens if token.type == "inline"][2:]
    shown = ["".join(c.content for c in token.children or () if c.type != "html_inline") for token in cells]
    assert not [c for token in cells for c in token.children or () if c.type == "html_inline"]
    words = [one_line(text).replace("`", "").strip() for text in (left, right)]
    assert all(bool(text.strip()) >= bool(word) for text, word in zip(shown, words, strict=True))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Scan `src` | count", "Scan `src` \\| count"),
        ("a ` b", "a ' b"),
        (r"`printf 'a\n'`", r"`printf 'a\n'`"),
        (r"C:\x and `d\`", r"C:\x and `d\`"),
        (r"\`a` b", r"\'a' b"),
        ("ends in \\", "ends in &#92;"),
        ("C:\\temp\\\\", "C:\\temp&#92;&#92;"),
        ("<!-- x --> 1 < 2 <b>", "&lt;!-- x --> 1 < 2 &lt;b>"),
        ("two\nlines", "two lines"),
    ],
)
def test_a_cell_stays_readable_in_an_editor(text: str, shown: str) -> None:
    """Only what would break the table or hide text is escaped; code in backticks stays."""
    assert cell(text) == shown


@pytest.mark.parametrize("text", ["C:\\", "C:\\temp\\\\", "\\" * 5, "a <b>\\"])
def test_what_a_cell_says_is_read_as_it_was(text: str) -> None:
    """By people, who see no words of markdown, and by us."""
    (inline,) = MarkdownIt("commonmark").parseInline(cell(text))
    assert text == "".join(each.content for each in inline.children or ())
    assert text == from_cell(cell(text))


@given(ANY, ANY)
def test_a_fence_holds_whatever_is_in_it(text: str, info: str) -> None:
    """The fenced text is one code block with exactly this content, and what follows stands outside."""
    tokens = MarkdownIt("commonmark").parse(f"{fence(text, info)}\n\n# after\n")
    assert [token.type for token in tokens][:2] == ["fence", "heading_open"]
    content = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    assert tokens[0].content == (content if content.endswith("\n") or not content else content + "\n")


@given(ANY, st.integers(0, 60))
def test_clipped_text_is_a_head_that_fits(text: str, limit: int) -> None:
    """What is kept fits into the limit and begins the text; kept and left out are the whole, byte for byte."""
    clean = text.encode("utf-8", "replace").decode()
    kept, left_out = clip(clean, limit)
    assert clean.startswith(kept)
    assert len(kept.encode()) <= limit or left_out == 0
    assert len(kept.encode()) + left_out == len(clean.encode())


def test_an_excerpt_is_cut_after_what_must_not_be_seen_is_out_of_it() -> None:
    """Lines stay; of a token nobody sees the head."""
    token = "ghp_" + "a1B2" * 9
    assert excerpt("one\n\x1b[1mtwo", 7) == "one\ntwo"
    assert excerpt("one\ntwo  three", 9) == "one\ntwo…"
    assert excerpt(f"use {token} now", 15) == "use [redacted g…"
    assert excerpt("x" * 50_000_000, 3) == "xxx…"


def test_clipping_prefers_whole_lines_and_never_cuts_a_character() -> None:
    """The cut is at the end of a line when one is near, else between two characters."""
    assert clip("one\ntwo\nthree", 9) == ("one\ntwo\n", 5)
    assert clip("a\n" + "x" * 50, 20) == ("a\n" + "x" * 18, 32)
    assert clip("éé", 3) == ("é", 2)
    assert clip("short", 100) == ("short", 0)


def test_shares_are_fair() -> None:
    """What is small is whole; what is large gets what is left, evenly."""
    assert [1, 5, 4] == fair_shares([1, 9, 4], 10)
    assert [3, 3, 4] == fair_shares([9, 9, 9], 10)
    assert [0, 0] == fair_shares([5, 5], 0)
    assert [] == fair_shares([], 10)
