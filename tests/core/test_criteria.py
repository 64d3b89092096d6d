"""Success criteria: how they are given, and when a task meets them."""

from __future__ import annotations

import pytest

from orchestrator.core.criteria import Criterion, chosen, read_criteria, require_met, worded
from orchestrator.errors import CriteriaError, UsageError

TWO = (Criterion("tests pass", is_met=True), Criterion("docs say so"))


def test_json_is_texts_or_objects() -> None:
    """How a criterion is measured stands behind it, unless that says nothing; each counts once."""
    given = """["tests pass", {"criterion": "no leaks", "measurable": "leaks == 0"},
      {"criterion": "tests  pass", "measurable": "true"}, {"criterion": "fast", "measurable": false},
      {"criterion": "small"}, {"criterion": "at most", "measurable": 3}]"""
    assert ("tests pass", "no leaks (leaks == 0)", "fast", "small", "at most (3)") == read_criteria(given)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", r"not JSON: Expecting value \(line 1, column 1\)"),
        ('["a",\n "b"', r"not JSON: .*\(line 2, column 5\)"),
        ("[" * 100_000, "nested too deeply"),
        ('{"criterion": "a"}', "not a list"),
        ('["a", 2]', "item 2 is neither a text nor an object"),
        ('[{"measurable": "true"}]', 'item 1 has no text as its "criterion"'),
        ('[{"criterion": ["a"]}]', 'item 1 has no text as its "criterion"'),
        ('[{"criterion": "a", "measurable": []}]', 'item 1: its "measurable" is no text'),
        ('[{"criterion": "a", "weight": 1}]', "item 1 has 'weight'; known are criterion and measurable"),
        ('["a", " "]', "a criterion without a text"),
    ],
)
@pytest.mark.usefixtures("no_garbage")
def test_what_makes_no_sense_is_told_with_its_place(text: str, said: str) -> None:
    """What is wrong, and in which item or where in the text."""
    with pytest.raises(ValueError, match=said):
        read_criteria(text)


def test_a_criterion_is_one_line_of_bounded_length() -> None:
    """Control characters and line breaks are no part of it."""
    assert ("a b",) == worded(["a\n\x1b[31m b", "a b"])
    with pytest.raises(ValueError, match="has more than 1,000 characters"):
        worded(["x" * 1001])


def test_numbers_or_all() -> None:
    """As `show` counts, from 1."""
    assert {1, 2} == chosen("all", TWO) == chosen("2, 1,", TWO)
    assert frozenset() == chosen("", TWO)
    for text in ("0", "3", "-1", "1.5", "one", "9" * 5000, "²"):
        with pytest.raises(UsageError, match="--met: "):
            chosen(text, TWO)


def test_every_criterion_is_ticked_or_confirmed_now() -> None:
    """Else the open ones are named with their numbers, and all of them are there for programs."""
    require_met("T-1", TWO, {2}, "f.md")
    require_met("T-1", (), (), "f.md")
    with pytest.raises(CriteriaError) as refused:
        require_met("T-1", (*TWO, Criterion("three")), {3}, "f.md")
    assert "T-1: 1 of 3 success criteria are open: 2. docs say so" == str(refused.value)
    assert refused.value.hint == ("tick what is met in f.md, or confirm it: `orchestrator complete T-1 --met 2,3`")
    # Nothing is ticked when it is refused.
    assert [True, False, False] == [each["met"] for each in refused.value.data["criteria"]]
    with pytest.raises(CriteriaError, match=r"; and 2 more$"):
        require_met("T-1", [Criterion(f"c{n}") for n in range(12)], (), "f.md")
