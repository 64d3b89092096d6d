"""``agents``."""

from __future__ import annotations

import os

import click

from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.reply import as_called, plan_directory, say_json, talk, terminal_width, write
from orchestrator.core.agent import Listed
from orchestrator.core.text import pluralize
from orchestrator.errors import NotFoundError, OrchestratorError
from orchestrator.store.layout import Layout


@click.command("agents")
@takes_directory
@click.option(
    "--claude-bin", default="", metavar="PATH", help="The claude program (default: PATH)."
)
@takes_json
def agents_command(
    directory: str | None, option: str | None, *, claude_bin: str, as_json: bool
) -> None:
    """List the agents that a task may ask for.

    What each is good for, how many tasks it has under way and how many it may have, where it comes from, and whether
    it can work on this machine.

    \b
    Built in are claude, shell and simulated. One more is one more file,
    agents/KEY.md in the plan directory, or in ~/.config/orchestrator/ for all:
      echo "You review code, and you are kind." > .orchestrator/agents/reviewer.md

    \b
      orchestrator agents
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    from orchestrator.services.agent_choice import list_agents
    from orchestrator.services.task_settings import unknown_agents
    from orchestrator.store.agent_files import read_agents
    from orchestrator.views.agents import agents_text
    from orchestrator.wiring import lacks

    layout = plan_directory_if_any(directory, option)
    registry = read_agents(layout, os.environ)
    listed = list_agents(layout, registry, lambda member: lacks(member, claude_bin))
    unknown = unknown_agents(layout, registry) if layout else []
    if as_json:
        say_json(
            pluralize(len(listed), "agent"),
            agents=[agent_facts(each) for each in listed],
            warnings=[str(problem) for problem in unknown],
        )
        return
    write(agents_text(listed, terminal_width()))
    for problem in unknown:
        talk(f"warning: {problem}")


def plan_directory_if_any(directory: str | None, option: str | None) -> Layout | None:
    """Return the plan directory; None where there is none and none was named: one can look before there is a plan.

    The same where one is not taken, as that of somebody else, with a warning.

    Raises:
        OrchestratorError: what was named cannot be had.
    """
    try:
        return plan_directory(directory, option)
    except OrchestratorError as error:
        if directory or option or os.environ.get("ORCHESTRATOR_DIR"):
            raise
        if not isinstance(error, NotFoundError):
            talk(f"warning: {error}\n  hint: {as_called(error.hint)}")
        return None


def agent_facts(each: Listed) -> dict[str, object]:
    """Return an agent for programs."""
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
