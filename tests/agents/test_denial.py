"""What was denied, as the rule that would have let it through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agents.denial import rules
from orchestrator.core.settings import read_setting


def denied(tool: object, **given: Any) -> dict[str, Any]:
    return {"tool_name": tool, "tool_use_id": "toolu_1", "tool_input": given}


@pytest.mark.parametrize(
    ("denial", "rule"),
    [
        (denied("Bash", command="python3 -m pytest", description="x"), "Bash(python3 -m pytest)"),
        # A file is written under one name whatever tool writes it: `Write(…)` matches nothing.
        (denied("Write", file_path="/proj/a.txt", content="x"), "Edit(//proj/a.txt)"),
        (denied("Edit", file_path="/proj/a.txt"), "Edit(//proj/a.txt)"),
        (denied("MultiEdit", file_path="/proj/a.txt"), "Edit(//proj/a.txt)"),
        (denied("NotebookEdit", notebook_path="/n.ipynb"), "Edit(//n.ipynb)"),
        (denied("Write", file_path="out/a.txt"), "Edit(out/a.txt)"),
        (denied("Read", file_path="/etc/hosts"), "Read(//etc/hosts)"),
        (denied("Grep", pattern="x", path="/etc"), "Read(//etc)"),
        (denied("WebFetch", url="https://Example.org:8080/a?b=c"), "WebFetch(domain:example.org)"),
        (denied("WebFetch", url="https://[::1"), "WebFetch"),
        (denied("Skill", skill="x", args="y"), "Skill(x)"),
        (denied("mcp__server__tool", path="/x"), "mcp__server__tool"),
        (denied("Grep", pattern="x"), "Grep"),
        (denied("Bash"), "Bash"),
        (denied("Write", file_path=["/a"]), "Write"),
        ({"tool_name": "WebSearch"}, "WebSearch"),
        ({"tool_name": "WebSearch", "tool_input": "x"}, "WebSearch"),
        ({}, "unknown"),
        ({"tool_name": ["Write"]}, "unknown"),
    ],
)
def test_the_rule_for_a_denial(denial: dict[str, Any], rule: str) -> None:
    """As it would have to stand in ``allowed_tools`` (section 8 of what was measured)."""
    assert rules([denial]) == (rule,)


def test_each_rule_is_named_once_and_in_order() -> None:
    """A model tries the same thing several times; what it tried first stands first."""
    again = denied("Bash", command="make")
    assert rules([denied("Write", file_path="a"), again, denied("Bash", command="x"), again]) == (
        "Edit(a)",
        "Bash(make)",
        "Bash(x)",
    )


def test_what_is_no_denial_is_passed_over() -> None:
    """Events are data of any type."""
    assert rules([None, 3, "Write", [], denied("Bash", command="x")]) == ("Bash(x)",)


@pytest.mark.parametrize("rule", ["Bash(git add *)", "Edit(//proj/a.txt)", "Skill(x)"])
def test_a_rule_can_be_pasted_into_the_setting(rule: str) -> None:
    """What the result file says is what the setting takes."""
    assert read_setting("allowed_tools", rule) == (rule,)


@pytest.mark.parametrize(
    ("denial", "rule"),
    [
        (denied("Bash", command="a\n\n# Heading\r\nb\x1b[2J"), "Bash(a # Heading b)"),
        (denied("Bash", command="x" * 100_000), "Bash(" + "x" * 199 + "…)"),
        (denied("Write\n# Heading", file_path="/a"), "Write # Heading"),
        (denied("Write", file_path="/a\n# b\u202e"), "Edit(//a # b)"),
        (denied("WebFetch", url="https://a\nb/c"), "WebFetch(domain:ab)"),
    ],
)
def test_a_hostile_denial_stays_on_its_line(denial: dict[str, Any], rule: str) -> None:
    """Commands and paths are the model's text: they open no line, and no terminal acts on them (promise 23)."""
    assert rules([denial]) == (rule,)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["Bash", "Write", "Read", "WebFetch", "Skill", "NotebookEdit"])
INPUTS = st.sampled_from(
    ["command", "file_path", "notebook_path", "path", "url", "skill", "description"]
)


@given(
    st.lists(
        ANY
        | st.fixed_dictionaries(
            {"tool_name": NAMES | ANY, "tool_input": ANY | st.dictionaries(INPUTS, ANY)}
        ),
        max_size=4,
    )
)
def test_whatever_is_denied_there_is_a_short_line_for_it(denials: list[Any]) -> None:
    """Nothing is raised, and no rule is empty, long, or of several lines."""
    for rule in rules(denials):
        assert rule
        assert len(rule) <= 320
        assert rule == " ".join(rule.split())
        assert rule.isprintable() or not any(ord(letter) < 32 for letter in rule)
