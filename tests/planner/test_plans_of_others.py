"""The task lists of other tools: each is recognised, and means what it means there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.planner.draft import read_draft
from orchestrator.planner.draft_file import FORMS, parse_draft
from orchestrator.planner.outlines.items import OutlineResult

CASES = Path(__file__).parents[1] / "data" / "cases" / "outlines"


def case(name: str) -> OutlineResult:
    return parse_draft((CASES / name).read_bytes(), name)


def parsed(text: str, file: str = "tasks.md") -> OutlineResult:
    found = parse_draft(text.encode(), file)
    assert () == found.problems
    assert [] == read_draft(found.data, ("claude", "shell"), found.places)[1]
    return found


def waits(found: OutlineResult) -> dict[str, str]:
    """Id → what it waits for; ``-`` before what is only an order, and behind the others."""
    return {
        task["id"]: " ".join(
            need["id"] if need["kind"] == "data" else f"-{need['id']}"
            for need in sorted(task["needs"], key=lambda need: (need["kind"], need["id"]))
        )
        for task in found.data["tasks"]
    }


def task(found: OutlineResult, id: str) -> dict[str, Any]:
    command: dict[str, Any]
    (command,) = (each for each in found.data["tasks"] if each["id"] == id)
    return command


# ── Spec Kit ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_spec_kit_is_its_phases_and_marks() -> None:
    """One phase after the other, in a phase one task after the other, but for those with [P]."""
    found = case("spec-kit-without-dependencies.md")
    assert ("spec-kit", ()) == (found.form, found.problems)
    assert {
        "T002": "",
        "T003": "-T002",
        "T004": "-T003",
        "T005": "-T003",
        "T006": "-T004 -T005",
        "T007": "-T006",
        "T008": "-T007",
        "T009": "-T008",
    } == waits(found)
    assert ["done, and not planned again: T001"] == [each.message for each in found.warnings]


def test_spec_kit_hands_on_what_is_named() -> None:
    """`(depends on …)` counts besides the order, and is no part of the name."""
    found = case("spec-kit.md")
    assert ("T003 T004 -T006", "T006 T007") == (waits(found)["T007"], waits(found)["T008"])
    assert "Implement POST /forms in src/api/forms.py" == task(found, "T008")["name"]
    hints = "\n".join(task(found, "T008")["hints"])
    assert "People can hand in a form" in hints
    assert "Story: US1" in hints
    assert "/specs/001-form/" in hints


SPEC_KIT = """\
# Tasks: Users

## Phase 3.2: Tests First
- [ ] **T004** [P] Contract test in tests/a.py
      which has to fail
  - with a body
- [ ] T005 [P] Contract test in tests/b.py

### Implementation
- [ ] T008 [P] [US1] Model in src/a.py (depends on T004-T005)
- [ ] T009 [P] [US1] Model in src/b.py
- [ ] T010 [P] [US1] Model in src/c.py
- [ ] T011a Wire it (after T008/T009; see research.md)

## Dependencies
- Tests (T004-T005) before implementation (T008-T011a)
- T008 blocks T009
- T010 depends on T009

## Validation Checklist
- [ ] All contracts have tests

## Notes
- [P] tasks = different files
"""


def test_spec_kit_takes_ranges_and_its_section_of_dependencies() -> None:
    """Also ids in bold, texts on several lines, and points below a task."""
    found = parsed(SPEC_KIT)
    assert {
        "T004": "",
        "T005": "",
        "T008": "T004 T005",
        "T009": "-T004 -T005 -T008",
        "T010": "-T004 -T005 -T009",
        "T011a": "T008 T009 -T004 -T005 -T010",
    } == waits(found)
    assert "Contract test in tests/a.py\nwhich has to fail\n\n- with a body" == (task(found, "T004")["description"])
    assert () == found.warnings


def test_spec_kit_lets_a_name_count_more_than_the_place() -> None:
    """`[P]` beside a task that stands below it makes no circle."""
    text = "- [ ] T005 [P] Hash (depends on T007 models)\n- [ ] T006 [P] Log\n- [ ] T007 Models\n"
    assert {"T005": "T007", "T006": "", "T007": "-T006"} == waits(parsed(text))


def test_spec_kit_tells_of_a_box_without_an_id_and_refuses_an_id_without_a_task() -> None:
    """Neither is dropped without a word."""
    text = "## Phase 1\n- [ ] T001 Scan\n- [ ] T002 Sort\n- [ ] Print\n"
    (told,) = parsed(text).warnings
    assert ("1 item without an id such as T001: not planned", "tasks.md:4") == (told.message, told.where)
    (problem,) = parse_draft(b"- [ ] T001 Scan (depends on T009)\n", "t.md").problems
    assert ("unknown_dependency", "t.md:1") == (problem.code, problem.where)


def test_only_kiro_has_a_sign_for_work_under_way() -> None:
    """In other files it stands for what is deferred or dropped: nobody pays for that unseen."""
    (problem,) = parse_draft(b"- [ ] T001 Scan\n- [~] T002 Sort\n", "t.md").problems
    assert ("unclear_box", "t.md:2") == (problem.code, problem.where)
    assert ["1", "2"] == list(waits(parsed("- [-] 1. Scan\n- [~] 2. Sort\n")))


# ── Kiro ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_kiro_is_its_lowest_numbers() -> None:
    """Points of detail belong to their task; what is ticked or optional is named and left out."""
    found = case("kiro.md")
    assert ("kiro", ()) == (found.form, found.problems)
    assert {"2.2": "", "3": "-2.2", "4.1": "-3", "4.2": "4.1", "5": "-4.2"} == waits(found)
    assert ["done, and not planned again: 1, 2.1", "optional (*), and not planned: 2.3"] == [
        each.message for each in found.warnings
    ]
    one = task(found, "2.2")
    assert "- Convert raw text into Message objects\n- _Requirements: 1.1, 1.3_" in (one["description"])
    assert ["Part of: 2. Implement parsing of messages"] == one["hints"]
    assert ["1", "2"] == list(waits(case("kiro-of-one-level.md")))


KIRO = """\
# Implementation Plan

## Overview
Small steps.

## Tasks

- [ ] 1. Backend
  - [ ] 1.1 (P) Write the store
    - A table
    - [ ] with an index
  - [ ] 1.2 (P) Write the reader
    - _Requirements: 1.1_
  - [ ]* 1.3 Write the property test
- [ ] 2. Checkpoint - Ensure all tests pass
- [ ] 3. Frontend
- [ ] 3.1 Write the page
  - _Depends: 1_
- [ ] 4. Checkpoint - Ensure all tests pass

## Notes
- Tasks marked with `*` are optional
"""


def test_kiro_marks_and_flat_lists() -> None:
    """(P) runs beside its neighbours; two checkpoints of one name are told apart; a group stands for its tasks."""
    found = parsed(KIRO)
    assert {"1.1": "", "1.2": "", "2": "-1.1 -1.2", "3.1": "1.1 1.2 -2", "4": "-3.1"} == waits(found)
    names = ["Checkpoint - Ensure all tests pass (2)", "Checkpoint - Ensure all tests pass (4)"]
    assert names == [task(found, id)["name"] for id in ("2", "4")]
    assert "- A table\n- [ ] with an index" in task(found, "1.1")["description"]
    assert "Part of: Frontend" in task(found, "3.1")["hints"]


@pytest.mark.parametrize(
    "waves", ['[{"id": 0, "tasks": ["1.1", "3.1"]}, {"id": 1, "tasks": ["1.2"]}]', '[["1.1", "3.1"], ["1.2"]]']
)
def test_kiro_waves_say_what_runs_beside_what(waves: str) -> None:
    """A checkpoint that is in no wave comes behind what stands above it."""
    graph = f'## Task Dependency Graph\n\n```json\n{{\n  "waves": {waves}\n}}\n```\n'
    found = waits(parsed(KIRO.replace("  - _Depends: 1_\n", "") + graph))
    assert {"1.1": "", "3.1": "", "1.2": "-1.1 -3.1", "2": "-1.2", "4": "-2"} == found


# ── OpenSpec ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_openspec_is_done_from_top_to_bottom() -> None:
    """Groups and numbers."""
    found = case("openspec.md")
    assert ("openspec", (), ()) == (found.form, found.problems, found.warnings)
    assert {"1.1": "", "1.2": "-1.1", "1.3": "-1.2", "2.1": "-1.3", "2.2": "-2.1"} == waits(found)
    assert ["Part of: 1. Implementation"] == task(found, "1.2")["hints"]


def test_openspec_counts_what_has_no_number() -> None:
    """The heading has one; what somebody wraps or adds below a task is its text."""
    text = (
        "## 1. Core\n- [x] Add a table\n- [ ] Add a reader\n      of rows\n  - Run: `make`\n\n"
        "## 2. Tests\n- [ ] Test it\n"
    )
    found = parsed(text)
    assert ("openspec", {"1.2": "", "2.1": "-1.2"}) == (found.form, waits(found))
    assert "Add a reader\nof rows\n\n- Run: `make`" == task(found, "1.2")["description"]


# ── superpowers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_superpowers_is_its_tasks_and_no_steps() -> None:
    """Files, steps, code and constraints stand in each assignment; what a task names is handed to it."""
    found = case("superpowers.md")
    assert ("superpowers", (), ()) == (found.form, found.problems, found.warnings)
    assert {"T-01": "", "T-02": "T-01"} == waits(found)
    first, second = (task(found, id)["description"] for id in ("T-01", "T-02"))
    for text in ("src/lib/carousel.js", "Step 4: Commit", 'git commit -m "feat: badge helper"'):
        assert (True, False) == (text in first, text in second)
    for text in ("Strings must be added in both languages", "**Tech Stack:** React, Vitest"):
        assert text in first
        assert text in second
    assert ["T-01"] == list(waits(case("superpowers-of-one-task.md")))


SUPERPOWERS = """\
# Hardening Plan

> **For Claude:** REQUIRED SUB-SKILL: Use superpowers:executing-plans to implement this plan task-by-task.

## Phase 1: Locks

Why locks.

### Task 1: Add locks ✅ COMPLETED

**Step 1: Write**

```markdown
### Task 9: Not one
- [ ] no step
```

### Task 2: Use locks

- [x] **Step 1: Write**
- [x] **Step 2: Commit**

## Phase 2: Queues

Why queues.

### Task 3: Add queues

- [x] **Step 1: Write**
- [ ] **Step 2: Commit**

### Task 3a: Use queues

- [ ] **Step 1:** after Tasks 1-3

## Self-Review

All is covered.
"""


def test_superpowers_ticks_phases_and_fences() -> None:
    """A task is done when all its steps are; what is in a fence is code; a phase is told to its own tasks."""
    found = parsed(SUPERPOWERS)
    assert {"T-03": "", "T-3a": "T-03"} == waits(found)
    text = task(found, "T-03")["description"]
    assert "- [x] **Step 1: Write**" in text
    assert "Why queues." in text
    assert "All is covered." in text
    assert "no step" not in text


# ── Task Master ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _task(id: int, *needs: object, status: str = "pending", **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "title": f"Write part {id}",
        "description": f"It is part {id}.",
        "details": "With care.",
        "testStrategy": "Run it.",
        "priority": "high",
        "dependencies": list(needs),
        "status": status,
        "subtasks": [],
        **more,
    }


@pytest.mark.parametrize("tag", ["", "master", "feature"])
def test_task_master_is_its_subtasks_and_numbers(tag: str) -> None:
    """With a tag and without; naming a task means all its subtasks."""
    below = [_task(1, status="done"), _task(2, 1), _task(3, 2), _task(4, "1.2")]
    tasks = [_task(1, subtasks=below), _task(2, "1"), _task(3, 2, "1.3"), _task(4, status="cancelled")]
    data = {tag: {"tasks": tasks, "metadata": {}}} if tag else {"tasks": tasks}
    found = parsed(json.dumps(data), "tasks.json")
    assert "taskmaster-json" == found.form
    assert {"1.2": "", "1.3": "1.2", "1.4": "1.2", "2": "-1.2 -1.3 -1.4", "3": "1.3 2"} == waits(found)
    assert ["done, and not planned again: 1.1, 4"] == [each.message for each in found.warnings]
    one = task(found, "1.2")
    assert ("high", ["Run it."]) == (one["priority"], one["acceptance"])
    assert "Write part 2\n\nIt is part 2.\n\nWith care." == one["description"]
    assert "Part of: Write part 1" in one["hints"]


def test_task_master_refuses_what_it_cannot_know() -> None:
    """Two tags with open tasks, a status of nobody, a number of no task."""
    for data, code in (
        ({"a": {"tasks": [_task(1)]}, "b": {"tasks": [_task(1)]}}, "several_tags"),
        ({"tasks": [_task(1, status="frozen")]}, "unclear_status"),
        ({"tasks": [_task(1, 9)]}, "unknown_dependency"),
        ({"tasks": [_task(1), {"title": "x"}]}, "bad_id"),
        ({"tasks": [_task(1, status="done")]}, "empty_plan"),
    ):
        found = parse_draft(json.dumps(data).encode(), "tasks.json")
        assert [code] == [each.code for each in found.problems]


# ── all of them ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["ids-in-brackets.md", "ids-in-round-brackets.md"])
def test_ids_in_brackets(name: str) -> None:
    """Each reference makes a dependency."""
    found = case(name)
    assert ("checklist", ()) == (found.form, found.problems)
    command = {
        "DOC-1": "",
        "DOC-2": "DOC-1",
        "DOC-3": "DOC-2",
        "DOC-4": "DOC-2",
        "DOC-5": "DOC-1",
        "M1.01": "",
        "M1.02": "M1.01",
    }
    short = {"DOC-1": "", "DOC-2": "DOC-1", "DOC-3": "DOC-1"}
    assert (command if name == "ids-in-brackets.md" else short) == waits(found)
    assert "Add the importer of sources" == task(found, "DOC-2")["name"].split(".")[0]


def test_none_with_a_remark() -> None:
    """It names tasks, and is none all the same."""
    assert {"WP01": "", "WP02": "WP01", "WP03": "WP01"} == waits(case("none-with-a-remark.md"))


def test_a_form_that_is_asked_for_is_taken_or_refused() -> None:
    """No other form is tried."""
    assert {"auto", "checklist", "kiro", "openspec", "spec-kit", "superpowers", "taskmaster-json", "workflow"} == set(
        FORMS
    )
    text = b"- [ ] 1.1 Scan\n- [ ] 1.2 Sort\n"
    assert "kiro" == parse_draft(text, "t.md", "kiro").form
    for form in set(FORMS) - {"auto", "kiro", "openspec", "checklist"}:
        assert parse_draft(text, "t.md", form).problems
