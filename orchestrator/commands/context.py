"""The command ``context``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument
from orchestrator.commands.reply import with_program
from orchestrator.core.message import Message
from orchestrator.core.plan import Task
from orchestrator.core.snapshot import TaskState
from orchestrator.services.messages import messages_on
from orchestrator.services.task_view import find_task
from orchestrator.store.workspace import Workspace
from orchestrator.views.messages import context_text


@dataclass(frozen=True)
class ContextParams:
    """A task."""

    task: str = argument("ID", completion="task")


class Context(NamedTuple):
    """The messages about a task that one reader may see, oldest first, and the status of the task."""

    task: Task
    standing: TaskState
    messages: list[Message]


def execute(call: Call, params: ContextParams) -> Context:
    """Show the messages about a task, and your own notes, oldest first.

    Examples:
      orchestrator context T-05
      orchestrator context T-05 --as db_specialist --json
    """
    layout = call.plan()
    reader = call.caller()
    board = Workspace(layout).load()
    task = find_task(board, params.task)
    return Context(task, board.standing[task.id], messages_on(layout, task, reader))


def text(found: Context) -> str:
    """Return the messages for people, and how to add one."""
    share = with_program(f'orchestrator share {found.task.id} "…"')
    return context_text(found.task, found.standing, found.messages, share)


def facts(found: Context) -> Facts:
    """Return the messages as JSON."""
    return {
        "message": f"{len(found.messages)} messages about {found.task.id}",
        "task": {
            "id": found.task.id,
            "name": found.task.name,
            "status": found.standing.status.value,
            "reason": found.standing.reason,
        },
        "messages": [
            {"time": each.time, "kind": each.kind.value, "by": each.author, "text": each.text}
            for each in found.messages
        ],
    }


COMMAND = Command(ContextParams, execute, facts, text, takes=(DIR, CALLER, JSON))
