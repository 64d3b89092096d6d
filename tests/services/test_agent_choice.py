"""Who does a task, and with whose settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.agent import AgentRegistry, Member
from orchestrator.core.plan import Task
from orchestrator.core.settings import Settings
from orchestrator.services.agent_choice import Known

EVA = Member(
    "eva", types=("test",), capabilities=("validate",), extends="claude", settings={"model": "own", "timeout": 60.0}
)
SEED = AgentRegistry.of([EVA])


def known(tmp_path: Path, registry: AgentRegistry = SEED) -> Known:
    for name in ("reviewer", "eva"):
        (tmp_path / ".claude" / "agents").mkdir(parents=True, exist_ok=True)
        (tmp_path / ".claude" / "agents" / f"{name}.md").write_text("You review.\n")
    return Known(registry, str(tmp_path))


@pytest.mark.parametrize(
    ("own", "kind", "agent"),
    [
        ({}, "", "claude"),
        ({}, "dev", "claude"),
        ({}, "test", "eva"),
        ({}, "TEST", "eva"),
        ({}, "validate", "eva"),
        ({"required_capabilities": ("validate",)}, "", "eva"),
        ({"agent": "shell"}, "test", "shell"),
        ({"agent": "claude-code"}, "", "claude"),
        ({"agent": "eva"}, "dev", "eva"),
    ],
)
def test_a_task_that_names_no_agent_goes_to_the_one_for_its_type(
    tmp_path: Path, own: dict[str, Any], kind: str, agent: str
) -> None:
    """What is named is strict; a type, or capabilities, only choose where nothing is (S4-55, S3-20)."""
    assert agent == known(tmp_path).settle({}, own, {}, kind).agent


@pytest.mark.parametrize("common", [{"agent": "shell"}, {}])
def test_the_default_agent_takes_what_fits_nobody(tmp_path: Path, common: dict[str, Any]) -> None:
    """``agent:`` of the plan, or ``--agent``."""
    found = known(tmp_path).settle(common, {}, {}, "research")
    assert found.agent == common.get("agent", "claude")


def test_flag_over_task_over_agent_over_plan_over_default(tmp_path: Path) -> None:
    """An agent is nearer to a task than its plan is."""
    settle = known(tmp_path).settle
    plan, own = {"model": "plan", "retries": 5}, {"agent": "eva", "model": "task"}
    assert "own" == settle(plan, {"agent": "eva"}, {}).model
    found = settle(plan, own, {})
    assert ("task", 5, 60.0) == (found.model, found.retries, found.timeout)
    assert "flag" == settle(plan, own, {"model": "flag"}).model
    assert Settings().grace == found.grace


def test_a_sub_agent_is_claude_in_its_role(tmp_path: Path) -> None:
    """Unless the roster has an agent of that name; and somebody unknown stays as they were asked for."""
    settle = known(tmp_path).settle
    reviewer = settle({}, {"agent": "reviewer"}, {})
    assert ("claude", "reviewer") == (reviewer.agent, reviewer.subagent)
    eva = settle({}, {"agent": "eva"}, {})
    assert ("eva", "") == (eva.agent, eva.subagent)
    assert "nobody" == settle({}, {"agent": "nobody"}, {}).agent


def test_a_type_means_nothing_without_a_roster(tmp_path: Path) -> None:
    """A plan without one behaves as it always did; that is known without looking at the types."""
    task = Task("T-01", "Test", "Test it", type="test")
    assert "" == known(tmp_path, AgentRegistry.of()).type_of(task)
    assert "test" == known(tmp_path).type_of(task)


def test_another_name_of_claude_is_no_typo(tmp_path: Path) -> None:
    """A typo of it is one."""
    tasks = [Task(name, "a", "a", assignee=name) for name in ("claude-code", "claude-cod", "Bob")]
    assert [("claude-cod", "claude-code")] == [(task.id, close) for task, close in known(tmp_path).misspelt(tasks)]
