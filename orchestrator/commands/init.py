"""The command ``init``: an empty plan."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, option
from orchestrator.commands.reply import require_one, with_program
from orchestrator.errors import UsageError
from orchestrator.planner.plan import init
from orchestrator.services.agent_choice import Known
from orchestrator.store.agent_files import read_agents


@dataclass(frozen=True)
class InitParams:
    """What the plan is for."""

    request: str = option("What the plan is for.", metavar="TEXT", default="")
    agent: str = option("A queue for it; shell: of commands.", metavar="KEY", default="", completion="agent")


class _Made(NamedTuple):
    plan: str
    archived: str
    """Where the files of an earlier plan are; empty: there were none."""
    is_queue: bool
    is_json: bool


def execute(call: Call, params: InitParams) -> _Made:
    """Make a plan directory with a plan to edit.

    The default is .orchestrator in the current directory. An existing plan is never touched; results and task files
    of one that is gone move to archive/.

    Examples:
      orchestrator init --agent shell     a queue of commands, for `add`
    """
    require_one(call.directory, call.option)
    # Not in a directory above the current one, as for other commands: a new plan is for this directory.
    layout = call.plan(must_exist=False, here=True)
    if params.agent:
        known = Known(read_agents(layout, os.environ), layout.workdir(""))
        if params.agent not in known:
            raise UsageError(f"--agent: there is no agent {params.agent!r}", hint=f"known are {', '.join(known)}")
    archived = init(layout, params.request, params.agent)
    return _Made(layout.plan, archived, bool(params.agent), call.is_json)


def facts(made: _Made) -> Facts:
    """Return the plan as JSON."""
    return {"message": f"made {made.plan}", "plan": made.plan, "archived": made.archived}


def text(made: _Made) -> str:
    """Return the path of the plan."""
    return f"{made.plan}\n"


def remarks(made: _Made) -> Iterator[str]:
    """Yield the next step."""
    if made.is_json:
        return
    if made.archived:
        yield f"What an earlier plan left is in {made.archived}"
    first = 'Add tasks with `add "…"`' if made.is_queue else "Edit the table of tasks"
    yield with_program(f"{first}, then: orchestrator run")


COMMAND = Command(InitParams, execute, facts, text, remarks=remarks, takes=(DIRECTORY, DIR, JSON))
