"""What a checklist says about one task in lines and items of their own."""

from __future__ import annotations

import pytest

from orchestrator.core.script import script_of
from tests.planner.outlines import read

LINES = [
    ["Agent: shell", "Command: make release"],
    ["**Agent:** shell", "**Command:** `make release`"],
    ["Writes: dist/a.whl, dist/b.whl", "Estimate: 5m", "Agent: shell", "Command:", "make release"],
    ["Needs: Build (order)", "Acceptance: it installs", "Id: REL-1", "Priority: P0"],
]


@pytest.mark.parametrize("lines", LINES, ids=" ".join)
@pytest.mark.parametrize("head", ["- Release it (after Build)", "1. Release it (after Build)"])
def test_lines_that_go_on_with_an_item_say_what_items_below_it_would(head: str, lines: list[str]) -> None:
    """A bullet more or less is easily forgotten, and a command would go to an agent that costs money."""
    marked = "".join(f"   {'- ' if ':' in line else '  '}{line}\n" for line in lines)
    plain = "".join(f"   {line}\n" for line in lines)
    assert read(f"- Build\n\n{head}\n{marked}") == read(f"- Build\n\n{head}\n{plain}")


@pytest.mark.parametrize(
    "line",
    [
        "Agent: shell is not used here.",
        "Time: as long as it takes",
        "Files: all that you find",
        "Owner: eve",
        "the output: a page",
        "Requires: Python 3.12",
    ],
)
def test_a_line_that_may_be_a_sentence_stays_one(line: str) -> None:
    """Its value could not be that of the field, or it begins with other words."""
    (task,) = read(f"- Release it\n  {line}\n")["tasks"]
    assert f"Release it\n\n{line}" == task["description"]


def test_a_wrapped_value_is_whole() -> None:
    """A sentence of its own is none of it."""
    (task,) = read("- Release it\n  Output: a table\n  of `a.md`\n  (by size)\n  Be quick.\n")["tasks"]
    assert ("a table\nof `a.md`\n(by size)", "Release it\n\nBe quick.") == (task["expected"], task["description"])


@pytest.mark.parametrize("bullet", ["", "- "])
def test_a_code_block_below_a_command_is_the_command(bullet: str) -> None:
    """Also where neither has a bullet."""
    lines = (f"{bullet}Agent: shell", f"{bullet}Command:", "  ```sh", "  make", "  ```")
    below = "\n".join(f"  {line}" for line in lines)
    (task,) = read(f"- Release it\n{below}\n")["tasks"]
    assert ("Release it", "make") == (task["description"], script_of(task["command"]).code)


def test_a_code_block_alone_is_the_command_of_a_shell() -> None:
    """For another agent it is text, and nothing in it is a heading, an item or a field."""
    block = "```sh\n# no heading\n- no item\nOutput: a page\n```"
    indented = "\n".join(f"  {line}" for line in block.split("\n"))
    (task,) = read(f"- [ ] Say it\n  - Agent: shell\n\n{indented}\n")["tasks"]
    assert (block, "Say it") == (task["command"], task["description"])
    (task,) = read(f"- [ ] Say it\n\n{indented}\n")["tasks"]
    assert f"Say it\n\n{block}" == task["description"]


@pytest.mark.parametrize(
    "command", ['python3 -c "print(2**3**2)"', "ls src/**/*.ts docs/**/*.md", "echo **a** __b c__"]
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
    command = ["out/**/x.md", "web/**/y.md", "**/test/**", "__tests__", "__init__.py"]
    assert command == task["writes"]
    assert ["2**3**2 is 512"] == task["acceptance"]
    assert [{"name": "all", "value": "src/**/*.py docs/**/*.md"}] == task["inputs"]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Find **/*.py and **/*.js", "Find **/*.py and **/*.js"),
        ("Write __init__ and __main__", "Write __init__ and __main__"),
        ("Write the **final** report", "Write the final report"),
        ("**Write the report**", "Write the report"),
        ("Read `a.md` and `b.md`", "Read a.md and b.md"),
    ],
)
def test_a_name_has_no_emphasis(text: str, name: str) -> None:
    """The text itself is handed on as it stands."""
    (task,) = read(f"- {text}\n")["tasks"]
    assert (name, text) == (task["name"], task["description"])
