"""A plan that somebody moves while others look at it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.actions.plans import begin, create, transition
from orchestrator.core.charter import Charter
from orchestrator.core.plan_state import PlanState
from orchestrator.errors import ApprovalError, OrchestratorError, TransitionError
from orchestrator.store.charter import charter_of
from orchestrator.store.exchange import take
from orchestrator.store.layout import Layout
from orchestrator.store.plan_file import parse_plan


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A plan that is approved."""
    made = create(Layout(str(tmp_path)), "X", priority="P2", request="", eta="", who="ana", now=1e9)
    move(made, "approve")
    return made


def move(layout: Layout, *events: str) -> None:
    for event in events:
        transition(layout, event, who="ana", note="", now=1e9)


def read(layout: Layout) -> Charter:
    return charter_of(take(layout.plan).data, os.path.relpath(layout.plan))


@pytest.mark.parametrize(
    ("events", "error"),
    [(["block"], ApprovalError), (["start", "fail"], TransitionError)],
)
def test_a_plan_that_was_moved_as_it_was_to_begin_is_refused_as_any_that_stands_there(
    layout: Layout, events: list[str], error: type[OrchestratorError]
) -> None:
    """One that is blocked waits for somebody: rounds of runs go on, and end where it is over."""
    before = read(layout)
    move(layout, *events)
    with pytest.raises(OrchestratorError) as refused:
        begin(layout, before, 1e9)
    assert error is type(refused.value)


def test_a_plan_that_somebody_else_has_begun_goes_on(layout: Layout) -> None:
    """Two who begin at once both work on it."""
    before = read(layout)
    move(layout, "start")
    assert [] == begin(layout, before, 1e9)
    assert PlanState.IN_PROGRESS is read(layout).state


def test_a_title_is_read_as_it_was_given(tmp_path: Path) -> None:
    """Its heading says it in the words of markdown."""
    title = "Plan <b>one</b> | x"
    made = create(
        Layout(str(tmp_path)), title, priority="P2", request="", eta="", who="ana", now=1e9
    )
    plan, _ = parse_plan(take(made.plan).data, "p.md")
    assert f"🎯 {title}" == plan.title
