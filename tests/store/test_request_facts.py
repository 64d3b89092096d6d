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
