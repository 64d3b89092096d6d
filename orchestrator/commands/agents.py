"""The command ``agents``: the agents that a task may ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, option
from orchestrator.commands.reply import terminal_width
from orchestrator.core.agent import Listed
from orchestrator.core.text import pluralize
from orchestrator.services.agent_choice import list_agents
from orchestrator.services.task_settings import unknown_agents
from orchestrator.store.agent_files import read_agents
from orchestrator.views.listing import agents_text
from orchestrator.wiring import lacks


@dataclass(frozen=True)
class AgentsParams:
    """Whether another claude program is meant."""

    claude_bin: str = option("The claude program (default: PATH).", metavar="PATH", default="")


class _Agents(NamedTuple):
    listed: Sequence[Listed]
    unknown: Sequence[str]
    """Agents that the plan asks for and that there are not."""
    is_json: bool


def execute(call: Call, params: AgentsParams) -> _Agents:
    """List the agents that a task may ask for.

    What each is good for, how many tasks it has under way and how many it may have, where it comes from, and whether
    it can work on this machine.

    Built in are claude, shell and simulated. One more is one more file,
    agents/KEY.md in the plan directory, or in ~/.config/orchestrator/ for all:
      echo "You review code, and you are kind." > .orchestrator/agents/reviewer.md

    Examples:
      orchestrator agents
    """
    layout = call.plan_if_any()
    registry = read_agents(layout, os.environ)
    listed = list_agents(layout, registry, lambda member: lacks(member, params.claude_bin))
    unknown = unknown_agents(layout, registry) if layout else []
    return _Agents(listed, [str(problem) for problem in unknown], call.is_json)


def facts(agents: _Agents) -> Facts:
    """Return the agents as JSON."""
    return {
        "message": pluralize(len(agents.listed), "agent"),
        "agents": [agent_facts(each) for each in agents.listed],
        "warnings": agents.unknown,
    }


def text(agents: _Agents) -> str:
    """Return the agents for people."""
    return agents_text(agents.listed, terminal_width())


def remarks(agents: _Agents) -> Iterator[str]:
    """Yield a warning for each agent that there is not; with ``--json`` the object has them."""
    if not agents.is_json:
        yield from (f"warning: {problem}" for problem in agents.unknown)


def agent_facts(each: Listed) -> dict[str, object]:
    """Return an agent as JSON."""
    member = each.member
    return {
        "key": member.key,
        "best_for": member.best_for,
        "types": member.types,
        "capabilities": member.capabilities,
        "max_parallel": member.max_parallel or None,
        "running": each.running,
        "runs": member.runs.value,
        "extends": member.extends or None,
        "command": member.command.words if member.command else None,
        "from": member.where,
        "usable": not each.lacks,
        "reason": each.lacks,
    }


COMMAND = Command(AgentsParams, execute, facts, text, remarks=remarks, takes=(DIRECTORY, DIR, JSON))
