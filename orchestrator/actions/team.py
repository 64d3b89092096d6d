"""Who has how much to do, and a word to one of them (seed rows S1-33, S1-38)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.agent import Duty, Load, loads, names_of
from orchestrator.core.message import MessageKind, clean
from orchestrator.core.snapshot import really_done
from orchestrator.core.text import one_line
from orchestrator.errors import NotFoundError
from orchestrator.services.messages import say
from orchestrator.services.task_settings import task_settings
from orchestrator.store.collection import live_plans, read_each
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents


class Workload(NamedTuple):
    """How much everybody has to do; and which plans could not be read, and why."""

    loads: Sequence[Load]
    broken: Mapping[str, str]


class AgentTask(NamedTuple):
    """A task of one plan."""

    plan: str
    """Where it lies, seen from the directory that was asked about."""
    task: str


def workload(layout: Layout, agents: Agents) -> Workload:
    """Return how much everybody has to do, in a plan or in all plans of a directory.

    *agents* reads the agents of a plan.

    Raises:
        PlanError, NotFoundError, StoreError: the only plan there is cannot be read.
    """
    found, broken = _look(layout, agents)
    duties = [duty for _, of_plan in found.values() for duty in of_plan]
    return Workload(loads(duties, agents(layout)), broken)


def tell(layout: Layout, name: str, text: str, author: str, agents: Agents) -> list[AgentTask]:
    """Share a message on every open task of one agent or assignee; return these tasks.

    What is shared on a task is in its prompt, its context and the journal, so it is heard wherever they are.

    Raises:
        NotFoundError: nobody of that name has an open task.
        UsageError: there is nothing in the message, or too much.
        PlanError, StoreError: as their names say.
    """
    text = f"@{one_line(name, 64)} {clean(text)}"
    found, _ = _look(layout, agents)
    told = []
    for plan, (place, duties) in found.items():
        for duty in duties:
            if name in duty.names and duty.is_open:
                say(place, duty.task, MessageKind.SHARE, author, text)
                told.append(AgentTask(plan, duty.task))
    if not told:
        raise NotFoundError(
            f"{one_line(name, 64)} has no open task here",
            hint="`orchestrator agent workload` shows who has; `share` tells everybody",
        )
    return told


def _look(
    layout: Layout, agents: Agents
) -> tuple[dict[str, tuple[Layout, list[Duty]]], dict[str, str]]:
    places = dict(live_plans(layout)) or {".": layout}
    return read_each(places, lambda _, place: (place, list(_duties(place, agents))))


def _duties(layout: Layout, agents: Agents) -> Iterator[Duty]:
    workspace = Workspace(layout)
    board = really_done(workspace.load(keep_cache=False))
    policies = task_settings(workspace, board.plan, agents(layout))
    for task in board.plan.tasks.values():
        if task.children:
            continue  # nobody does an umbrella
        settings = policies[task.id]
        agent = settings.subagent or settings.agent
        names = names_of(task, board.results.get(task.id), agent)
        yield Duty(task.id, names, board.status(task.id))
