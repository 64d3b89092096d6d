"""The command ``sync``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.message import TAKES, MessageParams, facts, send
from orchestrator.commands.registry import Command
from orchestrator.core.message import Message, MessageKind


def execute(call: Call, params: MessageParams) -> Message:
    """Set a checkpoint for everybody: a milestone, a point where all check in.

    Examples:
      orchestrator sync T-01 "MILESTONE: phase 1 complete, beginning integration"
    """
    return send(call, MessageKind.SYNC, params.task, params.text)


COMMAND = Command(MessageParams, execute, facts, takes=TAKES)
