"""Types of task: parameters and texts."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.params import is_filled_from, not_for_a_shell, variables
from orchestrator.core.task_type import BUILT_IN_TYPES, TaskType, as_texts, read_params, similar_type

PARAMS: dict[str, Any] = {
    "depth": ["basic", "deep"],
    "count": {"type": "integer", "minimum": 1, "default": 2},
    "names": {"type": "array", "items": {"enum": ["a", "b"]}},
    "wet": {"type": "boolean"},
    "must": {"enum": ["x"], "required": True},
}
KIND = TaskType("survey", params=read_params(PARAMS), file="types/survey.md")


@pytest.mark.parametrize(
    ("given_values", "values"),
    [
        ({"must": "x"}, {"count": 2, "must": "x"}),
        ({"must": "x", "depth": "deep"}, {"depth": "deep", "count": 2, "must": "x"}),
        ({"must": "x", "depth": "basic,deep"}, {"depth": ["basic", "deep"], "count": 2, "must": "x"}),
        ({"must": "x", "depth": ["basic"]}, {"depth": ["basic"], "count": 2, "must": "x"}),
        ({"must": "x", "count": "7", "wet": "true"}, {"count": 7, "wet": True, "must": "x"}),
        ({"must": "x", "names": "a"}, {"names": ["a"], "count": 2, "must": "x"}),
        ({"must": "x", "names": "a, b"}, {"names": ["a", "b"], "count": 2, "must": "x"}),
    ],
)
def test_values_are_read_as_their_schema_wants_them(given_values: dict[str, Any], values: dict[str, Any]) -> None:
    assert values == KIND.read_params(given_values)


@pytest.mark.parametrize(
    ("given_values", "told"),
    [
        ({}, "must is missing: tasks of the type survey must have it, one of x"),
        ({"must": "y"}, "must: 'y' is none of x"),
        ({"must": "x", "depth": "basic,deeper"}, "depth: 'basic,deeper' is none of basic, deep"),
        ({"must": "x", "depth": []}, r"depth: \[\] is none of basic, deep"),
        ({"must": "x", "count": 0}, "count: "),
        ({"must": "x", "names": "c"}, "names: 'c' is none of a, b"),
        ({"must": "x", "dpeth": "deep"}, "dpeth is no parameter of survey: did you mean depth"),
    ],
)
def test_what_does_not_fit_names_what_is_allowed(given_values: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        KIND.read_params(given_values)


@pytest.mark.parametrize(
    "wrong",
    [[], 3, {"a b": ["x"]}, {"a": []}, {"a": 3}, {"a": {"type": "x"}}, {"a": {"$ref": "#/nowhere"}},
     {"a": {"enum": ["x"], "default": "y"}}, {1: ["x"]}],
)  # fmt: skip
def test_what_is_no_schema_of_parameters(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_params(wrong)


@given(st.dictionaries(st.sampled_from(["depth", "count", "names", "wet", "must", "other"]), st.text() | st.integers()))
def test_any_values_are_read_or_refused(values: dict[str, Any]) -> None:
    """With the one error that callers expect; and what was read is read the same way again."""
    try:
        read = KIND.read_params(values)
    except ValueError:
        return
    assert read == KIND.read_params(read)


def test_a_list_is_written_with_commas() -> None:
    """As it is typed; so it is one plain word in a command."""
    texts = as_texts({"depth": "deep", "n": 3, "names": ["a", "b"], "more": {"a": 1}})
    assert {"depth": "deep", "n": "3", "names": "a,b", "more": '{"a": 1}'} == texts
    assert "ORCHESTRATOR_PARAM_names" in variables(texts)
    assert "" == not_for_a_shell("echo {{names}}", texts)


def test_only_a_type_of_a_person_is_missed() -> None:
    types = {**BUILT_IN_TYPES, "survey": KIND}
    assert "survey" == similar_type("surve", types)
    assert "" == similar_type("Survey", types)
    assert "" == similar_type("reserch", types)


@pytest.mark.parametrize(
    ("text", "given_text", "is_it"),
    [
        ("Look at {{a}}.\n", "# Task\nLook at all of it.\n", True),
        ("Look at {{a}}.\n", "Look for all of it.\n", False),
        ("Look", "a Look b", True),
        ("{{a}} (x)", "deep (x)", True),
        ("{{a}} (x)", "deep x", False),
    ],
)
def test_a_filled_text_is_known_again(text: str, given_text: str, is_it: bool) -> None:
    assert is_it is is_filled_from(text, given_text)
