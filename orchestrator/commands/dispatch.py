"""The command ``dispatch``: one more task of an approved plan."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.plan_facts import move, subtask_facts
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, option, with_help
from orchestrator.core.agent import AgentRegistry, running_tasks
from orchestrator.core.plan import Task, unknown_task
from orchestrator.core.plan_status import Step
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.status import TaskStatus
from orchestrator.errors import PlanError
from orchestrator.plan.columns import read_needs
from orchestrator.plan.header import plan_header_of
from orchestrator.services.new_task import NewTask, add
from orchestrator.services.plans import begin, require_approval
from orchestrator.services.task_settings import task_settings
from orchestrator.services.validation import read_dependencies
from orchestrator.store.agent_files import Agents
from orchestrator.store.collection import plan_id
from orchestrator.store.compare_and_swap import take
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace


@dataclass(frozen=True)
class DispatchParams:
    """The task, and the plan it belongs to."""

    task: str = argument("ID")
    title: str = argument("TITLE", dash="prose")
    agent: str = option("Who does it: an agent, or any name.", metavar="A", default="", completion="agent")
    type: str = option("What sort of work (dev).", metavar="dev|test|…", default="dev")
    deps: Sequence[str] = option("What it needs: subtask_01,subtask_02.", metavar="IDS", is_repeated=True)
    priority: str = option("How urgent it is (default P2).", metavar="P0..P3", default="P2")


class SubtaskReply(NamedTuple):
    """A task of a plan, and how the plan moved on."""

    layout: Layout
    message: str
    subtask: dict[str, Any]
    steps: Sequence[Step]
    text: str
    is_json: bool

    @classmethod
    def of(cls, call: Call, layout: Layout, subtask: str, steps: Sequence[Step], message: str) -> SubtaskReply:
        """Read the task."""
        (found,) = subtask_facts(Workspace(layout).load(), [subtask])
        return cls(layout, message, found, steps, subtask, call.is_json)


def facts(reply: SubtaskReply) -> Facts:
    """Return the task as JSON."""
    about = {"subtask_id" if key == "id" else key: value for key, value in reply.subtask.items()}
    steps = list(map(move, reply.steps))
    name = plan_id(reply.layout)
    return {"message": reply.message, "task_id": name, **about, "transitions": steps}


def remarks(reply: SubtaskReply) -> Iterator[str]:
    """Yield how the plan moved on; the JSON has it."""
    if not reply.is_json:
        yield from (f"{plan_id(reply.layout)}: {move(step)}" for step in reply.steps)


def execute(call: Call, params: DispatchParams) -> SubtaskReply:
    """Give an agent a task of an approved plan, and print its id.

    Examples:
      orchestrator dispatch TASK-001 "Implement auth models" --agent claude-code --type dev
      orchestrator dispatch TASK-001 "Run tests" --agent eva --type test --deps subtask_01

    Who it is reports with `subtask`; or `auto-dispatch` and `run` start an agent for it.
    """
    layout, agent = call.plan(params.task), params.agent
    values = {"assignee": agent, "type": params.type, "priority": params.priority}
    task = NewTask(text=params.title, needs=",".join(params.deps), values=values)
    made, steps = dispatch(layout, task, call.agents, who=call.caller())
    message = f"Dispatched {made}{f' to {agent}' if agent else ''}"
    return SubtaskReply.of(call, layout, made, steps, message)


def dispatch(layout: Layout, task: NewTask, agents: Agents, *, who: str) -> tuple[str, list[Step]]:
    """Add a task to a plan that may be worked on; return its id, and how the plan moved on.

    Raises:
        ApprovalError, TransitionError: the plan waits for approval, or is over.
        CapacityError: it could begin at once, and its agent has as many tasks under way as it may.
        UsageError, NotFoundError, PlanError, StoreError: as ``add``.
    """
    workspace = Workspace(layout)
    board = really_done(workspace.load())
    require_approval(layout, board.plan.header)
    task = task._replace(needs=read_dependencies(layout, task.needs))
    needs, _ = read_needs(task.needs)
    for need in needs:
        if need not in board.plan.tasks:  # so a new task is never part of a cycle
            raise unknown_task(need, board.plan.tasks, "--deps")
    if all(board.status(need) is TaskStatus.COMPLETED for need in needs):
        _require_room(workspace, board, task, agents(layout))
    made = add(layout, task, who, agents).id
    plan_header = plan_header_of(take(layout.plan).data, os.path.relpath(layout.plan))
    return made, begin(layout, plan_header, time.time(), "a task was dispatched")


def _require_room(workspace: Workspace, board: PlanSnapshot, task: NewTask, registry: AgentRegistry) -> None:
    probe = Task("_", "_", "_", agent=task.agent, assignee=task.assignee, type=task.type)
    plan = board.plan._replace(tasks={probe.id: probe})
    try:
        policies = task_settings(workspace, plan, registry)
    except PlanError:
        return  # `add` says better what is wrong with it
    registry.require_room(policies[probe.id].agent, running_tasks(board.results.values()))


COMMAND = Command(
    DispatchParams,
    execute,
    facts,
    lambda reply: f"{reply.text}\n",
    remarks=remarks,
    takes=(with_help(DIR, "The directory of plans."), CALLER, JSON),
)
