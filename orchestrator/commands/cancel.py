"""The command ``cancel``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command
from orchestrator.commands.task_command import TAKES, ReasonParams, change, facts
from orchestrator.core.status import Verb
from orchestrator.store.requests import Reply


def execute(call: Call, params: ReasonParams) -> Reply:
    """Give a task up, also while it runs: its processes are ended. What depends on it is skipped.

    Examples:
      orchestrator cancel T-03 "No longer needed"
    """
    return change(call, Verb.CANCEL, params.task, params.note)


COMMAND = Command(ReasonParams, execute, facts, takes=TAKES)
