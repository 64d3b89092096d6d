"""Workflow files: any file is read or refused with a place, and what is read is in order."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema.validators import Draft202012Validator

from orchestrator.planner.draft import read_draft
from orchestrator.planner.draft_file import parse_draft
from orchestrator.planner.outlines import workflow
from orchestrator.planner.plan import draw
from orchestrator.store.layout import Layout
from tests.mission.guide_workflows import CONDITIONAL, CONTENT, LAUNCH

SAMPLES = [json.loads(text) for text in (CONTENT, LAUNCH, CONDITIONAL)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def test_the_schema_is_one() -> None:
    path = Path(workflow.__file__).with_name("workflow.schema.json")
    Draft202012Validator.check_schema(json.loads(path.read_text(encoding="utf-8")))


def places(data: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value inside."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found = [(*above, key) for key, _ in inner]
    return [*found, *(way for key, value in list(inner) for way in places(value, (*above, key)))] if found else []


@st.composite
def altered(draw_one: st.DrawFn) -> Any:
    """A workflow in which some values are others: of any kind, or from another place of it."""
    data = copy.deepcopy(draw_one(st.sampled_from(SAMPLES)))
    for _ in range(draw_one(st.integers(1, 3))):
        ways = places(data)
        *above, last = draw_one(st.sampled_from(ways))
        at = data
        for step in above:
            at = at[step]
        other = draw_one(st.sampled_from(ways))
        value = data
        for step in other:
            value = value[step]
        at[last] = draw_one(JSON | st.just(copy.deepcopy(value)))
    return data


@given(altered())
@settings(max_examples=50)
def test_any_file_is_read_or_refused(data: Any) -> None:
    """With a place for whatever is wrong; what is read becomes a plan that says the same."""
    found = parse_draft(json.dumps(data, indent=1).encode(), "wf.json", "workflow")
    draft, problems = read_draft(found.data, ["claude"], found.places)
    wrong = [*found.problems, *(problems if found.data is not None else [])]
    assert all(each.where.startswith(("wf.json", "tasks", "the draft")) and each.hint for each in wrong)
    if found.data is not None and not wrong:
        drawn = draw(draft, Layout("/nowhere"), found.settings)
        assert {task.id for task in draft.tasks} == set(drawn.board.plan.tasks)


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        ({"name": "x", "tasks": []}, True),
        ({"phases": []}, True),
        ({"workflow": {"tasks": []}}, True),
        ({"tasks": [{"id": "T-01", "name": "x"}]}, False),
        ({"workflow": {"tasks": [{"id": 1, "title": "A tag of Task Master"}], "metadata": {}}}, False),
        ({"master": {"tasks": [{"id": 1, "title": "A tag of Task Master"}]}}, False),
        ([], False),
    ],
)
def test_what_is_a_workflow(data: Any, *, is_one: bool) -> None:
    assert is_one == workflow.recognises(data)
