"""The command ``share``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.message import TAKES, MessageParams, facts, send
from orchestrator.commands.registry import Command
from orchestrator.core.message import Message, MessageKind


def execute(call: Call, params: MessageParams) -> Message:
    """Share something about a task with everybody: progress, a decision, a handoff.

    Examples:
      orchestrator share T-01 "Decided on PostgreSQL with JSONB columns"
      orchestrator share T-01 - < decision.md

    The agent of a task gets, with the task, what was shared on it and on its dependencies.
    """
    return send(call, MessageKind.SHARE, params.task, params.text)


COMMAND = Command(MessageParams, execute, facts, takes=TAKES)
