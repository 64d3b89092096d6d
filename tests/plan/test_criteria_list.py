"""Success criteria in task files as people write them, and as we add and tick them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.criteria import Criterion, worded
from orchestrator.errors import UsageError
from orchestrator.plan.task_file import criteria_in, with_criteria, with_ticks, without_ticks

FILE = """---
retries: 1
---
# Task

Do it.

## Success criteria
Everything of this:

- [ ] tests pass
  also the slow ones
* [x] docs say so
1. [X] reviewed \\| signed
+ no box

  - [ ] a part of it
- [ ]

### Nice to have

- [ ] fast

## Hints
- [ ] no criterion
"""
READ = [
    Criterion("tests pass also the slow ones"),
    Criterion("docs say so", is_met=True),
    Criterion("reviewed | signed", is_met=True),
    Criterion("no box"),
    Criterion("fast"),
]


def test_every_item_below_the_heading_is_one() -> None:
    """With a box or without, whatever the list looks like; what is part of an item, or has no words, is none."""
    assert READ == list(criteria_in(FILE.encode()))
    assert READ == list(criteria_in(FILE.replace("\n", "\r\n").encode()))


@pytest.mark.parametrize("text", ["arr[x] is sorted", "a map m[X] exists", "[x] is shown", "[ ] [x]"])
def test_a_bracket_in_the_text_is_no_box(text: str) -> None:
    """Only what stands right behind the mark of the item is one."""
    data = with_criteria(b"## Success criteria\n\n- [ ] all ok\n", [text], "f.md")
    assert (Criterion("all ok"), Criterion(text)) == criteria_in(data)
    assert Criterion(text, is_met=True) == criteria_in(with_ticks(data, {2}, "f.md"))[1]
    with pytest.raises(UsageError, match="these criteria already"):
        with_criteria(data, [text], "f.md")


@pytest.mark.parametrize(
    "heading",
    ["# Success Criteria", "### **Acceptance criteria:**", "Acceptance\n---", "## ✅ Done when", "## Criteria",
     "## Definition of done"],
)  # fmt: skip
def test_headings_that_mean_it(heading: str) -> None:
    """As outlines and people write them."""
    assert (Criterion("a"),) == criteria_in(f"{heading}\n- a\n".encode())


@pytest.mark.parametrize(
    "text",
    ["", "- [ ] Success criteria\n",
     "```\n## Success criteria\n- [ ] a\n```\n", "<!--\n## Success criteria\n- a\n-->\n",
     "> ## Success criteria\n> - a\n", "## Success criteria\n```\n- a\n```\n", "## Success criteria\n\n# Next\n- a\n",
     "---\nx: '\n## Success criteria'\n---\n- a\n", "## Success criteria of others\n- a\n"],
)  # fmt: skip
def test_what_is_none(text: str) -> None:
    """What stands in a fence, a comment, a quote, the front matter, or below another heading."""
    assert () == criteria_in(text.encode())


def test_a_damaged_file_is_read_as_far_as_it_goes() -> None:
    """Its front matter may never end, and its bytes may be no text."""
    assert (Criterion("a"),) == criteria_in(b"---\nx: [\n\n## Success criteria\n- a\n")
    assert (Criterion("a \ufffd"),) == criteria_in(b"## Success criteria\n- a \xff\n")


def test_one_more_goes_below_the_others_and_nothing_else_changes() -> None:
    """In the way of the last of them; without a section, a new one is the end of the file."""
    added = with_criteria(FILE.encode(), ["new"], "f").decode()
    assert FILE.replace("- [ ] fast\n", "- [ ] fast\n- [ ] new\n") == added
    windows = FILE.replace("\n", "\r\n")
    assert windows.replace("fast\r\n", "fast\r\n- [ ] new\r\n").encode() == with_criteria(
        windows.encode(), ["new"], "f"
    )
    assert b"Do it.\n\n## Success criteria\n- [ ] a\n- [ ] b\n" == with_criteria(b"Do it.", ["a", "b", "a"], "f")
    assert b"## Acceptance\n* a\n* [ ] b\n\n# X\n" == with_criteria(b"## Acceptance\n* a\n\n# X\n", ["b"], "f")
    with pytest.raises(UsageError, match="has these criteria already"):
        with_criteria(FILE.encode(), ["no box"], "f")


def test_where_nothing_can_stand_nothing_is_added() -> None:
    """Below a fence that never ends it would be code."""
    with pytest.raises(UsageError, match="no criterion can be added"):
        with_criteria(b"```sh\nmake\n", ["a"], "f")
    with pytest.raises(UsageError, match="not UTF-8"):
        with_criteria(b"\xff", ["a"], "f")
    with pytest.raises(UsageError, match="not UTF-8"):
        with_ticks(b"\xff", [1], "f")


def test_a_tick_is_one_character_in_one_line() -> None:
    """A box that is missing is made; what is ticked stays as it is."""
    ticked = with_ticks(FILE.encode(), {1, 2, 3, 4}, "f").decode()
    assert FILE.replace("[ ] tests", "[x] tests").replace("+ no box", "+ [x] no box") == ticked
    assert [True, True, True, True, False] == [each.is_met for each in criteria_in(ticked.encode())]


def test_a_tick_is_taken_back_and_nothing_else() -> None:
    """What has no box gets none."""
    blank = without_ticks(FILE.encode())
    assert FILE.count("\n") == blank.count(b"\n")
    assert not any(each.is_met for each in criteria_in(blank))
    assert blank == without_ticks(with_ticks(blank, {1}, "f")) == without_ticks(blank)


@given(st.lists(st.text(min_size=1).filter(str.strip), min_size=1, max_size=4), st.sets(st.integers(1, 4)))
def test_whatever_a_criterion_says_it_is_one_line_that_is_read_again(texts: list[str], numbers: set[int]) -> None:
    """It opens no heading, fence, comment or item, and ticks none but its own."""
    try:
        lines = worded(texts)
    except ValueError:
        return  # nothing in it that can be shown
    made = with_criteria(b"Do it.\n\n## Hints\n- none\n", lines, "f")
    read = criteria_in(made)
    assert len(read) == made.count(b"\n- [ ] ")
    assert made.startswith(b"Do it.\n\n## Hints\n- none\n\n## Success criteria\n- [ ] ")
    chosen = {number for number in numbers if number <= len(read)}
    ticked = with_ticks(made, chosen, "f")
    assert chosen == {n for n, each in enumerate(criteria_in(ticked), start=1) if each.is_met}
    assert made == ticked.replace(b"\n- [x] ", b"\n- [ ] ")
