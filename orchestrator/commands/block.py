"""The command ``block``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command
from orchestrator.commands.task_command import TAKES, ReasonParams, change, facts
from orchestrator.core.status import Verb
from orchestrator.store.requests import Reply


def execute(call: Call, params: ReasonParams) -> Reply:
    """Keep a task from being done for now. What depends on it waits.

    Examples:
      orchestrator block T-03 "Waits for the key"
    """
    return change(call, Verb.BLOCK, params.task, params.note)


COMMAND = Command(ReasonParams, execute, facts, takes=TAKES)
