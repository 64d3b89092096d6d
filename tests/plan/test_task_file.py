"""A task file is settings and a prompt."""

from __future__ import annotations

import pytest

from orchestrator.plan.task_file import made_from_row, parse_task_file, sum_of
from tests.growth import growth

SEED_TEMPLATE = """# 🤖 Agent-XX Task Assignment

## Task Information
- **Task ID**: T-XX
- **Priority**: P1

## Input
| Parameter | Type | Source | Value |
|-----------|------|--------|-------|
| param1 | string | User input | [Value] |

## Task Description
[Detailed task description]
"""


def test_the_template_of_the_seed_is_a_prompt_without_settings() -> None:
    """A file without front matter is the prompt as it stands."""
    task = parse_task_file(SEED_TEMPLATE.encode(), "a.md")
    assert (task.body, task.settings, task.code, task.problems) == (SEED_TEMPLATE, {}, "", ())


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff", "\n \n", "\ufeff\n"])
def test_settings_body_and_code(ending: str, bom: str) -> None:
    """Front matter is taken off, the body is otherwise as it was written, its first fence is the code."""
    body = "\nDo:\n\n```sh x\nls -l\n\n```\n\n~~~\nother\n~~~\nno newline"
    text = bom + ("---\nagent: shell\ntimeout: 1m\n---\n" + body).replace("\n", ending)
    task = parse_task_file(text.encode(), "a.md")
    assert task.settings == {"agent": "shell", "timeout": 60.0}
    assert task.body == body.replace("\n", ending)
    assert (task.language, task.code) == ("sh", "ls -l\n\n")
    assert task.problems == ()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"a\nb\xff", "a.md:2: the file is not UTF-8 text"),
        ("ä".encode("utf-16"), "a.md:1: the file is UTF-16, not UTF-8"),
        (b"a\nb\nc\0", "a.md:3: the file has NUL bytes in it; it is damaged or not a text"),
        (b"---\nagent: x\n", "a.md:1: the front matter is never closed"),
        (b"---\n\nmax_parallel: 3\n---\n", "a.md:3: max_parallel is a setting of the whole run, not of one task"),
        (b"---\nretires: 3\n---\n", "a.md:2: retires is not a setting"),
        (b"# T\r\n---\r\nmodel: x\r\n---\r\n", "a.md:2: below other text, model counts for nothing"),
    ],
)
def test_problems_name_file_and_line(data: bytes, problem: str) -> None:
    """What cannot be read or makes no sense is said with its place; nothing is guessed."""
    task = parse_task_file(data, "a.md")
    assert [str(each) for each in task.problems] == [problem]
    assert task.settings == {}


def test_an_empty_file_is_an_empty_prompt() -> None:
    """Whether an empty prompt is enough is for others to say."""
    assert parse_task_file(b"", "a.md").body == ""


def test_a_long_task_file_is_read_in_time() -> None:
    """Reading an assignment takes time in proportion to its lines, and does not hold up a launch."""
    head, command = b"---\nagent: shell\n---\n", b"```sh\nls\n```\n"
    assert growth(lambda size: parse_task_file(head + b"text\n" * size + command, "a.md"), 500) < 2.2


@pytest.mark.parametrize("text", ["Do it.\n", "Do it.", "", "---\nretries: 1\n---\nDo it.\n", "a\r\nb\r\n"])
def test_a_file_that_was_made_says_so_until_somebody_changes_it(text: str) -> None:
    """With a letter changed it is a person's; what says so is part of no prompt and of no command."""
    made = made_from_row(text)
    found, alone = parse_task_file(made.encode(), "a.md"), parse_task_file(text.encode(), "a.md")
    assert sum_of(text) == found.made
    assert (found.settings, found.code) == (alone.settings, alone.body)
    assert alone.body == found.body  # the comment is for people: an agent does not get it
    changed = parse_task_file(f"A{made}".encode(), "a.md")
    assert ("", f"A{text}") == (changed.made, changed.code)


def test_a_person_may_quote_it() -> None:
    """Only at the end of the file it means anything."""
    text = f"{made_from_row('x')}\nand more\n"
    found = parse_task_file(text.encode(), "a.md")
    assert ("", text) == (found.made, found.body)
