"""What was denied, as the rule that would have let it through."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.agents.claude_refusal import messages, rules
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


@pytest.mark.parametrize("rule", ["Bash(git add *)", "Edit(//proj/a.txt)", "Skill(x)", "Read", "mcp__db__*"])
def test_a_rule_can_be_pasted_into_the_setting(rule: str) -> None:
    """What the result file says is what the setting takes."""
    assert read_setting("allowed_tools", rule) == (rule,)


@pytest.mark.parametrize("words", ["npm test", "Bash(npm test", "Read, Bash(echo (a), b)", ["Bash *"]])
def test_what_is_no_rule_is_refused_before_anything_is_paid(words: object) -> None:
    """The CLI takes it and lets nothing through, so the task would fail for what it seems to allow."""
    for setting in ("allowed_tools", "disallowed_tools"):
        with pytest.raises(ValueError, match=r"is not a rule; write .*Bash\(npm test \*\)"):
            read_setting(setting, words)


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


CALL = "python3 /skill/x.py"


@pytest.mark.parametrize(
    "words",
    [
        'share T-01 "Run `npm test` & go for $5; it\'s fine"',
        'share T-01 "a \\"word\\" > another"',
        "share T-01 Hallo\\ Welt",
        "discover T-01 'two\n# lines'",
        "note T-01 $HOME",
        "sync T-01 don't stop; go",
        "context T-01",
    ],
)
def test_a_message_to_the_others(words: str) -> None:
    """One call of ours, whatever is in its quotes: no rule is named for it, and it is shown without the program."""
    command = denied("Bash", command=f"{CALL} {words}")
    assert messages([command, command], CALL) == (" ".join(words.split()),)
    assert rules([command], CALL) == ()
    assert rules([command]) != ()


@pytest.mark.parametrize(
    "command",
    [
        f"{CALL} share T-01 'x' && make",
        f"{CALL} share T-01 'x'; make",
        f"{CALL} share T-01 'x'\nmake",
        f"{CALL} share T-01 'x' > out.txt",
        f"{CALL} share T-01 $(make)",
        f'{CALL} share T-01 "made: $(make)"',
        f"{CALL} complete T-01 'x'",
        f"{CALL} shares T-01",
        f"{CALL} --dir /x share T-01 'x'",
        f"{CALL}.sh share T-01 'x'",
        f"make && {CALL} share T-01 'x'",
        f"X=1 {CALL} share T-01 'x'",
        " share T-01 'x'",
    ],
)
def test_what_does_more_than_tell_the_others(command: str) -> None:
    """Another command of ours, or one besides it, is as any other that was denied."""
    given = [denied("Bash", command=command)]
    assert messages(given, CALL) == ()
    assert len(rules(given, CALL)) == 1


def test_who_cannot_call_us_tells_nobody() -> None:
    """Without words to call us with nothing is a message."""
    assert messages([denied("Bash", command=" share T-01 x")], "") == ()
    assert messages([denied("Write", command=f"{CALL} share T-01 x")], CALL) == ()


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["Bash", "Write", "Read", "WebFetch", "Skill", "NotebookEdit"])
INPUTS = st.sampled_from(["command", "file_path", "notebook_path", "path", "url", "skill", "description"])


@given(
    st.lists(
        ANY | st.fixed_dictionaries({"tool_name": NAMES | ANY, "tool_input": ANY | st.dictionaries(INPUTS, ANY)}),
        max_size=4,
    )
)
@example([{"tool_name": " ", "tool_input": {}}])
def test_whatever_is_denied_there_is_a_short_line_for_it(denials: list[Any]) -> None:
    """Nothing is raised, and no rule is empty, long, or of several lines."""
    for rule in rules(denials):
        assert rule
        assert len(rule) <= 320
        assert rule == " ".join(rule.split())
        assert rule.isprintable() or not any(ord(letter) < 32 for letter in rule)
