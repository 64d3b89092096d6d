"""Settings: how each is read, what is refused, and which layer wins."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.settings import NAMES, RUN_ONLY, Settings, read_setting, resolve

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


#: Settings that may be written in more than one shape.
OTHER_SHAPES = {"schema": (dict,), "env": (dict, str)}


@pytest.mark.parametrize(
    ("value", "name", "written"),
    [
        (8, "max_parallel", 8),
        (9, "max_parallel", "9"),
        ("stop", "on_failure", "stop"),
        ("concat", "aggregate", "concat"),
        ("../src", "workdir", "../src"),
        ("shell", "agent", "shell"),
        ("opus", "model", "opus"),
        ("4", "model", 4),
        (90.0, "timeout", "1m30s"),
        (90.0, "timeout", 90),
        (0, "retries", 0),
        (True, "validate", True),
        (0.0, "retry_delay", "0"),
        (2.5, "retry_delay", 2.5),
        (0.0, "grace", 0),
        ("markdown", "format", "markdown"),
        (0, "context_limit", 0),
        ("clean", "env", "clean"),
        ({"A": "x", "B": "8", "C": None}, "env", {"A": "x", "B": 8, "C": None}),
        (("GH_TOKEN", "AWS_*"), "env_keep", "GH_TOKEN, AWS_*"),
        (("*",), "env_keep", ["*"]),
        ((), "env_keep", []),
        ((), "notify", []),
        ((), "notify", "none"),
    ],
)
def test_a_setting_is_read_into_its_unit(value: object, name: str, written: object) -> None:
    """Front matter and flags give the same value."""
    assert value == read_setting(name, written)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("max_parallel", 0),
        ("max_parallel", 1001),
        ("max_parallel", "four"),
        ("max_parallel", 2.5),
        ("max_parallel", True),
        ("max_parallel", None),
        ("retries", -1),
        ("retries", [1]),
        ("context_limit", 10**9),
        ("on_failure", "explode"),
        ("aggregate", None),
        ("format", "html"),
        ("timeout", 0),
        ("timeout", "never"),
        ("timeout", False),
        ("timeout", {}),
        ("timeout", float("nan")),
        ("timeout", float("inf")),
        ("retry_delay", -1),
        ("grace", "2-3s"),
        ("agent", True),
        ("agent", ["claude"]),
        ("model", None),
        ("workdir", {}),
        ("env", "dirty"),
        ("budget_usd", int("F" * 400, 16)),
        ("env", None),
        ("env", ["A"]),
        ("env", {"A": True}),
        ("env", {"A": 3.10}),
        ("env", {"A": ["x"]}),
        ("env", {"A": "x\0y"}),
        ("env", {"A=B": "x"}),
        ("env", {"": "x"}),
        ("env", {1: "x"}),
        ("env", {"*": None}),
        ("env", {"ORCHESTRATOR_TASK_ID": "T-99"}),
        ("env", {"ORCHESTRATOR_DIR": None}),
        ("env", {"TM_AGENT_ID": "x"}),
        ("schema", {"properties": {"day": {"default": date(2026, 1, 1)}}}),
        ("schema", {"properties": {date(2026, 1, 1): {"type": "string"}}}),
        ("schema", {"enum": ["x", [float("nan")]]}),
        ("schema", {"properties": {200: {"type": "string"}}}),
        ("schema", {"title": "x\0y"}),
        ("workdir", "x\0y"),
        ("model", "\ud800"),
        ("extra_args", ["--x", "x\0y"]),
        ("notify", {"command": ["say", "\ud800"]}),
        ("env_keep", ["A B"]),
        ("env_keep", ["A*B"]),
        ("env_keep", "-u"),
        ("env_keep", {"A": "x"}),
        ("validate", "yes"),
        ("validate", 1),
    ],
)
def test_a_value_without_sense_is_refused(name: str, written: object) -> None:
    """With a message for the person who wrote it."""
    with pytest.raises(ValueError, match=r"is not|is none of|not allowed|would be taken"):
        read_setting(name, written)


@given(st.sampled_from(NAMES), JSON)
def test_any_value_may_stand_in_front_matter(name: str, written: Any) -> None:
    """Reading it gives a value of the right type that JSON can say, or the one error that callers expect."""
    try:
        value = read_setting(name, written)
    except ValueError:
        return
    json.dumps(value, allow_nan=False, default=dict)
    assert type(value) in {type(getattr(Settings(), name)), *OTHER_SHAPES.get(name, ())}


def test_every_default_is_a_value_that_may_be_written() -> None:
    """What holds without being said could have been said."""
    for name in NAMES:
        default = getattr(Settings(), name)
        assert default == read_setting(name, default)


def test_the_strongest_layer_comes_last() -> None:
    """Flag over task over plan over default, name by name."""
    plan = {"timeout": 60.0, "retries": 5, "model": "small"}
    task = {"timeout": 30.0, "agent": "shell"}
    flags = {"retries": 0}
    found = resolve(plan, task, flags)
    assert (30.0, 0, "small", "shell", 4) == (
        found.timeout,
        found.retries,
        found.model,
        found.agent,
        found.max_parallel,
    )


@pytest.mark.parametrize(
    ("env", "kept", "layers"),
    [
        ({}, ("*",), []),
        ({}, (), [{"env": "clean"}]),
        ({}, ("*",), [{"env": "clean"}, {"env": "inherit"}]),
        ({"A": "1"}, (), [{"env": "clean"}, {"env": {"A": "1"}}]),
        ({"A": "1"}, (), [{"env": {"A": "1"}}, {"env": "clean"}]),
        ({"A": "2", "B": None, "C": "3"}, ("*",), [{"env": {"A": "1", "B": None}}, {"env": {"A": "2", "C": "3"}}]),
        ({"A": "1"}, ("B",), [{"env": {"A": "1"}, "env_keep": ["B"]}]),
        ({}, ("B",), [{"env": "clean", "env_keep": ("*", "B")}]),
        ({}, ("B",), [{"env": "clean"}, {"env_keep": ("B",)}]),
    ],
)
def test_the_environment_adds_up(
    env: dict[str, str | None], kept: tuple[str, ...], layers: list[dict[str, Any]]
) -> None:
    """A task that adds a variable neither forgets what the plan takes away nor opens what the plan closed."""
    found = resolve(*layers)
    assert (env, kept) == (found.env, found.env_keep)


def test_without_layers_the_defaults_hold() -> None:
    """The figures that the documentation promises."""
    found = resolve()
    assert Settings() == found
    assert (4, 300.0, 2, 3) == (found.max_parallel, found.timeout, found.retries, found.max_attempts)


def test_settings_of_the_run_are_settings() -> None:
    """No misspelt name in the list of those that a task cannot have."""
    assert RUN_ONLY <= set(NAMES)
