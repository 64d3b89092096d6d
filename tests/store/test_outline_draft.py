"""A request written down as an outline becomes the data of a draft."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.draft_check import read_draft
from orchestrator.store.draft_file import parse_draft
from tests.growth import come_back
from tests.store.outlines import needs, read

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
    about = "About “Design”: Everything goes to `docs/design`."
    assert ["Part of: Design", about] == schema["hints"]
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
        ("(when Scan is done)", ["Scan"]),
        ("(as soon as the scan and 2 are finished)", ["Scan", "Measure"]),
        (", when Measure is complete", ["Measure"]),
        ("(when Scan fails)", []),
        ("(when it rains)", []),
        ("and tell me when you are done", []),
        ("using the results of Measure", ["Measure"]),
        ("(after everything above)", ["Scan", "Measure"]),
        ('(requires "Measure")', ["Measure"]),
        ("and clean up after yourself", []),
        ("which needs care", []),
        ("(in Chinese)", []),
        ("after 2 weeks", []),
        (", once 2 minutes have passed", []),
        ("after 1, 2 and 4 minutes", []),
        ("after 2.5 hours or after 1-2 days", []),
        ("which needs 2 signatures", []),
        ("after 2", ["Measure"]),
        ("after 1 and 2.", ["Scan", "Measure"]),
        ("(after 1,2)", ["Scan", "Measure"]),
        ("after 2 and the scan", ["Measure", "Scan"]),
        ("after 2 is done", ["Measure"]),
        ("(after 2 (order))", ["Measure (order)"]),
        ("after #2 has run", ["Measure"]),
        ("after step 2 in any case", ["Measure"]),
    ],
)
def test_the_ways_to_say_after(phrase: str, expected: list[str]) -> None:
    """What names a task is a dependency; other prose is prose."""
    found = needs(f"1. A-1: Scan\n2. Measure\n3. Write the report {phrase}\n")
    assert expected == list(found.values())[-1]
    assert list(found)[-1].startswith("Write the report")


def test_phrases_are_no_part_of_a_name() -> None:
    """What was understood is not repeated."""
    assert ["Scan", "Report"] == list(needs("- Scan\n- Report (after Scan)\n"))
    assert ["Scan", "Report"] == list(needs("- Scan\n- Report, after Scan\n"))


@pytest.mark.parametrize(
    ("head", "id", "name"),
    [
        ("UTF-8 handling in the parser", "T-01", "UTF-8 handling in the parser"),
        ("SHA-256 check", "T-01", "SHA-256 check"),
        ("A-1: Scan", "A-1", "Scan"),
        ("[A-1] Scan", "A-1", "Scan"),
        ("A-1. Scan", "A-1", "Scan"),
        ("A-1 – Scan", "A-1", "Scan"),
        ("T-07 Scan", "T-07", "Scan"),
    ],
)
def test_a_word_with_a_number_is_an_id_only_where_it_is_set_apart(
    head: str, id: str, name: str
) -> None:
    """What only looks like one belongs to the task; `T-07` is how ids are written here."""
    task, _ = read(f"- {head}\n- Sort the rows\n")["tasks"]
    assert (id, name) == (task["id"], task["name"])


def test_ids_that_are_named_need_no_sign_behind_them() -> None:
    """Where one of a series is a dependency, all of them are ids."""
    found = read("- A-1 Scan\n- A-2 Sort (after A-1)\n- A-3 Print\n- UTF-8 tests, after A-3\n")
    assert ["A-1", "A-2", "A-3", "T-01"] == [task["id"] for task in found["tasks"]]
    assert ["Scan", "Sort", "Print", "UTF-8 tests"] == [task["name"] for task in found["tasks"]]
    names = {"UTF-8 handling": [], "Release": ["UTF-8 handling"]}
    assert names == needs("- UTF-8 handling\n- Release (after UTF-8 handling)\n")


def test_a_list_may_begin_at_any_number() -> None:
    """Also at 0."""
    text = "0. Set up\n1. Build\n2. Test (needs 1)\n3. Clean (needs 0)\n"
    assert {"Set up": [], "Build": [], "Test": ["Build"], "Clean": ["Set up"]} == needs(text)


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        ("(4m)", {"estimate": "4m"}),
        ("(~1h 30min)", {"estimate": "~1h 30min"}),
        ("(P0)", {"priority": "P0"}),
        ("(High)", {"priority": "High"}),
        ("(2D)", {}),
        ("(5M)", {}),
        ("(+2)", {}),
        ("(3.12)", {}),
        ("(2)", {}),
        ("(-)", {}),
        ("()", {}),
    ],
)
def test_remarks_in_brackets(remark: str, expected: dict[str, str]) -> None:
    """A duration with its unit and a priority say something about the task; the rest is its name."""
    (task,) = read(f"- Write the renderer {remark}\n")["tasks"]
    assert expected == {key: task[key] for key in ("estimate", "priority") if key in task}
    assert (f"Write the renderer {remark}" if not expected else "Write the renderer") == task[
        "name"
    ]


@pytest.mark.parametrize("word", ["none", "None", "-", "`none`", "n/a"])
def test_a_field_may_say_that_there_is_nothing(word: str) -> None:
    """As a cell of a table may; for a task it also takes back what its group says."""
    items = "".join(
        f"  - {name}: {word}\n" for name in ("Agent", "Needs", "Writes", "Id", "Inputs")
    )
    first, second = read(f"# X\n## Look\n- Agent: claude\n- Scan\n- Sort\n{items}")["tasks"]
    assert ("claude", "T-01") == (first["agent"], first["id"])
    assert ("", [], [], "T-02", []) == tuple(
        second[name] for name in ("agent", "needs", "writes", "id", "inputs")
    )


def test_a_line_of_blanks_takes_linear_time() -> None:
    """So many that work which grows with their square would never come back."""
    text = f"- Write{' ' * 500_000}the report\n".encode()
    (found,) = come_back(partial(parse_draft, file="o.md"), [text])
    assert (1, ()) == (len(found.places), found.problems)


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


def test_what_stands_above_the_tasks_of_a_group_is_whole_for_each() -> None:
    """A long background is cut for nobody."""
    tasks = read(f"# X\n## Look\n{'word ' * 3000}END\n\n- Scan\n- Sort\n")["tasks"]
    assert [True, True] == [task["hints"][1].endswith("END") for task in tasks]


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
        shown = found.problems[0].hint.removeprefix("a draft is ").partition(";")[0]
        assert 1 == len(read(shown)["tasks"])


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
    assert found is not None
    assert found.problems or len(found.places) == len(found.data["tasks"]) > 0
    read_draft(found.data, (), found.places)


@pytest.mark.parametrize(
    "words",
    [
        "(deps: Scan)",
        "(dependencies: Scan)",
        "(blocked by Scan)",
        "(waits for Scan)",
        "[needs: Scan]",
        "– depends on Scan",
        "Dependencies: Scan",
    ],
)
def test_the_usual_words_for_a_dependency_make_one(words: str) -> None:
    """And are no part of the name."""
    assert {"Scan": [], "Sort": [], "Do it": ["Scan"]} == needs(
        f"- Scan\n- Sort\n- Do it {words}\n"
    )


def test_what_only_looks_like_a_dependency_is_left_alone() -> None:
    """A link, a remark, a sentence."""
    text = (
        "- Scan\n- Sort [as asked](needs.md)\n- Wait for the sun\n- Look at deps\n- Do [x: Scan]\n"
    )
    assert [[], [], [], [], []] == list(needs(text).values())


def test_a_task_knows_what_it_is_a_part_of() -> None:
    """The words of a group stand in no other place; two tasks may be called the same in two of them."""
    text = "# X\n## Billing API\n- Draft it\n  - must mention the sale\n\n## Shop\n- Test (after Draft it)\n"
    first, second = read(text)["tasks"]
    assert ("must mention the sale", ["Part of: Billing API › Draft it"]) == (
        first["name"],
        first["hints"],
    )
    assert ["Part of: Shop"] == second["hints"]


@pytest.mark.parametrize("below", ["Just prose.", "| ID | Task |\n|--|--|\n| A | first |", ""])
def test_a_title_alone_is_no_task(below: str) -> None:
    """Nor is a table below it: that is a plan already."""
    (told,) = said(f"# Title\n\n{below}\n")
    assert "no task in this outline" in told


def test_what_is_ticked_is_planned_and_said() -> None:
    """Somebody may have ticked what is to be checked again; nobody else can know."""
    found = parse_draft(b"- [ ] Scan\n- [x] Sort\n- [X] Group\n  - Look\n", "o.md")
    assert 3 == len(found.data["tasks"])
    assert [("o.md:2", "ticked"), ("o.md:4", "ticked")] == [
        (each.where, each.code) for each in found.warnings
    ]
