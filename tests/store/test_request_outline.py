"""A request written down as an outline becomes the data of a draft."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.draft_check import read_draft
from orchestrator.store.draft_file import DraftFile, parse_draft

FEATURE = """\
# Add user authentication

Users can register and log in.

> Keep it simple.

## Goals
- **Primary Goal**: somebody can log in
- Nobody waits longer than a second

## Success criteria
- The tests pass

## Design
Everything goes to `docs/design`.

- Design DB schema: list the tables for users and tokens (4m)
  - Output: a table of columns
- Design API spec — list the endpoints and their errors (P0)

## Build (after Design)
Agent: shell is not used here.
1. Write the user model
2. Write the routes (needs 1)
   - Needs: Design API spec (order)
   - Writes: `src/routes.py`, src/app.py
   - Acceptance:
     - it runs
     - it is fast

## Test
Check everything that was built. Depends on Build.
"""


def read(text: str, file: str = "o.md") -> dict[str, Any]:
    found = parse_draft(text.encode(), file)
    assert () == found.problems
    assert [] == read_draft(found.data, ("claude", "shell"), found.places)[1]
    assert isinstance(found.data, dict)
    return found.data


def needs(text: str) -> dict[str, list[str]]:
    """Name of every task → the names it needs, with a kind that is not data."""
    tasks = read(text)["tasks"]
    names = {task["id"]: task["name"] for task in tasks}
    return {
        task["name"]: [
            names[need["id"]] + ("" if need["kind"] == "data" else f" ({need['kind']})")
            for need in task["needs"]
        ]
        for task in tasks
    }


def said(text: str) -> list[str]:
    return [str(problem) for problem in parse_draft(text.encode(), "o.md").problems]


def test_a_whole_outline() -> None:
    """Title, request, goals, groups, tasks, and what is said about each of them."""
    found = read(FEATURE)
    assert "Add user authentication" == found["title"]
    assert "Users can register and log in.\n\nKeep it simple." == found["request"]
    assert "somebody can log in" == found["goal"]
    assert (["Nobody waits longer than a second"], ["The tests pass"]) == (
        found["goals"],
        found["success"],
    )
    schema, spec, model, routes, test = found["tasks"]
    assert ["T-01", "T-02", "T-03", "T-04", "T-05"] == [task["id"] for task in found["tasks"]]
    assert ("Design DB schema", "4m", "a table of columns") == (
        schema["name"],
        schema["estimate"],
        schema["expected"],
    )
    assert "Design DB schema: list the tables for users and tokens" == schema["description"]
    assert ["About “Design”: Everything goes to `docs/design`."] == schema["hints"]
    assert ("Design API spec", "P0") == (spec["name"], spec["priority"])
    assert "Write the user model" == model["description"]
    assert ["src/routes.py", "src/app.py"] == routes["writes"]
    assert ["it runs", "it is fast"] == routes["acceptance"]
    assert "Check everything that was built. Depends on Build." == test["description"]


def test_what_is_said_about_order() -> None:
    """Names, numbers and groups; the kind that is given nearest to the task counts."""
    assert {
        "Design DB schema": [],
        "Design API spec": [],
        "Write the user model": ["Design DB schema", "Design API spec"],
        "Write the routes": ["Write the user model", "Design API spec (order)", "Design DB schema"],
        "Test": ["Write the user model", "Write the routes"],
    } == needs(FEATURE)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("(after Scan)", ["Scan"]),
        ("(after scan and Measure)", ["Scan", "Measure"]),
        ("(depends on A-1, Measure)", ["Scan", "Measure"]),
        ("(needs A-1 (order) & Measure (resource))", ["Scan (order)", "Measure (resource)"]),
        ("after the scan is done", ["Scan"]),
        (", once Scan and Measure are finished", ["Scan", "Measure"]),
        ("using the results of Measure", ["Measure"]),
        ("(after everything above)", ["Scan", "Measure"]),
        ('(requires "Measure")', ["Measure"]),
        ("and clean up after yourself", []),
        ("which needs care", []),
        ("(in Chinese)", []),
    ],
)
def test_the_ways_to_say_after(phrase: str, expected: list[str]) -> None:
    """What names a task is a dependency; other prose is prose."""
    found = needs(f"- A-1: Scan\n- Measure\n- Write the report {phrase}\n")
    assert expected == list(found.values())[-1]
    assert list(found)[-1].startswith("Write the report")


def test_phrases_are_no_part_of_a_name() -> None:
    """What was understood is not repeated."""
    assert ["Scan", "Report"] == list(needs("- Scan\n- Report (after Scan)\n"))
    assert ["Scan", "Report"] == list(needs("- Scan\n- Report, after Scan\n"))


def test_numbers_order_only_where_the_outline_says_so() -> None:
    """A numbered list is a list; `in order` makes it a chain."""
    steps = "1. Scan\n2. Sort\n3. Print\n"
    assert {"Scan": [], "Sort": [], "Print": []} == needs(f"Do this:\n\n{steps}")
    assert {"Scan": [], "Sort": [], "Print": []} == needs(
        f"Three tasks in order to win:\n\n{steps}"
    )
    chain = {"Scan": [], "Sort": ["Scan"], "Print": ["Sort"]}
    assert chain == needs(f"Do this in order:\n\n{steps}")
    assert chain == needs(f"# All of it\n## Steps, one after another\n{steps}")


def test_a_group_in_a_chain_is_all_of_its_tasks() -> None:
    """The step after a group waits for everything in it."""
    text = "# X\n## In this order\n1. Look\n   - Scan\n   - Sort\n2. Print\n"
    assert {"Scan": [], "Sort": [], "Print": ["Scan", "Sort"]} == needs(text)


def test_what_is_said_of_a_group_holds_for_its_tasks() -> None:
    """Agent, priority and constraints are inherited; a task may say otherwise."""
    text = (
        "# X\n## Look (P0)\n- Type: research\n- Scan it\n- Sort it (P3)\n- Constraints: read only\n"
    )
    first, second = read(text)["tasks"]
    assert ("P0", "research", ["read only"]) == (
        first["priority"],
        first["type"],
        first["constraints"],
    )
    assert ("P3", "research") == (second["priority"], second["type"])


def test_headings_alone_are_tasks() -> None:
    """Somebody who writes a paragraph for each task needs no lists."""
    text = "# All\nIt is slow.\n\n## T-07: Measure\nRun the benchmark.\n\n## Report\nAfter Measure, write it up.\n"
    found = read(text)
    assert ["T-07", "T-01"] == [task["id"] for task in found["tasks"]]
    assert "Run the benchmark." == found["tasks"][0]["description"]
    assert {"Measure": [], "Report": ["Measure"]} == needs(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "- Scan\n- Report (after Scam)\n",
            "o.md:2: “Report” is to come after “Scam”, which names nothing",
        ),
        ("- Scan\n- Report\n  - Needs: Scan, Sort\n", "“Sort”"),
        ("- Scan\n- Report after T-99\n", "“T-99”"),
        ("Only prose here.\n", "o.md:1: no task in this outline"),
    ],
)
def test_what_names_nothing_is_said(text: str, words: str) -> None:
    """A mistyped name would silently make a plan in the wrong order."""
    (message,) = said(text)
    assert words in message


def test_a_fence_is_text() -> None:
    """What stands in a fence is neither a heading nor a task."""
    (task,) = read("- Run it:\n\n  ```sh\n  # not a heading\n  - not an item\n  ```\n")["tasks"]
    assert "```sh\n# not a heading\n- not an item\n```" in task["description"]


@pytest.mark.usefixtures("no_garbage")
def test_json_is_taken_as_it_is() -> None:
    """An object, or a file that says so in its name."""
    text = '{"tasks": [{"id": "a", "name": "Scan"}]}'
    assert {"tasks": [{"id": "a", "name": "Scan"}]} == read(text) == read(text, "d.json")
    for bad in ("{", "[" * 100_000, '{"tasks": 1'):
        found = parse_draft(bad.encode(), "d.json")
        assert 1 == len(found.problems)
        assert found.problems[0].where.startswith("d.json:1")


lines = st.lists(
    st.sampled_from(
        ["# A", "## B (after C)", "- x", "  - y: z", "1. in order", "   - Needs: x", "```", "| a |", "> q", ""]
    )
    | st.text("ab-#*_ ()[]:`\n\t1.", max_size=12),
    max_size=12,
)  # fmt: skip


@given(lines)
def test_no_outline_is_too_strange(text: list[str]) -> None:
    """Whatever it is, it becomes tasks with places or is blamed."""
    found = parse_draft("\n".join(text).encode(), "o.md")
    assert isinstance(found, DraftFile)
    assert found.problems or len(found.places) == len(found.data["tasks"]) > 0
    read_draft(found.data, (), found.places)
