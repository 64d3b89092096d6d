"""Parameters of a plan."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.params import (
    as_text,
    filled_where_known,
    missing_params,
    not_for_a_shell,
    read_params,
    read_value,
    resolve_params,
)


def test_short_forms() -> None:
    """A list of names, a default, a list of allowed values."""
    found = read_params({"a": None, "b": 3, "c": ["x", "y"], "d": {"default": "z", "description": "Why"}})
    assert ["string", "integer", "string", "string"] == [each["type"] for each in found.values()]
    assert [True, False, True, False] == [each["required"] for each in found.values()]
    assert read_params(["a"]) == read_params({"a": {}})
    assert found == read_params(found)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_any_value_is_read_or_refused(value: Any) -> None:
    try:
        found = read_params(value)
    except ValueError:
        return
    assert found == read_params(found)


@pytest.mark.parametrize(
    ("kind", "typed", "value"),
    [
        ("integer", "12", 12),
        ("number", "1.5", 1.5),
        ("boolean", "yes", True),
        ("array", '["a"]', ["a"]),
        ("object", '{"a": 1}', {"a": 1}),
        ("string", 12, "12"),
        ("string", "13", "13"),
        ("number", 3, 3),
    ],
)
def test_what_was_typed_gets_its_type(kind: str, typed: Any, value: Any) -> None:
    assert value == read_value("x", read_params({"x": {"type": kind}})["x"], typed)


@pytest.mark.parametrize(
    ("kind", "typed"),
    [("integer", "1.5"), ("integer", True), ("boolean", 1), ("array", "{}"), ("object", "a"), ("string", ["a"])],
)
def test_what_is_of_another_type(kind: str, typed: Any) -> None:
    with pytest.raises(ValueError, match=f"is not of the type {kind}"):
        read_value("x", read_params({"x": {"type": kind}})["x"], typed)


def test_values_are_given_or_by_default() -> None:
    declared = read_params({"a": None, "b": 3, "c": {"required": False}})
    assert {"b": 3, "c": None} == resolve_params(declared, {})
    assert ["a"] == missing_params(declared, resolve_params(declared, {}))
    assert {"a": "x", "b": 4, "c": None} == resolve_params(declared, {"a": "x", "b": "4"})
    with pytest.raises(ValueError, match="the plan declares no params"):
        resolve_params({}, {"a": 1})
    with pytest.raises(ValueError, match="more than 64,000 characters"):
        resolve_params(read_params([f"p{n}" for n in range(9)]), {f"p{n}": "x" * 9000 for n in range(9)})


@given(st.text())
def test_a_value_is_filled_in_once_and_as_it_is(value: str) -> None:
    assert f"<{value}> {{{{b}}}}" == filled_where_known("<{{a}}> {{b}}", {"a": value})


@pytest.mark.parametrize("value", ["", " ", "a b", "$x", "`x`", ";", "a\nb", "'", "-rf", "*", "~", "a#b"])
def test_what_a_shell_would_read(value: str) -> None:
    assert not_for_a_shell("ls {{a}}", {"a": value})
    assert not not_for_a_shell("ls {{b}}", {"a": value})


@pytest.mark.parametrize("value", ["src/a.py", "3", "a-b", "x@1.0", "50%"])
def test_what_is_one_plain_word(value: str) -> None:
    assert not not_for_a_shell("ls {{a}}", {"a": value})


def test_values_as_texts() -> None:
    assert ["", "x", "true", '["ä"]'] == [as_text(each) for each in (None, "x", True, ["ä"])]
