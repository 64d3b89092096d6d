"""A checklist or an outline of one's own becomes the data of a draft."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.planner.draft import read_draft
from orchestrator.planner.draft_file import parse_draft
from tests.growth import come_back
from tests.planner.outlines import needs, read

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
1. Write the user model
2. Write the routes (needs 1)
   - Needs: Design API spec (order)
   - Writes: `src/routes.py`, src/app.py
   - Acceptance:
     - it runs
     - it is fast

## Test
- Check everything that was built. Depends on Build.
"""


def problems(text: str) -> list[str]:
    return [str(problem) for problem in parse_draft(text.encode(), "o.md").problems]


def warnings(text: str) -> list[str]:
    return [str(problem) for problem in parse_draft(text.encode(), "o.md").warnings]


def test_a_whole_outline() -> None:
    """Title, request, goals, groups, tasks, and what is said about each of them."""
    found = read(FEATURE)
    assert "Add user authentication" == found["title"]
    assert "Users can register and log in.\n\nKeep it simple." == found["request"]
    assert "somebody can log in" == found["goal"]
    assert (["Nobody waits longer than a second"], ["The tests pass"]) == (found["goals"], found["success"])
    schema, spec, model, routes, test = found["tasks"]
    assert ["T-01", "T-02", "T-03", "T-04", "T-05"] == [task["id"] for task in found["tasks"]]
    assert ("Design DB schema", "4m", "a table of columns") == (schema["name"], schema["estimate"], schema["expected"])
    assert "Design DB schema: list the tables for users and tokens" == schema["description"]
    about = "About “Design”: Everything goes to `docs/design`."
    assert ["Part of: Design", about] == schema["hints"]
    assert ("Design API spec", "P0") == (spec["name"], spec["priority"])
    assert "Write the user model" == model["description"]
    assert ["src/routes.py", "src/app.py"] == routes["writes"]
    assert ["it runs", "it is fast"] == routes["acceptance"]
    assert "Check everything that was built. Depends on Build." == test["description"]


def test_a_group_is_only_put_before_and_a_task_hands_over_what_it_found() -> None:
    """Who names one task works from its answer; a phase before another would hand on everything."""
    assert {
        "Design DB schema": [],
        "Design API spec": [],
        "Write the user model": ["Design DB schema (order)", "Design API spec (order)"],
        "Write the routes": ["Design API spec (order)", "Write the user model", "Design DB schema (order)"],
        "Check everything that was built.": ["Write the user model (order)", "Write the routes (order)"],
    } == needs(FEATURE)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("(after Scan)", ["Scan"]),
        ("(after scan and Measure)", ["Scan", "Measure"]),
        ("(depends on A-1, Measure)", ["Scan", "Measure"]),
        ("(needs A-1 (order) & Measure (resource))", ["Scan (order)", "Measure (resource)"]),
        ('(requires "Measure")', ["Measure"]),
        ("(requires: [A-1])", ["Scan"]),
        ("[needs: Scan]", ["Scan"]),
        ("@after(A-1)", ["Scan"]),
        ("(waits for Scan)", ["Scan"]),
        ("(blocked by Scan)", ["Scan"]),
        ("(blocked on #1)", ["Scan"]),
        ("(deps: Scan)", ["Scan"]),
        (", after Scan and Measure.", ["Scan", "Measure"]),
        ("– depends on Scan", ["Scan"]),
        ("Depends on task 2.", ["Measure"]),
        ("after A-1 has ended", ["Scan"]),
        ("once [A-1] is merged", ["Scan"]),
        ("after 2", ["Measure"]),
        ("(after 1,2)", ["Scan", "Measure"]),
        ("(after 2 (order))", ["Measure (order)"]),
    ],
)
def test_the_ways_to_say_what_a_task_waits_for(phrase: str, expected: list[str]) -> None:
    """In brackets, at the end, or with an id anywhere; it is no part of the name."""
    found = needs(f"1. A-1: Scan\n2. Measure\n3. Write the report {phrase}\n")
    assert expected == list(found.values())[-1]
    assert list(found)[-1].startswith("Write the report")


def test_the_other_direction() -> None:
    """`Blocks` says what waits."""
    text = "- [A1] Draw\n- [A2] Print\n  - Blocked by: A1\n- [A3] Frame\n  - Blocks: A2, A1\n"
    assert {"Draw": ["Frame"], "Print": ["Draw", "Frame"], "Frame": []} == needs(text)


def test_the_number_of_an_issue_is_an_id() -> None:
    """By which others name it."""
    text = "- [ ] #123 Fix the login\n- [ ] Write about it (blocked by #123)\n"
    assert {"Fix the login": [], "Write about it": ["Fix the login"]} == needs(text)


def test_items_with_labels_say_something_about_the_one_above_them() -> None:
    """Also with a label that nobody knows here."""
    (task,) = read("- Scan it\n  - Owner: eve\n  - Estado: abierto\n")["tasks"]
    assert "Scan it\n\n- Owner: eve\n- Estado: abierto" == task["description"]


@pytest.mark.parametrize(
    "phrase",
    [
        "after 2 weeks",
        "(after 2 weeks)",
        ", once 2 minutes have passed",
        "after 2.5 hours or after 1-2 days",
        "which needs 2 signatures",
        "(requires Python 3.12)",
        "(when it rains)",
        "and clean up after yourself",
        "[as asked](needs.md)",
        "(API)",
    ],
)
def test_prose_is_prose(phrase: str) -> None:
    """What names no task makes no dependency."""
    found = needs(f"- Scan\n- Measure\n- Write the report {phrase}\n")
    assert [] == list(found.values())[-1]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- Scan\n- Report (after Scam)\n", "o.md:2: “Report” is to come after “Scam”, which names nothing"),
        ("- Scan\n- Report\n  - Depends on: Scan, Sort\n", "“Sort”"),
        ("- Scan\n- Report after T-99\n", "“T-99”"),
        ("- [A-1] Scan\n- [A-2] Report. Blocked by: A-7\n", "“A-7”"),
    ],
)  # fmt: skip
def test_what_names_nothing_is_refused(text: str, words: str) -> None:
    """A mistyped name would silently make a plan in the wrong order."""
    assert any(words in message for message in problems(text))


def test_an_id_that_makes_no_dependency_is_told() -> None:
    """In whatever language it is named; one that is ordered otherwise is fine."""
    (told,) = warnings("- [A-1] Zeichnen\n- [A-2] Testen, während [A-1] endet\n")
    assert "o.md:2: “A-1” names another task, and makes no dependency" == told
    assert [] == warnings("- [A-1] Draw\n- [A-2] Test what [A-1] drew (after A-1)\n")


def test_a_section_of_dependencies_is_no_task() -> None:
    """Nor is it dropped without a word."""
    text = "# X\n## Dependencies\n- **Task:** TP-165\n\n## Steps\n- Write it\n- Test it\n"
    assert ["Write it", "Test it"] == [task["name"] for task in read(text)["tasks"]]
    (told,) = warnings(text)
    assert told.startswith("o.md:2: “Dependencies” makes no dependency")


@pytest.mark.parametrize(
    ("head", "id", "name"),
    [
        ("UTF-8 handling in the parser", "T-01", "UTF-8 handling in the parser"),
        ("SHA-256 check", "T-01", "SHA-256 check"),
        ("A-1: Scan", "A-1", "Scan"),
        ("[A-1] Scan", "A-1", "Scan"),
        ("(A-1) Scan", "A-1", "Scan"),
        ("**A-1** Scan", "A-1", "Scan"),
        ("**A-1:** Scan", "A-1", "Scan"),
        ("A-1. Scan", "A-1", "Scan"),
        ("A-1 – Scan", "A-1", "Scan"),
        ("M1.02: Scan", "M1.02", "Scan"),
        ("WP01: Scan", "WP01", "Scan"),
        ("T-07 Scan", "T-07", "Scan"),
    ],
)
def test_a_word_with_a_number_is_an_id_only_where_it_is_set_apart(head: str, id: str, name: str) -> None:
    """What only looks like one belongs to the task; `T-07` is how ids are written here."""
    task, _ = read(f"- {head}\n- Sort the rows\n")["tasks"]
    assert (id, name) == (task["id"], task["name"])


def test_a_series_of_ids_needs_no_sign_behind_them() -> None:
    """Two that begin alike are no words of their tasks."""
    found = read("- A-1 Scan\n- A-2 Sort (after A-1)\n- A-3 Print\n- UTF-8 tests, after A-3\n")
    assert ["A-1", "A-2", "A-3", "T-01"] == [task["id"] for task in found["tasks"]]
    assert ["Scan", "Sort", "Print", "UTF-8 tests"] == [task["name"] for task in found["tasks"]]


@pytest.mark.parametrize(
    ("remark", "expected"),
    [
        ("(4m)", {"estimate": "4m"}),
        ("(~1h 30min)", {"estimate": "~1h 30min"}),
        ("(P0)", {"priority": "P0"}),
        ("(High)", {"priority": "High"}),
        ("(2D)", {}),
        ("(+2)", {}),
        ("(3.12)", {}),
        ("()", {}),
    ],
)
def test_remarks_in_brackets(remark: str, expected: dict[str, str]) -> None:
    """A duration with its unit and a priority say something about the task; the rest is its name."""
    (task,) = read(f"- Write the renderer {remark}\n")["tasks"]
    assert expected == {key: task[key] for key in ("estimate", "priority") if key in task}
    name = "Write the renderer" if expected else f"Write the renderer {remark}"
    assert name == task["name"]


@pytest.mark.parametrize("word", ["none", "None", "-", "`none`", "n/a"])
def test_a_field_may_say_that_there_is_nothing(word: str) -> None:
    """As a cell of a table may; for a task it also takes back what its group says."""
    items = "".join(f"  - {name}: {word}\n" for name in ("Agent", "Needs", "Writes", "Id", "Inputs"))
    first, second = read(f"# X\n## Look\n- Agent: claude\n- Scan\n- Sort\n{items}")["tasks"]
    assert ("claude", "T-01") == (first["agent"], first["id"])
    assert ("", [], [], "T-02", []) == tuple(second[name] for name in ("agent", "needs", "writes", "id", "inputs"))


# ── boxes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_where_there_are_boxes_they_are_the_tasks() -> None:
    """What else stands below one is its text; what stands beside is told."""
    text = "# Do\n- [ ] Scan\n  - every file\n  - no link\n- [ ] Sort\n- Mind the gap\n\n## Notes\n- [P] = parallel\n"
    scan, sort = read(text)["tasks"]
    assert ("Scan\n\n- every file\n- no link", "Sort") == (scan["description"], sort["description"])
    assert "- [P] = parallel" in read(text)["request"]
    (told,) = warnings(text)
    assert "o.md:6: 1 item without a box, beside others that have one: not planned" == told


def test_what_is_ticked_is_named_and_not_planned_again() -> None:
    """Whoever waits for it waits no more."""
    text = "- [x] Scan\n- [ ] Sort (after Scan)\n- [X] Group\n  - [x] Look\n"
    assert {"Sort": []} == needs(text)
    assert ["o.md:1: done, and not planned again: T-01, T-03"] == warnings(text)
    assert ["o.md:1: all 1 tasks are done"] == problems("- [x] Scan\n")
    assert [] == problems("- [x] Scan (after lunch)\n- [ ] Sort\n")


def test_a_box_that_says_neither_is_refused() -> None:
    """One tool crosses out with what another uses for work under way."""
    (told,) = problems("- [ ] Scan\n- [>] Sort\n")
    assert "o.md:2: [>] says neither that it is open nor that it is done" == told


def test_nested_boxes_make_a_group() -> None:
    """The lowest ones are the tasks, and know what they are a part of."""
    text = "- [ ] Look\n  at all of it\n  - [ ] Scan\n  - [ ] Sort (after Scan)\n- [ ] Print (after Look)\n"
    assert {"Scan": [], "Sort": ["Scan"], "Print": ["Scan (order)", "Sort (order)"]} == needs(text)
    assert ["Part of: Look", "About “Look”: at all of it"] == read(text)["tasks"][0]["hints"]


# ── order ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_numbers_put_a_list_in_order() -> None:
    """But where an item names what it waits for, those names are all there is."""
    steps = "1. Scan\n2. Sort\n3. Print\n"
    assert {"Scan": [], "Sort": ["Scan (order)"], "Print": ["Sort (order)"]} == needs(steps)
    assert {"Scan": [], "Sort": [], "Print": ["Scan"]} == needs("1. Scan\n2. Sort\n3. Print (after 1)\n")
    assert {"Scan": [], "Sort": []} == needs("- Scan\n- Sort\n")


def test_a_mark_makes_neighbours_parallel() -> None:
    """As in other forms."""
    text = "1. Scan\n2. [P] Sort\n3. Count [P]\n4. Print\n"
    assert {
        "Scan": [],
        "Sort": ["Scan (order)"],
        "Count": ["Scan (order)"],
        "Print": ["Sort (order)", "Count (order)"],
    } == needs(text)


def test_a_list_may_begin_at_any_number() -> None:
    """Also at 0."""
    text = "0. Set up\n1. Build\n2. Test (needs 1)\n3. Clean (needs 0)\n"
    assert {"Set up": [], "Build": [], "Test": ["Build"], "Clean": ["Set up"]} == needs(text)


@pytest.mark.parametrize("heads", [("Phase 1: Look", "Phase 2: Tell"), ("Etapa 1: A", "Etapa 2: B")])  # fmt: skip
def test_counted_headings_come_one_after_the_other(heads: tuple[str, str]) -> None:
    """In any language."""
    text = f"# X\n## {heads[0]}\n- [ ] Scan\n- [ ] Sort\n## {heads[1]}\n- [ ] Print\n"
    assert {"Scan": [], "Sort": [], "Print": ["Scan (order)", "Sort (order)"]} == needs(text)


HEADINGS = """# Plan
## Task 1: Gather requirements
**Dependencies:** None
**Estimated time:** 10 minutes

## Task 2: Design
**Dependencies:** Task 1
**Expected output:** a design doc

## Task 3: Implement
__Depends on:__ Task 1, Task 2
- Write code
- Write tests
"""


def test_a_heading_that_is_counted_as_a_task_is_one() -> None:
    """With all that stands below it."""
    assert {
        "Gather requirements": [],
        "Design": ["Gather requirements"],
        "Implement": ["Gather requirements", "Design"],
    } == needs(HEADINGS)
    first, second, third = read(HEADINGS)["tasks"]
    assert ("10 minutes", "a design doc") == (first["estimate"], second["expected"])
    assert "Implement\n\n- Write code\n- Write tests" == third["description"]


README = """\
# Tool
It does things.

## Install
Run this.

```sh
make
```

## Features
There are two.

- fast
- small

## Licence
MIT.
"""


# ── what is none ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    ["", "Only prose here.\n", "# Title\n\nJust prose.\n", "# X\n## Scan\nAll of it.\n\n## Sort\nBy size.\n", README],
)
def test_a_text_is_no_list_of_tasks(text: str) -> None:
    """An agent may make a plan of it; half of it would be none."""
    (problem,) = parse_draft(text.encode(), "o.md").problems
    assert ("unknown_format", "o.md:1") == (problem.code, problem.where)
    assert "`orchestrator plan o.md`" in problem.hint


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
        ["# A", "## B (after C)", "- x", "  - y: z", "1. in order", "   - Needs: x", "```", "| a |", "> q", "",
         "- [ ] 1.1 a", "- [x] 2. b", "- [ ] T001 [P] c", "### Task 1: d", "**Files:**", "- [ ]", "## 1. e"]
    )
    | st.text("ab-#*_ ()[]:`\n\t1.", max_size=12),
    max_size=12,
)  # fmt: skip


@given(lines)
def test_no_document_is_too_strange(text: list[str]) -> None:
    """Whatever it is, it becomes tasks with places or is blamed."""
    found = parse_draft("\n".join(text).encode(), "o.md")
    assert found.problems or len(found.places) == len(found.data["tasks"]) > 0
    read_draft(found.data or {}, (), found.places)


@pytest.mark.parametrize(
    "text",
    [
        f"- Write{' ' * 200_000}the report\n",
        "# X\n- Y\n  Output: a\n" + "  b\n" * 50_000,
        "# X\n## Task 1: Y\n" + "Owner: eve\n\n" * 30_000,
        "- " + "after (" * 20_000 + "\n",
        "- [ ] T001 " + "depends on " * 20_000 + "\n",
    ],
    ids=["blanks", "lines", "texts", "brackets", "words"],
)
def test_a_long_text_takes_linear_time(text: str) -> None:
    """So long that work which grows with its square would never come back."""
    (found,) = come_back(partial(parse_draft, file="o.md"), [text.encode()])
    assert 1 == len(found.places)
