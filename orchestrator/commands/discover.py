"""The command ``discover``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.message import TAKES, MessageParams, facts, send
from orchestrator.commands.registry import Command
from orchestrator.core.message import Message, MessageKind


def execute(call: Call, params: MessageParams) -> Message:
    """Alert everybody: a critical finding, a blocker, a breakthrough.

    Examples:
      orchestrator discover T-05 "BLOCKED: need the schema finalized"

    It ends a `wait`, and goes to every task that starts from now on.
    """
    return send(call, MessageKind.DISCOVER, params.task, params.text)


COMMAND = Command(MessageParams, execute, facts, takes=TAKES)
