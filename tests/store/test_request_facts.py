"""What an outline says about a task in lines of its own."""

from __future__ import annotations

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


def test_a_bold_dependency_counts_among_other_words_too() -> None:
    """Where a line is no field that we know, the paragraph stays text, and is read as such."""
    sort, tell = "By size.\n**Dependencies:** Scan", "**Needs**: Sort\n**Owner:** eve"
    text = f"# Plan\n## Scan\nAll of it.\n## Sort\n{sort}\n## Tell\n{tell}\n"
    assert {"Scan": [], "Sort": ["Scan"], "Tell": ["Sort"]} == needs(text)


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
