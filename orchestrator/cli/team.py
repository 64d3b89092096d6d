"""``agent``: one more of them, how much they have to do, what they did, and a word to one."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import click

from orchestrator.cli.agents import agent_facts
from orchestrator.cli.options import takes_caller, takes_directory, takes_json
from orchestrator.cli.texts import TakesText
from orchestrator.commands.call import known_agents
from orchestrator.commands.reply import (
    caller,
    from_stdin,
    passed_over,
    plan_directory,
    say_json,
    talk,
    terminal_width,
    write,
)
from orchestrator.commands.report import broken_warnings, look_back, share_facts
from orchestrator.core.agent import Listed, Load, with_room
from orchestrator.core.message import LIMIT
from orchestrator.core.text import pluralize
from orchestrator.store.layout import Layout


@click.group("agent")
def agent_command() -> None:
    """Add an agent, see how much each has to do and what it did, tell one something.

    \b
      orchestrator agent register reviewer --role "You review code, and you are kind."
      orchestrator agent workload
      orchestrator agent metrics --days 30
      orchestrator agent message reviewer "The API is frozen"

    `orchestrator agents` lists them.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is


@agent_command.command("register")
@click.argument("key", metavar="KEY")
@click.option("--command", metavar="WORDS", help="The program it runs, and what follows it.")
@click.option("--extends", metavar="KEY", help="The agent it is a role of (default: claude).")
@click.option("--role", default="", metavar="TEXT", help="What stands in front of every prompt.")
@click.option("--best-for", metavar="TEXT", help="What it is good for, for people and planners.")
@click.option("--types", metavar="A,B", help="Types of task that it is there for.")
@click.option("--capabilities", metavar="A,B", help="What else it can do.")
@click.option("--max-parallel", type=click.IntRange(1), metavar="N", help="Tasks at once at most.")
@click.option("--model", metavar="M", help="The model it asks for.")
@click.option("--force", is_flag=True, help="Write it anew where there is one.")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_json
def register_command(
    key: str, role: str, option: str | None, *, force: bool, as_json: bool, **fields: Any
) -> None:
    """Write the file of an agent, agents/KEY.md.

    With --command it is a program of its own, else a role of claude or of the agent that --extends names. Everything
    else there is to say of one stands in the file (docs/agents.md).

    \b
      orchestrator agent register eva --types test --max-parallel 1 --role "You are Eva. You test."
      orchestrator agent register codex --command "codex exec --sandbox workspace-write -" --types dev
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    from orchestrator.store.agent_files import register
    from orchestrator.wiring import lacks

    given = {name: value for name, value in fields.items() if value is not None}
    for name in ("types", "capabilities"):
        if name in given:
            given[name] = [word.strip() for word in given[name].split(",") if word.strip()]
    layout = plan_directory(None, option)
    path, member = register(layout, key, given, role, os.environ, force=force)
    why_not = lacks(member)
    if as_json:
        say_json(
            f"registered {member.key}",
            file=path,
            agent=agent_facts(Listed(member, 0, why_not)),
        )
        return
    write(f"{os.path.relpath(path)}\n")
    if why_not:
        talk(f"warning: {why_not}")


@agent_command.command("workload")
@takes_directory
@click.option(
    "--below",
    type=click.IntRange(1),
    metavar="N",
    help="Names alone: who has room and fewer than N under way.",
)
@takes_json
def workload_command(
    directory: str | None, option: str | None, below: int | None, *, as_json: bool
) -> None:
    """Show how many tasks each agent and assignee has.

    Under way (and how many it may have), pending, waiting, blocked. A task counts for whoever is responsible and for
    the agent that does it. For a directory of plans: in all of them.

    \b
      orchestrator agent workload
      orchestrator add "New task" --assignee "$(orchestrator agent workload --below 3 | head -n 1)"

    With --below the least busy comes first, and agents that cannot work here are left out.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    from orchestrator.actions.team import workload
    from orchestrator.views.agents import workload_text

    layout = plan_directory(directory, option)
    found = workload(layout, known_agents)
    loads = found.loads if below is None else with_room(_able(found.loads, layout), below)
    if as_json:
        skipped = passed_over(found.broken)
        told = [_load_facts(each) for each in loads]
        say_json(f"{len(loads)} agents and assignees", workload=told, skipped=skipped)
    elif below is None:
        write(workload_text(loads, terminal_width()))
    else:
        write("".join(f"{each.name}\n" for each in loads))
    for warning in broken_warnings(found.broken):
        talk(warning)


@agent_command.command("metrics")
@takes_directory
@click.option(
    "--days",
    type=click.IntRange(1, 36_500),
    default=7,
    show_default=True,
    metavar="N",
    help="How far back, from now.",
)
@takes_json
def metrics_command(directory: str | None, option: str | None, days: int, *, as_json: bool) -> None:
    """Show what each agent did in the last days.

    Attempts, how many of them completed a task or failed, the median time of those that completed one, time and cost.
    An interruption or a hold is nobody's failure. `report` has these figures by day and task as well.

    \b
      orchestrator agent metrics --days 30
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    from orchestrator.views.report import metrics_text

    found = look_back(plan_directory(directory, option), days, time.time())
    agents = found.figures.agents
    if as_json:
        told = {name: share_facts(each) for name, each in agents.items()}
        say_json(
            f"{pluralize(len(agents), 'agent')} in {pluralize(days, 'day')}", days=days, agents=told
        )
    else:
        write(metrics_text(agents, terminal_width()))
    for warning in broken_warnings(found.broken):
        talk(warning)


@agent_command.command("message", cls=TakesText)
@click.argument("key", metavar="KEY")
@click.argument("message", metavar="MSG")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_caller
@takes_json
def message_command(
    key: str, message: str, option: str | None, name: str | None, *, as_json: bool
) -> None:
    """Tell one agent or assignee something.

    It is shared, with @KEY in front, on every open task that is theirs: so it is in the prompt of those that start from
    now on, in `context`, and `watch` shows it. `-` reads it from standard input.

    \b
      orchestrator agent message db_specialist "The schema is frozen until Friday"
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    from orchestrator.actions.team import tell

    if message == "-":
        message = from_stdin(LIMIT)
    author = caller(name)
    told = tell(plan_directory(None, option), key, message, author, known_agents)
    tasks = [each.task if each.plan == "." else f"{each.plan}/{each.task}" for each in told]
    said = f"{author} told {key} on {', '.join(tasks)}"
    if as_json:
        say_json(said, by=author, to=key, tasks=[each._asdict() for each in told])
    else:
        talk(said)


def _able(loads: Sequence[Load], layout: Layout) -> list[Load]:
    """Return everybody but agents that cannot work on this machine: a run that they get a task in would not begin."""
    from orchestrator.wiring import lacks

    registry = known_agents(layout)
    return [each for each in loads if not (each.is_agent and lacks(registry[each.name]))]


def _load_facts(each: Load) -> dict[str, Any]:
    return {
        "name": each.name,
        "active": each.active,
        "pending": each.pending,
        "waiting": each.waiting,
        "blocked": each.blocked,
        "max_parallel": each.capacity or None,
        "is_agent": each.is_agent,
    }
