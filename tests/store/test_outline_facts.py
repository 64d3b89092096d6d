"""What an outline says about a task in lines of its own."""

from __future__ import annotations

from functools import partial

import pytest

from orchestrator.core.script import script_of
from orchestrator.store.draft_file import parse_draft
from tests.growth import come_back
from tests.store.outlines import needs, read

HEADINGS = """# Plan
## Task 1: Gather requirements
**Dependencies:** None
**Estimated time:** 10 minutes

## Task 2: Design
**Dependencies:** Task 1
**Expected output:** a design doc

## Task 3: Implement
__Depends on:__ Task 1, Task 2
- Write code (duration: 5m)
- Write tests
  - Est: 5m
"""


def test_fields_among_other_lines_are_fields() -> None:
    """What is none that we know stays text."""
    sort, tell = "By size.\n**Dependencies:** Scan", "**Needs**: Sort\n**Owner:** eve"
    text = f"# Plan\n## Scan\nAll of it.\n## Sort\n{sort}\n## Tell\n{tell}\n"
    assert {"Scan": [], "Sort": ["Scan"], "Tell": ["Sort"]} == needs(text)
    told = [task["description"] for task in read(text)["tasks"]]
    assert ["All of it.", "By size.", "**Owner:** eve"] == told


PROFILE = """# Steps
## Step 1 - Profile
Use py-spy on the main entry.
Output: a flame graph

## Step 2 - Fix the hot spots
Depends on: Step 1
Output: a patch

## Step 3 - Measure again
Depends on: Step 2 (order)

Use the same entry.

Agent: shell
Command:

```sh
make measure
```

## Step 4 - Report
Note: Agent: shell is not used here.
After: Step 3
"""


def test_plain_lines_below_a_heading_are_fields() -> None:
    """As planners write them; what is left is the assignment, else the heading."""
    assert {
        "Profile": [],
        "Fix the hot spots": ["Profile"],
        "Measure again": ["Fix the hot spots (order)"],
        "Report": ["Measure again"],
    } == needs(PROFILE)
    tasks = read(PROFILE)["tasks"]
    assert [
        ("Use py-spy on the main entry.", "a flame graph"),
        ("Fix the hot spots", "a patch"),
        ("Use the same entry.", None),
        ("Report", None),
    ] == [(task["description"], task.get("expected")) for task in tasks]
    assert ("shell", "make measure") == (tasks[2]["agent"], script_of(tasks[2]["command"]).code)
    assert ["Agent: shell is not used here."] == tasks[3]["hints"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("Requires: Python 3.12", ([], "Look.\n\nRequires: Python 3.12", [])),
        ("Needs: Scan it, Sort it (order)", (["T-01", "T-02"], "Look.", [])),
        ("Dependencies: none", ([], "Look.", [])),
        ("Deps: T-01", (["T-01"], "Look.", [])),
        ("Needs: Scam it", ([], "Look.", ["did you mean “scan it”?"])),
        ("Depends on: Python", ([], "Look.", ["name a task or a heading as it is written there"])),
        ("**Requires:** Python", ([], "Look.", ["name a task or a heading as it is written there"])),
    ],
)  # fmt: skip
def test_a_plain_line_of_what_is_needed_may_name_no_task(
    line: str, told: tuple[list[str], str, list[str]]
) -> None:
    """Then it is text, unless a name is mistyped in it or its words can mean nothing but an order."""
    text = f"# X\n## Scan it\n## Sort it\n## Report\nLook.\n{line}\n"
    found = parse_draft(text.encode(), "o.md")
    task = found.data["tasks"][2]
    assert told == (
        [need["id"] for need in task["needs"]],
        task["description"],
        [each.hint for each in found.problems],
    )


def test_a_counted_task_may_be_named_by_its_name() -> None:
    """It is what the plan calls it."""
    text = "# X\n## Step 1 - Profile: look\nIt.\n## Task 2: Mend\nDepends on: Profile\n## Test\nNeeds: Mend\n"
    assert {"Profile": [], "Mend": ["Profile"], "Test": ["Mend"]} == needs(text)


def test_plain_lines_below_a_group_hold_for_its_tasks() -> None:
    """As its items of that kind do; above all tasks they are the request."""
    text = "# All\nAgent: nobody\n\n## Look\nAgent: claude\nPriority: P0\n- Scan\n- Sort\n## Tell\n"
    found = read(text)
    assert "Agent: nobody" == found["request"]
    assert [("claude", "P0"), ("claude", "P0"), (None, None)] == [
        (task.get("agent"), task.get("priority")) for task in found["tasks"]
    ]


def test_a_code_block_is_no_field() -> None:
    """Whatever its lines say."""
    (task,) = read("# X\n## Say it\n```\nOutput: a page\n```\n")["tasks"]
    assert ("```\nOutput: a page\n```", None) == (task["description"], task.get("expected"))


def test_facts_in_bold_lines_are_facts() -> None:
    """As planners write them, one heading for each task, which may be named by its number."""
    assert {
        "Gather requirements": [],
        "Design": ["Gather requirements"],
        "Write code (duration": ["Gather requirements", "Design"],
        "Write tests": ["Gather requirements", "Design"],
    } == needs(HEADINGS)
    tasks = read(HEADINGS)["tasks"]
    assert ("10 minutes", "a design doc", "5m") == (
        tasks[0]["estimate"],
        tasks[1]["expected"],
        tasks[3]["estimate"],
    )
    assert "Gather requirements" == tasks[0]["description"]


def test_what_is_said_of_an_item_with_one_below_it_holds_for_that() -> None:
    """Somebody who only adds a remark to a task makes a group of it."""
    said = "  - Output: a table\n  - Est: 5m\n  - Writes: a.md, b.md\n  - Details: by size\n"
    (task,) = read(f"- Scan it\n{said}  - Look with care\n")["tasks"]
    assert ("Look with care", "a table", "5m", ["a.md", "b.md"]) == (
        task["description"],
        task["expected"],
        task["estimate"],
        task["writes"],
    )
    assert ["Part of: Scan it", "About “Scan it”: description: by size"] == task["hints"]


def test_what_is_said_of_a_whole_group_is_told_to_each_of_its_tasks() -> None:
    """No task has all of the output, nor takes all of the time."""
    said = "- Output: a table\n- Est: 2h\n- Writes: a.md, b.md\n"
    for task in read(f"# X\n## Look\n{said}- Scan\n- Sort\n")["tasks"]:
        assert not task.keys() & {"expected", "estimate", "writes"}
        assert [
            "About “Look”: expected: a table",
            "About “Look”: estimate: 2h",
            "About “Look”: writes: a.md, b.md",
        ] == task["hints"][1:]


LINES = [
    ["Agent: shell", "Command: make release"],
    ["**Agent:** shell", "**Command:** `make release`"],
    ["agent: shell", "Output: a package of all", "files, signed", "Command: make release"],
    ["Writes: dist/a.whl, dist/b.whl", "Estimate: 5m", "Agent: shell", "Command:", "make release"],
    ["Needs: Build (order)", "Acceptance: it installs", "Id: REL-1", "Priority: P0"],
]


@pytest.mark.parametrize("lines", LINES, ids=" ".join)
@pytest.mark.parametrize("head", ["- Release it (after Build)", "1. Release it (after Build)"])
def test_lines_that_go_on_with_an_item_say_what_items_below_it_would(
    head: str, lines: list[str]
) -> None:
    """A bullet more or less is easily forgotten, and a command would go to an agent that costs money."""
    marked = "".join(f"   {'- ' if ':' in line else '  '}{line}\n" for line in lines)
    plain = "".join(f"   {line}\n" for line in lines)
    assert read(f"- Build\n\n{head}\n{marked}") == read(f"- Build\n\n{head}\n{plain}")


def test_a_line_below_the_first_field_says_something_too() -> None:
    """Only the first of them has a bullet here."""
    task, _ = read("- Release it\n  - Agent: shell\n    Command: make\n- Build it\n")["tasks"]
    assert ("shell", "make", "Release it") == (task["agent"], task["command"], task["description"])


def test_a_code_block_below_a_command_without_one_is_the_command() -> None:
    """Also where neither has a bullet."""
    for bullet in ("", "- "):
        below = "\n".join(
            f"  {line}"
            for line in (f"{bullet}Agent: shell", f"{bullet}Command:", "  ```sh", "  make", "  ```")
        )
        (task,) = read(f"- Release it\n{below}\n")["tasks"]
        assert ("Release it", "make") == (task["description"], script_of(task["command"]).code)


@pytest.mark.parametrize(
    ("lines", "left"),
    [
        (["and tell all", "Agent: claude", "Then rest."], ["and tell all", "Then rest."]),
        (["Agent: shell is not used here."], ["Agent: shell is not used here."]),
        (["Time: as long as it takes"], ["Time: as long as it takes"]),
        (["Files: all that you find"], ["Files: all that you find"]),
        (["Output:", "Owner: eve"], ["Output:", "Owner: eve"]),
        (["Output: a page", "Owner: eve"], ["Owner: eve"]),
        (["Output: a page", "Keep it short."], ["Keep it short."]),
        (["Agent: shell", "Command: `make`", "and keep it short"], ["and keep it short"]),
        (["Owner: eve", "the output: a page"], ["Owner: eve", "the output: a page"]),
    ],
)
def test_a_line_that_may_be_a_sentence_stays_one(lines: list[str], left: list[str]) -> None:
    """Its value could not be that of the field, or it begins with other words."""
    (task,) = read("\n  ".join(["- Release it", *lines]) + "\n")["tasks"]
    assert "\n".join(["Release it", *left]) == task["description"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a table", "of `a.md`", "(by size)"], "a table\nof `a.md`\n(by size)"),
        (
            ["a table of every column of every table, sorted by size, for the", "Ministry"],
            "a table of every column of every table, sorted by size, for the\nMinistry",
        ),
        (
            ["a table of every column of every table, sorted by size, for all of us.", "Be quick."],
            "a table of every column of every table, sorted by size, for all of us.",
        ),
    ],
)
def test_a_wrapped_value_is_whole(lines: list[str], expected: str) -> None:
    """A sentence of its own is none of it."""
    (task,) = read("\n  ".join(["- Release it", f"Output: {lines[0]}", *lines[1:]]) + "\n")["tasks"]
    assert expected == task["expected"]


@pytest.mark.parametrize(
    "text", ["Output: a\n" + "b\n" * 200_000, "Owner: eve\n\n" * 50_000], ids=["lines", "texts"]
)
def test_a_long_text_takes_linear_time(text: str) -> None:
    """So long that work which grows with its square would never come back."""
    (found,) = come_back(partial(parse_draft, file="o.md"), [f"# X\n## Y\n{text}".encode()])
    assert (1, ()) == (len(found.places), found.problems)
