"""Our sections are drawn between our marks, and everything else in the file is the person's, byte for byte."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.plan.sections import redraw, regions, without_regions
from tests.growth import growth

OPEN, CLOSE = "<!-- orchestrator:{} -->", "<!-- /orchestrator:{} -->"
SECTIONS = {"status": "## Status\n\n| a |\n|---|\n| b |\n", "graph": "```mermaid\ngraph LR\n```\n", "log": ""}

PERSONS = (
    "# T", "text", "", "| a | b |", "|---|---|", "```", "```py", "~~~", "  ```", "- item", "- ```", "> ```", "    ```",
    "<div>", "<!--", "-->", "\tx", "trailing  ", "ünï 🟡", "---", "1. x",
)  # fmt: skip
LINES = st.sampled_from(PERSONS)
MARKS = st.sampled_from([mark.format(name) for mark in (OPEN, CLOSE) for name in ("status", "graph", "other")])
ENDINGS = st.sampled_from(["\n", "\n", "\r\n", "\r"])


def documents(lines: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    joined = st.lists(st.tuples(lines, ENDINGS)).map(lambda parts: "".join(a + b for a, b in parts))
    return st.tuples(st.sampled_from(["", "\ufeff"]), joined, st.sampled_from(["", "no newline"])).map(
        lambda parts: "".join(parts).encode()
    )


def undrawn(data: bytes) -> bytes:
    """Take out every section with its marks, by the words of the promise and not by our code."""
    return re.sub(rb"(?ms)^<!-- orchestrator:(\w+) -->\n.*?^<!-- /orchestrator:\1 -->\n", b"", data)


@given(documents(LINES))
@example(b"\t")
@example(b"text\n  ")
@example(b"```\nnever closed")
@example(b"- ```\n  x\n  ```\n<div>\n```\nx")
def test_a_plan_without_sections_gets_them_at_its_end(data: bytes) -> None:
    """The person's bytes stay in front as they are; a second redraw changes nothing, another one only our text."""
    drawn = redraw(data, SECTIONS)
    assert drawn.startswith(data)
    assert redraw(drawn, SECTIONS) == drawn
    again = redraw(drawn, {**SECTIONS, "status": "other\ntext"})
    assert again.startswith(data)
    assert again.count(b"orchestrator:status") == 2
    assert redraw(again, SECTIONS) == drawn


@given(documents(LINES | MARKS))
@example(b"```\n<!-- orchestrator:status -->\n```\ntext\n<!-- /orchestrator:status -->\n")
@example(b"- ```\n")
@example(b"- ```\n  ```\n```\n<!-- orchestrator:status -->\n```\ntext\n<!-- /orchestrator:status -->\n")
def test_damaged_marks_never_cost_the_person_a_line(data: bytes) -> None:
    """Wherever stray marks stand: every line outside of complete sections stays, in order, and redrawing settles."""
    text = data.decode().removeprefix("\ufeff")
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", text)
    ours = {at for region in regions(lines) for at in range(region.open + 1, region.close)}
    for region in regions(lines):
        inside = "".join(lines[region.open + 1 : region.close])
        assert "orchestrator:" not in inside
    person = [line.strip("\r\n") for at, line in enumerate(lines) if at not in ours]
    drawn = redraw(data, SECTIONS)
    left = iter(re.split(r"\r\n|\r|\n", drawn.decode().removeprefix("\ufeff")))
    assert all(any(line == other for other in left) for line in person)
    once = redraw(drawn, SECTIONS)
    assert redraw(once, SECTIONS) == once


@given(documents(LINES))
def test_sections_stay_where_the_person_put_them(data: bytes) -> None:
    """Text before, between and after our sections stays byte for byte while the sections are redrawn."""
    body = re.sub(rb"\r|```|~~~|\xef\xbb\xbf|-->", b"", data)
    before, after = body + b"\n\n", b"\n" + body
    old = before + b"<!-- orchestrator:status -->\nold\n<!-- /orchestrator:status -->  \n" + after
    drawn = redraw(old, {"status": "new\nlines"})
    assert drawn == old.replace(b"-->\nold\n<", b"-->\nnew\nlines\n<")
    assert undrawn(drawn.replace(b"-->  \n", b"-->\n")) == before + after


def test_marks_in_an_example_are_text() -> None:
    """A mark in fenced code, or inside of a line, is no mark."""
    data = b"```\n<!-- orchestrator:status -->\nx\n<!-- /orchestrator:status -->\n```\n see <!-- orchestrator:log -->\n"
    drawn = redraw(data, {"status": "new", "log": "new"})
    assert drawn.startswith(data)
    assert drawn.endswith(
        b"\n\n<!-- orchestrator:status -->\nnew\n<!-- /orchestrator:status -->\n"
        b"\n<!-- orchestrator:log -->\nnew\n<!-- /orchestrator:log -->\n"
    )


@pytest.mark.parametrize("bar", ["```", "- ```\n  x", "> ```\n\n```"])
def test_a_fence_that_is_just_being_typed_does_not_double_our_sections(bar: str) -> None:
    """An unclosed fence above our sections hides them from a viewer, but they are still found and redrawn."""
    drawn = redraw(b"# Plan\n\ntext\n", SECTIONS)
    typing = drawn.replace(b"text\n", f"{bar}\ntext\n".encode())
    again = redraw(typing, {**SECTIONS, "status": "newer"})
    assert again.count(b"<!-- orchestrator:status -->") == 1
    assert b"newer" in again


def test_a_section_that_was_copied_is_drawn_in_both_places() -> None:
    """No stale copy is left standing."""
    once = "<!-- orchestrator:status -->\nold\n<!-- /orchestrator:status -->\n"
    drawn = redraw((once + "between\n" + once).encode(), {"status": "new"}).decode()
    assert drawn == (once + "between\n" + once).replace("old", "new")


def test_line_endings_bom_and_what_is_not_named_stay() -> None:
    """A file with CRLF gets our sections with CRLF, its BOM stays in front, sections not redrawn stay."""
    data = b"\xef\xbb\xbf# T\r\n\r\n<!-- orchestrator:old -->\r\nkeep\r\n<!-- /orchestrator:old -->\r\nend"
    assert redraw(data, {"status": "a\nb\n"}) == (
        data + b"\r\n\r\n<!-- orchestrator:status -->\r\na\r\nb\r\n<!-- /orchestrator:status -->\r\n"
    )
    assert redraw(data, {}) == data


@given(st.lists(LINES | st.text()).map("\n".join))
@example("```")
def test_no_text_can_close_its_own_section(text: str) -> None:
    """What is drawn is between the marks again at the next redraw, whatever it is."""
    hostile = f"x\n{CLOSE.format('status')}\n{OPEN.format('graph')}\n{text}\n{CLOSE.format('status')}"
    drawn = redraw(b"person\n", {"status": hostile, "graph": "fine"})
    assert redraw(drawn, {"status": "", "graph": "fine"}) == redraw(b"person\n", {"status": "", "graph": "fine"})


@given(documents(LINES | MARKS))
def test_fences_are_understood_as_markdown_understands_them(data: bytes) -> None:
    """No mark counts that markdown-it sees in a fenced block which ends before the file does, or in a nested one."""
    lines = re.split(r"\r\n|\r|\n", data.decode().removeprefix("\ufeff"))
    found = regions(lines)
    empty = list(lines)
    for region in found:
        empty[region.open + 1 : region.close] = [""] * (region.close - region.open - 1)
    source = "\n".join([*empty, "", "end of file"])
    for token in MarkdownIt("commonmark").parse(source):
        if token.type == "fence" and token.map and token.map[1] < len(empty) + 2:
            start, end = token.map
            assert not [region for region in found if start <= region.open < end]


def test_the_lines_of_a_plan_keep_their_numbers_without_our_sections() -> None:
    """Reading back never sees what we drew, and says the right line for everything else."""
    drawn = redraw(b"one\n\ntwo\n", SECTIONS).decode().split("\n")
    mine = without_regions(drawn)
    assert len(mine) == len(drawn)
    assert mine[:3] == ["one", "", "two"]
    assert not any(mine[3:])


def test_ten_thousand_rows_are_redrawn_at_once() -> None:
    """Drawing takes time in proportion to the rows, so that it can be done behind the work."""
    head, row = b"# T\n\n| ID | Task | Deps |\n|---|---|---|\n", b"| T-01 | something | None |\n"
    drawn = {size: redraw(head + row * size, SECTIONS) for size in (5000, 10_000)}
    assert growth(lambda size: redraw(drawn[size], SECTIONS), 5000) < 2.2


def test_a_file_that_is_no_text_is_refused() -> None:
    """What cannot be decoded cannot be kept byte for byte, so nothing is drawn into it."""
    with pytest.raises(ValueError, match="not UTF-8 text: bad byte in line 2"):
        redraw(b"a\n\xff\n", SECTIONS)
