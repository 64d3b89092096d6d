"""What a plan says of itself is read from its front matter; its state is the one line of it that is written."""

from __future__ import annotations

import pytest

from orchestrator.core.plan import PlanHeader
from orchestrator.core.plan_status import PlanState
from orchestrator.errors import PlanError
from orchestrator.plan.header import plan_header_of, with_state

TABLE = "\n| ID | Task |\n|----|------|\n| T-01 | Look |\n"


def plan(*front: str, ending: str = "\n") -> bytes:
    return ("\n".join(("---", *front, "---")) + TABLE).replace("\n", ending).encode()


def test_everything_it_says() -> None:
    data = plan(
        "status: In Progress",
        'title: "A: plan"',
        "priority: P0",
        "deadline: 1970-01-02",
        "created: 1970-01-01T00:00:10Z",
        "agent: shell",
    )
    assert PlanHeader(PlanState.IN_PROGRESS, "A: plan", "P0", 2 * 86400 - 1, 10) == plan_header_of(data, "p")


@pytest.mark.parametrize(
    "data", [TABLE.encode(), plan("agent: shell"), plan("eta: when it is done"), plan("state: Texas")]
)
def test_a_hand_written_plan_says_nothing(data: bytes) -> None:
    """And what it says in words of its own is not held against it."""
    assert PlanHeader() == plan_header_of(data, "p")


@pytest.mark.parametrize(
    ("front", "code", "where"),
    [
        (["title: X", "status: nearly done"], "bad_state", "p:3"),
        (["title: X", "Status: planning"], "bad_state", "p:3"),
        (["STATUS: draft"], "bad_state", "p:2"),
        (["status:"], "bad_state", "p:2"),
        (["State: PLANNING"], "bad_state", "p:2"),
        (["status: planning", "eta: when it is done"], "bad_eta", "p:3"),
        (["status: planning", "status: approved"], "bad_front_matter", "p:3"),
    ],
)
def test_what_makes_no_sense_is_told(front: list[str], code: str, where: str) -> None:
    with pytest.raises(PlanError) as refused:
        plan_header_of(plan(*front), "p")
    assert (code, where) == (refused.value.code, refused.value.where)


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("line", "changed"),
    [
        ("status: planning", "status: approved"),
        ("status:   Planning  # since May", "status:   approved  # since May"),
        ("status : 'planning'", "status : approved"),
        ('status:\t"PLANNING" ', "status:\tapproved "),
    ],
)
def test_a_state_is_written_and_nothing_else(line: str, changed: str, ending: str) -> None:
    before = plan("a: 1", line, "b: [2]", ending=ending)
    after = plan("a: 1", changed, "b: [2]", ending=ending)
    assert after == with_state(before, PlanState.APPROVED, "p")
    assert b"\xef\xbb\xbf" + after == with_state(b"\xef\xbb\xbf" + before, PlanState.APPROVED, "p")


@pytest.mark.parametrize("front", [["title: X"], ["status:", "  planning"], ["{status: planning}"]])
def test_a_state_that_is_no_line_is_not_written(front: list[str]) -> None:
    with pytest.raises(PlanError, match="not found"):
        with_state(plan(*front), PlanState.APPROVED, "p")
