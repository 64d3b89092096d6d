"""Stars, underscores and backticks of an outline: what is emphasis, what is code, and what the text itself."""

from __future__ import annotations

import pytest

from orchestrator.core.script import script_of
from tests.store.outlines import needs, read


@pytest.mark.parametrize(
    "command",
    [
        'python3 -c "print(2**3**2)"',
        'python3 -c "print(__name__)"',
        "ls src/**/*.ts docs/**/*.md",
        "echo **a** __b c__",
        "echo `echo **a**`",
    ],
)
@pytest.mark.parametrize("label", ["Command:", "**Command**:", "__Command:__"])
def test_stars_and_underscores_of_a_command_are_its_own(label: str, command: str) -> None:
    """They mean a power or a pattern; without them another command would run."""
    (task,) = read(f"- Say it\n  - Agent: shell\n  - {label} {command}\n")["tasks"]
    assert command == task["command"]


@pytest.mark.parametrize(
    ("said", "command"),
    [
        ("`wc -l x`", "wc -l x"),
        ("``echo `date` ``", "echo `date`"),
        ("`date` `date`", "`date` `date`"),
        ("echo `date`", "echo `date`"),
        ("\n    - `cd x`\n    - `make`", "cd x\nmake"),
        ("\n    ```sh\n    cd x\n      make\n    ```", "cd x\n  make"),
        ("\n\n        cd x\n        make", "cd x\nmake"),
    ],
)
def test_backticks_around_a_command_only_say_that_it_is_one(said: str, command: str) -> None:
    """As in a row: the shell would run what the command prints."""
    (task,) = read(f"- Power\n  - Agent: shell\n  - Command: {said}\n")["tasks"]
    assert command == script_of(task["command"]).code


def test_patterns_and_criteria_are_taken_as_they_stand() -> None:
    """Tasks that write the same files are told by these; backticks around one only say what it is."""
    (task,) = read(
        "- Build\n  - Writes: out/**/x.md, `web/**/y.md`, **/test/**, __tests__ and __init__.py\n"
        "  - Acceptance: 2**3**2 is 512\n  - Inputs: all: src/**/*.py docs/**/*.md\n"
    )["tasks"]
    assert ["out/**/x.md", "web/**/y.md", "**/test/**", "__tests__", "__init__.py"] == task[
        "writes"
    ]
    assert ["2**3**2 is 512"] == task["acceptance"]
    assert [{"name": "all", "value": "src/**/*.py docs/**/*.md"}] == task["inputs"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Find **/*.py and **/*.js", "Find **/*.py and **/*.js"),
        ("Say 2**3**2 and `echo **a**`", "Say 2**3**2 and `echo **a**`"),
        ("Write __init__ and __main__", "Write __init__ and __main__"),
        ("Pass **args and **more on", "Pass **args and **more on"),
        ("Write the **final** report, with __all the__ figures", "Write the final report, with all the figures"),
        ("**Write the report**", "Write the report"),
        ("**Report:** write it (**now**)", "Report: write it (now)"),
        ("Write **A** and **B** notes", "Write A and B notes"),
        ("**A** and **B**", "A and B"),
        ("__a b__ and **c** and __d e__", "a b and c and d e"),
        ("See **X** (and **Y**)", "See X (and Y)"),
        ("Say **1** first, **2** second", "Say 1 first, 2 second"),
        ("Build **x**/**y**", "Build x/y"),
        ("写**总结**报告", "写总结报告"),
        ("写**总结**，**报告**。", "写总结，报告。"),
        ("Say 2**3 and 3**2, f(**kw) and g(**kw)", "Say 2**3 and 3**2, f(**kw) and g(**kw)"),
        ("Find a/**/b and src/**/c/**", "Find a/**/b and src/**/c/**"),
        ("Say **2**3 and 4** so", "Say **2**3 and 4** so"),
    ],
)  # fmt: skip
def test_only_emphasis_is_taken_off(text: str, expected: str) -> None:
    """Stars that are part of a pattern, a power or code are no emphasis."""
    assert expected == read(f"- {text}\n")["tasks"][0]["description"]
    assert [] == needs(f"1. {text}\n2. Read it (after **1**)\n")[expected.partition(":")[0]]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("`a` and `b`", "`a` and `b`"),
        ("*a*/*b*", "*a*/*b*"),
        ("_a_ or _b_", "_a_ or _b_"),
        ("`a.b`", "a.b"),
        ("_a_b_", "a_b"),
        ("***a** b*", "***a** b*"),
        ("**a*b**", "a*b"),
    ],
)
def test_marks_of_a_name_are_taken_off_in_pairs(text: str, name: str) -> None:
    """What begins with one and ends with another is not emphasis as a whole."""
    assert name == read(f"- {text}\n")["tasks"][0]["name"]
