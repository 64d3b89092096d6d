"""Headings, tables, cells and fences are found where markdown-it finds them."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.plan.document import (
    cell_spans,
    first_fence,
    outline,
    outlined,
    section_text,
    split_row,
    tables,
    tokens,
)
from tests.growth import growth

FRAGMENTS = (
    "# A", "B\n===", "```", "```py x", "````", "~~~", "  ```", "   ~~~ a", "    ```", "\t```", "> ```", "- ```",
    "1. ~~~",
    "  x", "<div>", "<!--", "-->", "text", "", "| a | b |", "|---|---|", "a|b", "--|--", "|c", "|", "> q", "- i",
    "`` ` ``", "``` a`b", "\\| x | y", "    | a |", "```sh\nls\n```", "~~~~", "---",
)  # fmt: skip
DOCUMENTS = st.lists(st.sampled_from(FRAGMENTS)).map("\n".join)


@given(DOCUMENTS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_the_first_fence_is_the_first_one_of_markdown_it(text: str, ending: str) -> None:
    """The quick scan and the parser agree on language and content of the first code block, wherever it stands."""
    fences = [token for token in MarkdownIt("commonmark").parse(text) if token.type == "fence"]
    expected = ((fences[0].info.split() or [""])[0], fences[0].content) if fences else ("", "")
    if expected[1] and not expected[1].endswith("\n"):
        expected = (expected[0], expected[1] + "\n")
    assert first_fence(text.replace("\n", ending)) == expected


@pytest.mark.parametrize(
    ("lines", "language"), [("``` a`b\n", "sh"), ("  x\n", "sh"), ("```\nx\n```\n", ""), ("~~~ a`b\n`````\n", "a`b")]
)
def test_a_fence_is_found_in_time(lines: str, language: str) -> None:
    """Lines that look like the beginning of one, or like its end, are looked at once each."""

    def find(size: int) -> None:
        assert language == first_fence(lines * size + "```sh\nls\n```\n")[0]

    assert growth(find, 1000) < 2.2
    find(100_000)


@given(DOCUMENTS)
def test_tables_and_their_cells_are_those_of_markdown_it(text: str) -> None:
    """Same tables, same rows, same cells, although no token is made for a cell."""
    lines = text.split("\n")
    found = tables(lines, outline(lines))
    expected: list[list[list[str]]] = []
    is_top = False
    for token in MarkdownIt("commonmark").enable("table").disable("inline").parse(text):
        if token.type == "table_open":
            is_top = token.level == 0
            if is_top:
                expected.append([])
        elif token.type == "tr_open" and is_top:
            expected[-1].append([])
        elif token.type == "inline" and token.level == 4 and is_top:
            expected[-1][-1].append(token.content)
    widths = [len(table.header) for table in found]
    rows = [
        [list(table.header), *((cells + [""] * width)[:width] for _, cells in table.rows(lines))]
        for table, width in zip(found, widths, strict=True)
    ]
    assert rows == expected


PLAIN = (
    "# A", "## A b ", "###### C", "#\u00a0D", "# E #", "#", "text", "Über a | b", "word\r", "", " ", "\t", "| a | b |",
    "| a | b | ", "| a |", "|a||b|", "|---|---|", "| :-: | - |", "|-|", "|--|--", "| c | d", "|", "||", "| \\| | e |",
    "| `|` |", "| \x00 | f |", "---", "===", "1. i", "- i", "> q", " # x", "    | a |", "[a]: b", "<b>",
)  # fmt: skip


WORDS = st.text(alphabet="aÄ |-:#<`\\=.1")
PLAIN_BLOCKS = st.one_of(
    st.builds("{} {}".format, st.sampled_from(["#", "###", "######"]), WORDS),
    st.lists(WORDS.map("b{}".format), min_size=1).map("\n".join),
    st.builds(
        lambda cells, rule, rows: "\n".join(
            [f"|{'|'.join(cells)}|", "|" + f"{rule}|" * len(cells), *(f"|{row}" for row in rows)]
        ),
        st.lists(st.text(alphabet="aÄ -:#<`=.1"), min_size=1),
        st.sampled_from(["---", " :-: ", "-"]),
        st.lists(WORDS),
    ),
)


@given(st.lists(PLAIN_BLOCKS).map("\n\n".join))
def test_plain_blocks_read_as_markdown_it_reads_them(text: str) -> None:
    """Whatever words stand in them."""
    lines = text.split("\n")
    assert outline(lines) == outlined(tokens(lines))


@pytest.mark.parametrize(
    ("text", "is_asked"), [("# A\n\n| ID | Task |\n|----|------|\n| T-01 | a `b` |\n", False), ("- A\n", True)]
)
def test_the_parser_is_loaded_for_what_is_not_plain(text: str, is_asked: bool) -> None:
    """It takes longer to load than everything else that a small plan needs."""
    program = (
        "import sys; from orchestrator.plan.parser import parse_plan; "
        f"parse_plan({text.encode()!r}, 'plan'); print('markdown_it' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert f"{is_asked}\n" == answer.stdout


@given(st.lists(st.sampled_from(PLAIN)))
def test_a_plain_document_reads_as_markdown_it_reads_it(lines: list[str]) -> None:
    """Headings, paragraphs and tables that are plain to see are found without it, and are the same."""
    assert outline(lines) == outlined(tokens(lines))


@given(st.lists(st.text(alphabet="#| -:aÄ1=\\`<>\t\u2028\x00\x0b\x85\u00a0", max_size=8)))
def test_whatever_looks_plain_reads_as_markdown_it_reads_it(lines: list[str]) -> None:
    """No character that makes a line look plain makes it something else."""
    assert outline(lines) == outlined(tokens(lines))


@given(st.text(alphabet="| \\ab\t", min_size=1).filter(str.strip))
def test_spans_name_the_place_of_every_cell(row: str) -> None:
    """What stands at the span of a cell is the cell, and between two spans there is one bar."""
    spans = cell_spans(row)
    assert [row[a:b].strip(" \t").replace("\\|", "|") for a, b in spans] == split_row(row)
    assert all(row[end:begin] == "|" for (_, end), (begin, _) in pairwise(spans))


def test_headings_of_both_kinds_and_the_text_below_them() -> None:
    """A section is its first quote, else its text up to the next heading or table."""
    lines = [
        "Title",
        "=====",
        "intro",
        "## Request #",
        "words",
        "> one",
        "> two",
        "lazy",
        "",
        "# Goal",
        "",
        "line",
        "",
        "more",
        "| a | b |",
        "|---|---|",
        "- # in a list",
        "### Empty",
    ]
    found = outline(lines)
    assert [(heading.level, heading.text, heading.line) for heading in found.headings] == [
        (1, "Title", 0), (2, "Request", 3), (1, "Goal", 9), (3, "Empty", 17),
    ]  # fmt: skip
    texts = [section_text(lines, found, heading) for heading in found.headings]
    assert texts == ["intro", "one\ntwo\nlazy", "line\n\nmore", ""]


@pytest.mark.parametrize("row", ["| T-01 | Scan | None |\n", "T-01 | Scan | None\n", "| a \\| b | c |\n"])
def test_ten_thousand_rows_are_found_in_time(row: str) -> None:
    """Finding a table costs time in proportion to its rows, and no row is lost however many cells are missing."""

    def find(size: int) -> None:
        lines = ("| a | b | c |\n|---|---|---|\n" + row * size).split("\n")
        assert len(tables(lines, outline(lines))[0].rows(lines)) == size

    assert growth(find, 1000) < 2.2
    find(10_000)
