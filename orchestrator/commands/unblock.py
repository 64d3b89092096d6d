"""The command ``unblock``."""

from __future__ import annotations

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command
from orchestrator.commands.task_command import TAKES, ReasonParams, change, facts
from orchestrator.core.status import Verb
from orchestrator.store.requests import Reply


def execute(call: Call, params: ReasonParams) -> Reply:
    """Let a blocked task be done.

    Examples:
      orchestrator unblock T-03
    """
    return change(call, Verb.UNBLOCK, params.task, params.note)


COMMAND = Command(ReasonParams, execute, facts, takes=TAKES)
