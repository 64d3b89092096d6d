"""The plan that ``init`` makes."""

from __future__ import annotations

from orchestrator.core.draft import Draft
from orchestrator.core.graph import find_cycle
from orchestrator.core.plan import check_rows
from orchestrator.core.priority import parse_priority
from orchestrator.views.master_plan import new_plan
from tests.views.example import HOSTILE, headings, tables, task


def test_it_has_the_parts_of_the_seed() -> None:
    """Request, goal, success criteria and the five columns stand where the seed has them (S2-53, S2-54)."""
    text = new_plan("Analyze my project")
    assert ["# 🎯 Distributed Task Plan", "## Original Request", "## Goal Definition", "## Task Decomposition"] == (
        headings(text)
    )
    assert "\n> Analyze my project\n" in text
    assert "**Primary Goal**" in text
    assert "**Success Criteria**" in text
    assert ["Task ID", "Task Name", "Description", "Dependencies", "Priority"] == tables(text)[0][0]


def test_a_draft_that_nobody_requested_leaves_no_place_for_a_request() -> None:
    """An outline may say its goal alone, and whoever reads the plan looks for no words that there are not."""
    assert "## Original Request" not in headings(new_plan(draft=Draft(tasks=(), goal="A list")))


def test_it_is_valid_as_it_stands() -> None:
    """Whoever runs it unedited gets a run and not an error."""
    (table,) = tables(new_plan())
    tasks = [
        task(id, name, *(need for need in needs.split(",") if need != "None"), priority=parse_priority(priority))
        for id, name, _, needs, priority in table[1:]
    ]
    assert 3 == len(tasks)
    assert [] == list(check_rows(tasks))
    assert None is find_cycle({each.id: each for each in tasks})


def test_a_request_stays_in_its_quote() -> None:
    """Neither headings nor comments nor templates in a request become part of the plan."""
    text = new_plan(HOSTILE)
    assert headings(new_plan()) == [each for each in headings(text) if "H #quot" not in each]
    assert 1 == text.count("<!--")
    assert 1 == len(tables(text))
    assert "{{ 7*7 }}" in text


def test_a_request_of_several_lines_is_kept_line_by_line() -> None:
    """A request is often more than a sentence."""
    assert "> First\n>\n> - second\n" in new_plan("First\n\n- second\n")
