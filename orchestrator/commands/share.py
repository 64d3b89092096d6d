"""The command ``share``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.message import TAKES, MessageParams, facts, send
from orchestrator.commands.registry import Command
from orchestrator.core.message import Message, MessageKind


def execute(call: Call, params: MessageParams) -> Message:
    """Tell everybody something about a task: progress, a decision, a handoff.

    Examples:
      orchestrator share T-01 "Decided on PostgreSQL with JSONB columns"
      orchestrator share T-01 - < decision.md

    Whoever does a task gets what was shared on it, and on what it depends on, with the task.
    """
    return send(call, MessageKind.SHARE, params.task, params.text)


COMMAND = Command(MessageParams, execute, facts, takes=TAKES)
