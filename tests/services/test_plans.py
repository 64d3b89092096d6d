"""A plan that somebody moves while others look at it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import pytest

from orchestrator.core.plan import PlanHeader
from orchestrator.core.plan_status import PlanState
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.errors import ApprovalError, OrchestratorError, TransitionError, UsageError
from orchestrator.plan.header import plan_header_of
from orchestrator.plan.parser import parse_plan
from orchestrator.services import plans
from orchestrator.services.plans import advance, begin, create, transition
from orchestrator.store.compare_and_swap import take
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace
from tests.views.example import result


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """A plan that is approved."""
    made = create(Layout(str(tmp_path)), "X", priority="P2", request="", eta="", who="ana", now=1e9)
    move(made, "approve")
    return made


def move(layout: Layout, *events: str) -> None:
    for event in events:
        transition(layout, event, who="ana", note="", now=1e9)


def begun(layout: Layout) -> PlanSnapshot:
    """Where the only task of the plan was started."""
    with Path(layout.plan).open("a") as editor:
        editor.write("| T-01 | a |\n")
    found = Workspace(layout).load()
    return PlanSnapshot(found.plan, found.shape, {"T-01": result("T-01", TaskStatus.FAILED)})


def read(layout: Layout) -> PlanHeader:
    return plan_header_of(take(layout.plan).data, os.path.relpath(layout.plan))


@pytest.mark.parametrize(("events", "error"), [(["block"], ApprovalError), (["start", "fail"], TransitionError)])
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


def test_a_plan_that_says_no_state_any_more_may_be_worked_on_and_is_not_moved(layout: Layout) -> None:
    """Somebody took the line out since it was looked at."""
    before = read(layout)
    Path(layout.plan).write_text("# X\n")
    assert [] == begin(layout, before, 1e9)
    with pytest.raises(TransitionError, match="says no state"):
        move(layout, "start")


def test_a_plan_is_moved_by_itself_where_nothing_is_lost_by_it(layout: Layout) -> None:
    """Not while somebody has it open, whose words would be in no file any more, nor through a link; later it is."""
    plan, board = Path(layout.plan), begun(layout)
    with plan.open("a"):
        assert [] == advance(layout, board, 1e9)
    real = plan.rename(plan.with_name("real.md"))
    plan.symlink_to(real)
    assert [] == advance(layout, board, 1e9)
    real.rename(plan)
    assert ["IN_PROGRESS"] == [step.after for step in advance(layout, board, 1e9)]
    assert [] == advance(layout, board, 1e9)


def test_what_nobody_foresaw_keeps_no_plan_from_moving_in_silence(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only that somebody moves it or writes it right now is left to a later look."""

    def refuse(*_: object) -> NoReturn:
        raise UsageError("a new reason")

    monkeypatch.setattr(plans, "put", refuse)
    with pytest.raises(UsageError, match="a new reason"):
        advance(layout, begun(layout), 1e9)


def test_a_title_is_read_as_it_was_given(tmp_path: Path) -> None:
    """Its heading says it in the words of markdown."""
    title = "Plan <b>one</b> | x"
    made = create(Layout(str(tmp_path)), title, priority="P2", request="", eta="", who="ana", now=1e9)
    plan, _ = parse_plan(take(made.plan).data, "p.md")
    assert f"🎯 {title}" == plan.title
