"""JSON and YAML as data with lines."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plan.data_file import locate, path_of, read_yaml

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_the_data_stays_what_it_is(data: object) -> None:
    """Whether lines are found or not, a JSON file is read without a problem, and its values have lines inside of it."""
    text = json.dumps(data, indent=1)
    found = locate(data, text, "x.json")
    assert found.problem is None
    assert data == found.data
    assert all(1 <= line <= text.count("\n") + 1 for line in found.lines.values())


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    found = read_yaml(text, "x.yaml")
    assert found.problem is None or found.problem.where.startswith("x.yaml:")


def test_lines_and_paths() -> None:
    found = read_yaml("a:\n  - b: 1\n    c: 2026-01-01\nd: [x,\n  y]\n", "x.yaml")
    assert {"a": [{"b": 1, "c": "2026-01-01"}], "d": ["x", "y"]} == found.data
    assert [3, 5, 2] == [found.line(steps) for steps in [("a", 0, "c"), ("d", 1), ("a", 0, "gone")]]
    assert "a[0].c" == path_of(("a", 0, "c"))


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("a: 1\nb: 2\na: 3", "a is there twice, first in line 1", 3),
        ("a: &x 1\nb: *x", "anchors and aliases are not allowed", 1),
        ("a: !!str 1", "tags are not allowed", 1),
        ("a: {<<: 1}", "a name must be a plain word", 1),
        ("a:\n\tb: 1", "no valid YAML: found character '\\t' that cannot start any token", 2),
        (f"a: {'1' * 200}", "a number that long makes no sense", 1),
        (f"{'[' * 60}{']' * 60}", "nested too deeply", 1),
    ],
)
def test_what_is_refused(text: str, message: str, line: int) -> None:
    problem = read_yaml(text, "x.yaml").problem
    assert problem is not None
    assert (message, f"x.yaml:{line}") == (problem.message, problem.where)
