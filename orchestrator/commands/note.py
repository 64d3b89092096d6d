"""The command ``note``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.message import TAKES, MessageParams, facts, send
from orchestrator.commands.registry import Command
from orchestrator.core.message import Message, MessageKind


def execute(call: Call, params: MessageParams) -> Message:
    """Note something about a task for yourself; no other caller sees it.

    Examples:
      orchestrator note T-01 "Considering NoSQL for this" --as db_specialist
    """
    return send(call, MessageKind.NOTE, params.task, params.text)


COMMAND = Command(MessageParams, execute, facts, takes=TAKES)
