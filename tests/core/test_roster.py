"""Who takes a task, by row of the choice (S4-55), and whether it has room (S4-59)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.result import Result
from orchestrator.core.roster import Choice, Member, Program, Roster, at_work
from orchestrator.core.state import TaskStatus
from orchestrator.errors import CapacityError, ExitStatus

CLAUDE = Member(
    "claude", types=("dev",), capabilities=("refactor", "debug", "docs"), max_parallel=3
)
EVA = Member("eva", types=("test",), capabilities=("validate", "system-ops"), max_parallel=1)
SEED = Roster.of([CLAUDE, EVA])


@pytest.mark.parametrize(
    ("asked", "agent", "why"),
    [
        # 1. the preferred agent, if it is specified and capable
        ({"kind": "dev", "preferred": "claude"}, "claude", "preferred"),
        ({"kind": "dev", "preferred": "claude-code"}, "claude", "preferred"),
        ({"kind": "validate", "preferred": "eva"}, "eva", "preferred"),
        ({"preferred": "eva"}, "eva", "preferred"),
        ({"kind": "dev", "preferred": "shell"}, "shell", "preferred"),
        ({"kind": "dev", "preferred": "eva"}, "claude", "type"),
        ({"kind": "dev", "preferred": "nobody"}, "claude", "type"),
        ({"kind": "test", "needs": ["debug"], "preferred": "eva"}, "eva", "fallback"),
        # 2. by type
        ({"kind": "dev"}, "claude", "type"),
        ({"kind": "Test"}, "eva", "type"),
        ({"kind": "dev", "needs": ["Debug"]}, "claude", "type"),
        # 3. by capabilities
        ({"kind": "docs"}, "claude", "capabilities"),
        ({"kind": "system-ops"}, "eva", "capabilities"),
        ({"needs": ["validate", "test"]}, "eva", "capabilities"),
        # 4. the fallback
        ({"kind": "research"}, "eva", "fallback"),
        ({"kind": "test", "needs": ["debug"]}, "eva", "fallback"),
        ({}, "eva", "fallback"),
    ],
)
def test_s4_55_preferred_then_type_then_capabilities_then_fallback(
    asked: dict[str, Any], agent: str, why: str
) -> None:
    """The seed's two agents, and its four rules, in their order."""
    assert Choice(agent, why) == SEED.choose(fallback="eva", **asked)


def test_s3_29_of_several_that_fit_the_least_busy_one_takes_it() -> None:
    """One that has room comes first; among equals, the order of the roster."""
    roster = Roster.of([Member("a", types=("dev",), max_parallel=1), Member("b", types=("dev",))])

    def chosen(**busy: int) -> str:
        return roster.choose(fallback="claude", kind="dev", at_work=busy).agent

    assert ["a", "b", "b", "a"] == [chosen(), chosen(a=1), chosen(a=1, b=5), chosen(b=1)]


@given(kind=st.text(max_size=5), preferred=st.text(max_size=8))
def test_without_types_or_capabilities_the_default_agent_takes_it(
    kind: str, preferred: str
) -> None:
    """A plan without a roster is what it was before there were rosters."""
    choice = Roster.of().choose(fallback="claude", kind=kind, preferred=preferred)
    assert choice.agent == (preferred if preferred in Roster.of() else "claude")


def test_claude_code_is_claude() -> None:
    """What seed 004 calls it; and it is not listed twice."""
    assert "claude-code" in Roster.of()
    assert "claude" == Roster.of()["claude-code"].key
    assert ("claude", "shell", "simulated") == Roster.of().keys


@pytest.mark.parametrize(("running", "is_full"), [(0, False), (2, False), (3, True), (9, True)])
def test_s4_59_an_agent_at_capacity_takes_no_more(running: int, is_full: bool) -> None:
    """Says who has how many, and where to change it."""
    if not is_full:
        SEED.require_room("claude-code", {"claude": running})
        return
    with pytest.raises(CapacityError, match=r"^Agent at capacity: claude has") as caught:
        SEED.require_room("claude-code", {"claude": running})
    assert "max_parallel" in caught.value.hint
    assert ("agent_at_capacity", ExitStatus.HELD) == (caught.value.code, caught.value.exit_status)


def test_s4_59_roles_count_as_the_agent_they_stand_on() -> None:
    """Three reviewers are three of claude, and claude is full."""
    roster = Roster.of([CLAUDE, Member("reviewer", extends="claude", max_parallel=5)])
    with pytest.raises(CapacityError, match="claude has 3 of 3 tasks"):
        roster.require_room("reviewer", {"reviewer": 2, "claude": 1})
    assert ("reviewer", "claude") == roster.crew("reviewer")
    assert 3 == roster.running("claude", {"reviewer": 2, "claude": 1})


def test_an_agent_without_a_limit_has_room() -> None:
    """Then only the slots of the run count."""
    Roster.of().require_room("claude", {"claude": 1000})
    assert () == Roster.of().crew("shell")


def test_at_work_is_what_runs() -> None:
    """By the agent that does it."""
    results = [
        Result("a", "claude", TaskStatus.RUNNING),
        Result("b", "claude", TaskStatus.RUNNING),
        Result("c", "claude", TaskStatus.COMPLETED),
        Result("d", "shell", TaskStatus.RUNNING),
    ]
    assert {"claude": 2, "shell": 1} == at_work(results)


def test_a_file_takes_the_place_of_the_built_in_agent() -> None:
    """In the same line of the table."""
    roster = Roster.of([Member("shell", Program.SHELL, max_parallel=2)])
    assert ("claude", "shell", "simulated") == roster.keys
    assert {"shell": 2} == roster.widths
