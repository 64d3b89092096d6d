"""Who takes a task, by row of the choice (S4-55), and whether it has room (S4-59)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.agent import AgentRegistry, Member, Program, running_tasks
from orchestrator.core.result import Result
from orchestrator.core.status import TaskStatus
from orchestrator.errors import CapacityError, ExitStatus

CLAUDE = Member("claude", types=("dev",), capabilities=("refactor", "debug", "docs"), max_parallel=3)
EVA = Member("eva", types=("test",), capabilities=("validate", "system-ops"), max_parallel=1)
SEED = AgentRegistry.of([CLAUDE, EVA])


@pytest.mark.parametrize(
    ("asked", "agent"),
    [
        # 1. by type
        ({"type": "dev"}, "claude"),
        ({"type": "Test"}, "eva"),
        ({"type": "dev", "needs": ["Debug"]}, "claude"),
        # 2. by capabilities
        ({"type": "docs"}, "claude"),
        ({"type": "system-ops"}, "eva"),
        ({"needs": ["validate", "test"]}, "eva"),
        # 3. the fallback
        ({"type": "research"}, "nobody"),
        ({"type": "test", "needs": ["debug"]}, "nobody"),
        ({}, "nobody"),
    ],
)
def test_s4_55_type_then_capabilities_then_fallback(asked: dict[str, Any], agent: str) -> None:
    """The seed's two agents, and its rules for a task that names none, in their order."""
    assert agent == SEED.choose(fallback="nobody", **asked)


def test_of_several_that_fit_the_first_takes_it() -> None:
    """One that is there for the type comes before one that can do it, too; then the order of the roster counts."""
    able, first, second = (
        Member("able", capabilities=("dev",)),
        Member("first", types=("dev",), max_parallel=1),
        Member("second", types=("dev",)),
    )
    registry = AgentRegistry.of([able, first, second])
    assert "first" == registry.choose(fallback="claude", type="dev")


@given(kind=st.text(max_size=5))
def test_without_types_or_capabilities_the_default_agent_takes_it(kind: str) -> None:
    """A plan without a roster is what it was before there were rosters."""
    assert "claude" == AgentRegistry.of().choose(fallback="claude", type=kind)


def test_claude_code_is_claude() -> None:
    """What seed 004 calls it; and it is not listed twice."""
    assert "claude-code" in AgentRegistry.of()
    assert "claude" == AgentRegistry.of()["claude-code"].key
    assert ("claude", "shell", "simulated") == AgentRegistry.of().keys


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
    registry = AgentRegistry.of([CLAUDE, Member("reviewer", extends="claude", max_parallel=5)])
    with pytest.raises(CapacityError, match="claude has 3 of 3 tasks"):
        registry.require_room("reviewer", {"reviewer": 2, "claude": 1})
    assert ("reviewer", "claude") == registry.pool("reviewer")
    assert 3 == registry.running("claude", {"reviewer": 2, "claude": 1})


def test_an_agent_without_a_limit_has_room() -> None:
    """Then only the slots of the run count."""
    AgentRegistry.of().require_room("claude", {"claude": 1000})
    assert () == AgentRegistry.of().pool("shell")


def test_at_work_is_what_runs() -> None:
    """By the agent that does it."""
    results = [
        Result("a", "claude", TaskStatus.RUNNING),
        Result("b", "claude", TaskStatus.RUNNING),
        Result("c", "claude", TaskStatus.COMPLETED),
        Result("d", "shell", TaskStatus.RUNNING),
    ]
    assert {"claude": 2, "shell": 1} == running_tasks(results)


def test_a_file_takes_the_place_of_the_built_in_agent() -> None:
    """In the same line of the table."""
    registry = AgentRegistry.of([Member("shell", Program.SHELL, max_parallel=2)])
    assert ("claude", "shell", "simulated") == registry.keys
    assert {"shell": 2} == registry.widths
