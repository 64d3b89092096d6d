"""What a planner answered becomes a draft, or every reason why not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.draft import Draft, Need, TaskInput
from orchestrator.planner.draft import MOST_DESCRIPTION, read_draft

SCAN = {"id": "T-01", "name": "Scan", "description": "List the source files"}
REPORT = {"id": "T-02", "name": "Report", "description": "Write the report", "needs": ["T-01"]}


def good(*tasks: dict[str, Any], **about: Any) -> Draft:
    draft, problems = read_draft({"tasks": list(tasks), **about}, ("claude", "shell"))
    assert [] == problems
    return draft


def wrong(*tasks: Any) -> list[tuple[str, str]]:
    """Code and place of every problem."""
    _, problems = read_draft({"tasks": list(tasks)}, ("claude", "shell"))
    assert all(problem.hint and problem.message for problem in problems)
    return [(problem.code, problem.where) for problem in problems]


def test_a_whole_draft() -> None:
    """Every field has its place; durations and priorities read as they do in a plan."""
    draft = good(
        SCAN,
        {
            **REPORT,
            "needs": [{"id": "T-01", "kind": "order"}],
            "inputs": [{"name": "root", "value": "src", "type": "directory", "source": "Project"}, "all of it"],
            "expected": "A page",
            "acceptance": ["it is short", "it is true"],
            "constraints": "read only",
            "hints": ["begin at main"],
            "agent": "claude",
            "type": "documentation",
            "estimate": "3m",
            "priority": "P0",
            "writes": ["report.md"],
        },
        title="Look",
        request="Look at it",
        goal="A report",
        goals=["quickly"],
        success=["somebody reads it"],
    )
    task = draft.tasks[1]
    assert (Need("T-01", "order"),) == task.needs
    assert (TaskInput("root", "src", "directory", "Project"), TaskInput("input", "all of it")) == task.inputs
    assert (180.0, 1000, ("read only",)) == (task.estimate, task.priority, task.constraints)
    assert ("A report", ("quickly",), ("somebody reads it",)) == (draft.goal, draft.goals, draft.success)
    row = task.row
    assert (("T-01",), (("T-01", "order"),), ()) == (row.needs, row.need_kinds, row.data_needs)
    assert ["Agent-01", "claude"] == [each.row.agent for each in draft.tasks]


def test_of_two_kinds_for_one_need_what_is_handed_over_counts() -> None:
    """Nobody loses a result because it was named twice."""
    twice = good(SCAN, {**REPORT, "needs": [{"id": "T-01", "kind": "resource"}, "T-01"]})
    assert (Need("T-01"),) == twice.tasks[1].needs


def test_a_name_comes_from_the_description_and_the_other_way_round() -> None:
    """One of the two is enough."""
    draft = good({"id": "a", "name": "Scan it"}, {"id": "b", "description": "Write the report"})
    assert ["Scan it", "Write the report"] == [task.description for task in draft.tasks]
    assert ["Scan it", "Write the report"] == [task.name for task in draft.tasks]


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ([SCAN, {**REPORT, "needs": ["T-9"]}], [("unknown_dependency", "tasks[1].needs")]),
        ([SCAN, {**REPORT, "needs": ["T-02"]}], [("self_dependency", "tasks[1].needs")]),
        ([{**SCAN, "needs": ["T-02"]}, REPORT], [("cycle", "tasks[0].needs")]),
        ([SCAN, {**REPORT, "id": "T-01", "needs": []}], [("duplicate_id", "tasks[1].id")]),
        ([{**SCAN, "id": "../x"}], [("bad_id", "tasks[0].id")]),
        ([{"name": "No id"}], [("bad_id", "tasks[0].id")]),
        ([SCAN, {**REPORT, "name": "sCaN"}], [("duplicate_name", "tasks[1].name")]),
        ([{**SCAN, "agent": "gpt"}], [("unknown_agent", "tasks[0].agent")]),
        ([{**SCAN, "agent": "shell"}], [("no_command", "tasks[0].command")]),
        ([{**SCAN, "command": "ls"}], [("no_shell", "tasks[0].command")]),
        ([{"agent": "claude", **SCAN, "command": "ls"}], [("no_shell", "tasks[0].command")]),
        ([{**SCAN, "estimate": "soon"}], [("bad_draft", "tasks[0].estimate")]),
        ([{**SCAN, "priority": ["P0"]}], [("bad_draft", "tasks[0].priority")]),
        ([{**SCAN, "depends": ["T-02"]}], [("bad_draft", "tasks[0]")]),
        ([{**SCAN, "needs": "T-02"}], [("bad_draft", "tasks[0].needs")]),
        ([{**SCAN, "needs": [3]}], [("bad_draft", "tasks[0].needs[0]"), ("bad_id", "tasks[0].needs")]),
        ([{**SCAN, "acceptance": [{}]}], [("bad_draft", "tasks[0].acceptance[0]")]),
        ([{**SCAN, "description": "x" * (MOST_DESCRIPTION + 1)}], [("bad_draft", "tasks[0].description")]),
        (["T-01"], [("bad_draft", "tasks[0]"), ("bad_id", "tasks[0].id")]),
        ([], [("empty_plan", "tasks")]),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, list) and value else None,
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tasks: list[Any], expected: list[tuple[str, str]]) -> None:
    """A path leads to every mistake, and a hint away from it."""
    found = wrong(*tasks)
    assert expected[0] in found
    assert {place for _, place in expected} >= {place for _, place in found}


def test_an_unknown_kind_and_a_cycle_name_what_there_is() -> None:
    """The kinds are listed, and the cycle is shown as a path."""
    kinds = {**REPORT, "needs": [{"id": "T-01", "kind": "soft"}]}
    (problem,) = read_draft({"tasks": [SCAN, kinds]}, ())[1]
    assert ("tasks[1].needs[0].kind", "the kinds are data, order, resource") == (problem.where, problem.hint)
    (problem,) = read_draft({"tasks": [{**SCAN, "needs": ["T-02"]}, REPORT]}, ())[1]
    assert "T-01 → T-02 → T-01" in problem.message


def test_who_asks_for_nobody_is_told_how() -> None:
    """An agent of that name could be known, so no word means the default one."""
    (problem,) = read_draft({"tasks": [{**SCAN, "agent": "none"}]}, ("claude",))[1]
    assert "known are claude; leave it out for the default agent" == problem.hint


@pytest.mark.parametrize("command", ["echo a\0b", "echo \udce9"])
def test_a_command_that_is_no_text_is_refused(command: str) -> None:
    """Without a character of it, it would be another one."""
    task = {**SCAN, "agent": "shell", "command": command}
    (problem,) = read_draft({"tasks": [task]}, ("shell",))[1]
    said = "a NUL, or half of a character, is not a text"
    assert ("tasks[0].command", said) == (problem.where, problem.message)


def test_a_command_is_for_whoever_runs_commands() -> None:
    """That is asked of the agents: one of a person's may stand on the shell."""
    task, keys = {**SCAN, "agent": "mysh"}, ("claude", "mysh")
    with_command = {"tasks": [{**task, "command": "ls"}]}
    assert [] == read_draft(with_command, keys, shells=("mysh",))[1]
    (problem,) = read_draft({"tasks": [task]}, keys, shells=("mysh",))[1]
    assert "no_command" == problem.code
    (problem,) = read_draft(with_command, keys)[1]
    assert "Agent-01" not in problem.message
    assert "write that it is for the agent shell" in problem.hint


def test_places_of_a_file_stand_in_for_paths() -> None:
    """Whoever wrote an outline is told the line."""
    (problem,) = read_draft({"tasks": [{**SCAN, "estimate": "soon"}]}, (), ["o.md:7"])[1]
    assert ("o.md:7", True) == (problem.where, problem.message.startswith("estimate: 'soon'"))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "name", "needs", "tasks", "x", "kind"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.fixed_dictionaries({"tasks": st.lists(values, max_size=4)}) | values)
def test_no_answer_is_too_strange(data: Any) -> None:
    """Whatever comes, it is a draft or it is blamed; it never breaks us."""
    draft, problems = read_draft(data, ("claude",))
    assert problems or draft.tasks
