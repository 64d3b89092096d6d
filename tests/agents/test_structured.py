"""Structured answers are held to the schema that was asked for, and the schema to what schemas may be."""

from __future__ import annotations

import json
import socket
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agents.outcome import object_in, shown
from orchestrator.core.json_schema import flaw, mismatch
from orchestrator.core.text import fence, sanitize

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "files": {"type": "array", "items": {"type": "integer"}}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("answer", [{"name": "a"}, {"name": "", "files": [1, 2]}])
def test_an_answer_that_fits(answer: object) -> None:
    """There is nothing to say."""
    assert mismatch(answer, SCHEMA) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "there is no structured output"),
        ({}, "'name' is a required property"),
        ([], "[] is not of type 'object'"),
        ({"name": 1}, "name: 1 is not of type 'string'"),
        ({"name": "a", "files": [1, "x"]}, "files/1: 'x' is not of type 'integer'"),
        ({"name": "a", "b": 1}, "Additional properties are not allowed ('b' was unexpected)"),
    ],
)
def test_an_answer_that_does_not_fit_says_where(answer: object, words: str) -> None:
    """In one line, with the place in the answer."""
    assert mismatch(answer, SCHEMA) == words


def test_what_the_model_wrote_stays_on_one_line() -> None:
    """The message quotes the answer, and the answer is data (promise 23)."""
    words = mismatch({"name": ["\x1b[2J\n# Heading" + "x" * 10_000]}, SCHEMA)
    assert len(words) <= 200
    assert words == " ".join(words.split())
    assert "\x1b" not in words
    key = mismatch({"name": "a", "files": {"a\nb": 1}}, SCHEMA)
    assert "\n" not in key


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "thing"}, "'thing' is not valid under any of the given schemas"),
        ({"type": "array"}, "its top level must be an object"),
        ({"type": ["object", "null"]}, "its top level must be an object"),
        ({"properties": {"a": {"pattern": "("}}}, "'(' is not a 'regex'"),
        ({"$schema": 3}, "its $schema is not a text"),
        ({"required": "name"}, "'name' is not of type 'array'"),
        ({"properties": {"a": {"items": {"$ref": "#/$defs/missing"}}}}, "'#/$defs/missing' leads nowhere"),
        ({"properties": {"a": {"$id": "urn:a", "$ref": "#/$defs/b"}}, "$defs": {"b": {}}}, "'#/$defs/b' leads nowhere"),
        ({"$ref": "nope"}, "'nope' leads nowhere"),
        ({"minProperties": 0, "$ref": "#/minProperties/x"}, "'#/minProperties/x' leads nowhere"),
        ({"$ref": "http://[x"}, "'http://[x' leads nowhere"),
    ],
)
def test_a_schema_with_a_flaw_is_found_before_it_is_asked_for(schema: dict[str, Any], words: str) -> None:
    """The CLI refuses some of them, and answers others in text only."""
    assert flaw(schema) == words
    assert mismatch({}, schema) == f"the schema itself is wrong: {words}"


@pytest.mark.parametrize(
    "schema",
    [
        {},
        SCHEMA,
        MappingProxyType(SCHEMA),
        {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
        {"$schema": "urn:nobody-knows", "type": "object"},
        {"properties": {"$ref": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"$anchor": "b"}}},
        {"properties": {"c": {"$ref": "#b"}}, "$defs": {"a": {"$anchor": "b"}}},
        {"default": {"$ref": "#/data"}},
        {"properties": {"a": {"$ref": "https://json-schema.org/draft/2020-12/schema"}}},
    ],
)
def test_a_schema_without_a_flaw(schema: dict[str, Any]) -> None:
    """Of any draft, as any mapping; without a type an object is meant."""
    assert flaw(schema) == ""
    assert mismatch({"name": "a"}, schema) == ""


@pytest.mark.parametrize("schema", [{"$ref": "#/nope"}, {"$ref": "#"}, {"$ref": "nope"}])
def test_a_reference_that_leads_nowhere_is_said(schema: dict[str, Any]) -> None:
    """Nothing is raised about an answer that nobody can check."""
    assert mismatch({}, schema).startswith("the schema itself is wrong: ")


def test_nothing_is_fetched() -> None:
    """A schema of a plan opens no connection, whatever it refers to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        port = server.getsockname()[1]
        words = mismatch({}, {"$ref": f"http://127.0.0.1:{port}/schema.json"})
        assert words.startswith("the schema itself is wrong: ")
        with pytest.raises(BlockingIOError):
            server.accept()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "properties", "items", "$ref", "$schema", "enum", "name"]) | st.text(max_size=5),
            inner,
            max_size=3,
        )
    ),
    max_leaves=8,
)


@given(answer=ANY, schema=st.dictionaries(st.sampled_from(["type", "properties", "$ref"]), ANY))
def test_whatever_is_asked_and_answered_there_is_a_verdict(answer: object, schema: dict[str, Any]) -> None:
    """Nothing is raised, and what is said stays on one short line."""
    for words in (mismatch(answer, schema), flaw(schema)):
        assert len(words) <= 230
        assert "\n" not in words


def nested(value: object, depth: int) -> object:
    for _ in range(depth):
        value = [value]
    return value


def test_an_answer_is_indented_where_that_costs_little() -> None:
    """What is large or deep stays on one line: each level would indent everything below it."""
    assert '{\n  "a": [\n    1\n  ]\n}' == shown({"a": [1]})
    assert "\n" not in shown({"a": "x" * 100_000})
    assert "\n" not in shown(nested([1] * 10_000, 300))
    assert "" == shown(nested(1, 100_000)), "nobody could read it either"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.text(), JSON, max_size=3))
def test_an_answer_that_is_an_object_is_one_for_programs(answer: dict[str, Any]) -> None:
    """As we publish it, in a fence, or bare; and printing it changes nothing more."""
    found = object_in(fence(shown(answer), "json"))
    assert found is not None
    assert found == object_in(shown(answer))
    line = json.dumps(found, ensure_ascii=False)
    assert line == sanitize(line)
    if json.dumps(answer).isascii() and "\\" not in json.dumps(answer):
        assert answer == found


@pytest.mark.parametrize("answer", ["", "text", "[1]", "{", '{"a": NaN}', '{"a": 1e999}', "{}\n{}", '{"a":' * 100_000])
def test_any_other_answer_is_none(answer: str) -> None:
    """No guess is made at what was meant."""
    assert object_in(answer) is None
