"""The table of task fields is the only place that knows them all."""

from __future__ import annotations

import pytest

from orchestrator.core.plan import Task
from orchestrator.plan.columns import HEADERS, read_header
from orchestrator.plan.row import read_task
from orchestrator.plan.task_fields import TASK_FIELDS, TaskField, field_facts, field_texts

SAMPLES = {
    "priority": "P1",
    "deadline": "2026-03-01",
    "estimate": "2h",
    "condition": "result.n > 1",
    "run_if": "all over",
}


@pytest.mark.parametrize("field", TASK_FIELDS, ids=lambda each: each.name)
def test_a_field_is_an_attribute_with_a_column(field: TaskField) -> None:
    assert field.name in Task._fields
    assert field.name in HEADERS
    assert 0 == read_header((field.header,)).at(field.name)


@pytest.mark.parametrize("field", TASK_FIELDS, ids=lambda each: each.name)
def test_a_cell_is_read_and_shown(field: TaskField) -> None:
    columns = read_header(("ID", "Task", field.header))
    problems: list[object] = []
    task = read_task(["T-01", "x", SAMPLES.get(field.name, "ana")], columns, "", problems)  # type: ignore[arg-type]
    assert [] == problems
    assert getattr(task, field.name) != getattr(Task("_", "_", "_"), field.name)
    assert field.name in field_texts(task)
    assert field.keyword in field_facts(task)


def test_an_empty_task_shows_nothing() -> None:
    assert {"priority": "P2"} == field_texts(Task("T-01", "x", "x"))
