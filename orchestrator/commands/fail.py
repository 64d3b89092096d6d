"""The command ``fail``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command
from orchestrator.commands.task_command import TAKES, ReasonParams, change, facts
from orchestrator.core.status import Verb
from orchestrator.store.requests import Reply


def execute(call: Call, params: ReasonParams) -> Reply:
    """Say that a task cannot be done, and why. What depends on it is skipped.

    Examples:
      orchestrator fail T-03 "The file does not exist"
    """
    return change(call, Verb.FAIL, params.task, params.note)


COMMAND = Command(ReasonParams, execute, facts, takes=TAKES)
