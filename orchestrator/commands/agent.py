"""The command ``agent``: ``register``, ``workload``, ``metrics`` and ``message``."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.commands.agents import agent_facts
from orchestrator.commands.call import Call
from orchestrator.commands.registry import (
    CALLER,
    DIR,
    DIRECTORY,
    JSON,
    Command,
    Facts,
    Group,
    WholeNumber,
    argument,
    comma_list,
    flag,
    option,
)
from orchestrator.commands.reply import passed_over, terminal_width
from orchestrator.commands.report import Ledger, broken_warnings, days_option, look_back, share_facts
from orchestrator.core.agent import Duty, Listed, Load, loads, names_of, with_room
from orchestrator.core.message import LIMIT, MessageKind, clean
from orchestrator.core.snapshot import really_done
from orchestrator.core.text import one_line, pluralize
from orchestrator.errors import NotFoundError
from orchestrator.services.messages import say
from orchestrator.services.task_settings import task_settings
from orchestrator.store.agent_files import register
from orchestrator.store.collection import live_plans, read_each
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace
from orchestrator.views.listing import workload_text
from orchestrator.views.report import metrics_text
from orchestrator.wiring import lacks

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents


# ── register ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class RegisterParams:
    """What stands in the file of the agent."""

    key: str = argument("KEY")
    command: str | None = option("The program it runs, and what follows it.", metavar="WORDS")
    extends: str | None = option("The agent it is a role of (default: claude).", metavar="KEY", completion="agent")
    role: str = option("What stands in front of every prompt.", metavar="TEXT", default="")
    best_for: str | None = option("What it is good for, for people and planners.", metavar="TEXT")
    types: Sequence[str] | None = option("Types of task that it is there for.", metavar="A,B", read=comma_list)
    capabilities: Sequence[str] | None = option("What else it can do.", metavar="A,B", read=comma_list)
    max_parallel: int | None = option("Tasks at once at most.", metavar="N", read=WholeNumber(1))
    model: str | None = option("The model it asks for.", metavar="M")
    force: bool = flag("Write it anew where there is one.")


_FIELDS = ("command", "extends", "best_for", "types", "capabilities", "max_parallel", "model")


class _Registered(NamedTuple):
    file: str
    agent: Listed


def _register(call: Call, params: RegisterParams) -> _Registered:
    """Write the file of an agent, agents/KEY.md.

    With --command it is a program of its own, else a role of claude or of the agent that --extends names. Everything
    else there is to say of one stands in the file (docs/agents.md).

    Examples:
      orchestrator agent register eva --types test --max-parallel 1 --role "You are Eva. You test."
      orchestrator agent register codex --command "codex exec --sandbox workspace-write -" --types dev
    """
    values = {name: getattr(params, name) for name in _FIELDS}
    given = {name: value for name, value in values.items() if value is not None}
    path, member = register(call.plan(), params.key, given, params.role, os.environ, force=params.force)
    return _Registered(path, Listed(member, 0, lacks(member)))


def _registered_facts(registered: _Registered) -> Facts:
    return {
        "message": f"registered {registered.agent.member.key}",
        "file": registered.file,
        "agent": agent_facts(registered.agent),
    }


def _registered_remarks(registered: _Registered) -> Iterator[str]:
    if registered.agent.lacks:
        yield f"warning: {registered.agent.lacks}"


# ── workload ─────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class WorkloadParams:
    """Whether only those with room are named."""

    below: int | None = option(
        "Names alone: who has room and fewer than N under way.", metavar="N", read=WholeNumber(1)
    )


class Workload(NamedTuple):
    """How much each agent and assignee has to do; and which plans could not be read, and why."""

    loads: Sequence[Load]
    broken: Mapping[str, str]


class AgentTask(NamedTuple):
    """A task of one plan."""

    plan: str
    """Its directory, relative to the one that was asked about."""
    task: str


def workload(layout: Layout, agents: Agents) -> Workload:
    """Return how much each agent and assignee has to do, in a plan or in all plans of a directory.

    *agents* reads the agents of a plan.

    Raises:
        PlanError, NotFoundError, StoreError: the only plan there is cannot be read.
    """
    found, broken = _duties_of_plans(layout, agents)
    duties = [duty for _, of_plan in found.values() for duty in of_plan]
    return Workload(loads(duties, agents(layout)), broken)


def send_message(layout: Layout, name: str, text: str, author: str, agents: Agents) -> list[AgentTask]:
    """Share a message on every open task of one agent or assignee; return these tasks.

    What is shared on a task is in its prompt, its context and the journal.

    Raises:
        NotFoundError: there is no open task of that name.
        UsageError: there is nothing in the message, or too much.
        PlanError, StoreError: a plan cannot be read.
    """
    text = f"@{one_line(name, 64)} {clean(text)}"
    found, _ = _duties_of_plans(layout, agents)
    sent = []
    for plan, (place, duties) in found.items():
        for duty in duties:
            if name in duty.names and duty.is_open:
                say(place, duty.task, MessageKind.SHARE, author, text)
                sent.append(AgentTask(plan, duty.task))
    if not sent:
        raise NotFoundError(
            f"{one_line(name, 64)} has no open task here",
            hint="`orchestrator agent workload` shows who has; `share` tells everybody",
        )
    return sent


def _duties_of_plans(layout: Layout, agents: Agents) -> tuple[dict[str, tuple[Layout, list[Duty]]], dict[str, str]]:
    places = dict(live_plans(layout)) or {".": layout}
    return read_each(places, lambda _, place: (place, list(_duties(place, agents))))


def _duties(layout: Layout, agents: Agents) -> Iterator[Duty]:
    workspace = Workspace(layout)
    board = really_done(workspace.load(keep_cache=False))
    policies = task_settings(workspace, board.plan, agents(layout))
    for task in board.plan.tasks.values():
        if task.children:
            continue  # no agent works on a group
        settings = policies[task.id]
        agent = settings.subagent or settings.agent
        names = names_of(task, board.results.get(task.id), agent)
        yield Duty(task.id, names, board.status(task.id))


class _Loads(NamedTuple):
    workload: Workload
    is_bare: bool
    """Names alone, one per line."""


def _workload(call: Call, params: WorkloadParams) -> _Loads:
    """Show how many tasks each agent and assignee has.

    Under way (and how many it may have), pending, waiting, blocked. A task counts for anyone who is responsible and for
    the agent that does it. For a directory of plans: in all of them.

    Examples:
      orchestrator agent workload
      orchestrator add "New task" --assignee "$(orchestrator agent workload --below 3 | head -n 1)"

    With --below the least busy comes first, and agents that cannot work here are left out.
    """
    layout = call.plan()
    found = workload(layout, call.agents)
    if params.below is None:
        return _Loads(found, is_bare=False)
    registry = call.agents(layout)
    # A run that gives an agent a task which cannot work here would not begin.
    able = [each for each in found.loads if not (each.is_agent and lacks(registry[each.name]))]
    return _Loads(found._replace(loads=with_room(able, params.below)), is_bare=True)


def _workload_facts(found: _Loads) -> Facts:
    loads, broken = found.workload
    return {
        "message": f"{len(loads)} agents and assignees",
        "workload": [_load_facts(each) for each in loads],
        "skipped": passed_over(broken),
    }


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


def _workload_text(found: _Loads) -> str:
    if found.is_bare:
        return "".join(f"{each.name}\n" for each in found.workload.loads)
    return workload_text(found.workload.loads, terminal_width())


# ── metrics ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class MetricsParams:
    """Since when."""

    days: int = days_option()


class _Metrics(NamedTuple):
    ledger: Ledger
    days: int


def _metrics(call: Call, params: MetricsParams) -> _Metrics:
    """Show what each agent did in the last days.

    Attempts, how many of them completed a task or failed, the median time of those that completed one, time and cost.
    An interruption or a hold is not a failure of the agent. `report` has these figures by day and task as well.

    Examples:
      orchestrator agent metrics --days 30
    """
    return _Metrics(look_back(call.plan(), params.days, time.time()), params.days)


def _metrics_facts(found: _Metrics) -> Facts:
    agents = found.ledger.figures.agents
    return {
        "message": f"{pluralize(len(agents), 'agent')} in {pluralize(found.days, 'day')}",
        "days": found.days,
        "agents": {name: share_facts(each) for name, each in agents.items()},
    }


# ── message ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class AgentMessageParams:
    """To whom, and what."""

    key: str = argument("KEY", completion="agent")
    message: str = argument("MSG", dash="any", stdin=LIMIT)


class _Sent(NamedTuple):
    author: str
    to: str
    tasks: Sequence[AgentTask]


def _message(call: Call, params: AgentMessageParams) -> _Sent:
    """Tell one agent or assignee something.

    It is shared, with @KEY in front, on every open task that is theirs: so it is in the prompt of those that start from
    now on, in `context`, and `watch` shows it. `-` reads it from standard input.

    Examples:
      orchestrator agent message db_specialist "The schema is frozen until Friday"
    """
    author = call.caller()
    tasks = send_message(call.plan(), params.key, params.message, author, call.agents)
    return _Sent(author, params.key, tasks)


def _message_facts(sent: _Sent) -> Facts:
    tasks = [each.task if each.plan == "." else f"{each.plan}/{each.task}" for each in sent.tasks]
    return {
        "message": f"{sent.author} told {sent.to} on {', '.join(tasks)}",
        "by": sent.author,
        "to": sent.to,
        "tasks": [each._asdict() for each in sent.tasks],
    }


COMMAND = Group(
    """Add an agent, see how much each has to do and what it did, tell one something.

    Examples:
      orchestrator agent register reviewer --role "You review code, and you are kind."
      orchestrator agent workload
      orchestrator agent metrics --days 30
      orchestrator agent message reviewer "The API is frozen"

    `orchestrator agents` lists them.
    """,
    {
        "register": Command(
            RegisterParams,
            _register,
            _registered_facts,
            lambda registered: f"{os.path.relpath(registered.file)}\n",
            remarks=_registered_remarks,
        ),
        "workload": Command(
            WorkloadParams,
            _workload,
            _workload_facts,
            _workload_text,
            remarks=lambda found: broken_warnings(found.workload.broken),
            takes=(DIRECTORY, DIR, JSON),
        ),
        "metrics": Command(
            MetricsParams,
            _metrics,
            _metrics_facts,
            lambda found: metrics_text(found.ledger.figures.agents, terminal_width()),
            remarks=lambda found: broken_warnings(found.ledger.broken),
            takes=(DIRECTORY, DIR, JSON),
        ),
        "message": Command(AgentMessageParams, _message, _message_facts, takes=(DIR, CALLER, JSON)),
    },
)
