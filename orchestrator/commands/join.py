"""The command ``join``."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.commands.call import Call
from orchestrator.commands.message import TAKES, facts, send
from orchestrator.commands.registry import Command, argument
from orchestrator.core.message import Message, MessageKind


@dataclass(frozen=True)
class JoinParams:
    """A task."""

    task: str = argument("ID", completion="task")


def execute(call: Call, params: JoinParams) -> Message:
    """Say that you work on a task, and see what was said about it.

    Examples:
      orchestrator join T-01 --as db_specialist
    """
    return send(call, MessageKind.JOIN, params.task, "joined")


COMMAND = Command(JoinParams, execute, facts, takes=TAKES)
