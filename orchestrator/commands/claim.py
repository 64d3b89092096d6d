"""The command ``claim``."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, argument
from orchestrator.commands.task_command import TAKES, change, facts
from orchestrator.core.status import Verb
from orchestrator.store.requests import Reply


@dataclass(frozen=True)
class ClaimParams:
    """A task; empty: the next one that is ready."""

    task: str = argument("[ID]", default="", completion="task")


def execute(call: Call, params: ClaimParams) -> Reply:
    """Take a task that no other caller has, and print its id.

    Of many who want the same one, exactly one gets it. Without ID you get the next one that is ready: what is assigned
    to you first, then by priority.

    Examples:
      ID=$(orchestrator claim --as db_specialist)
      orchestrator claim T-05
    """
    return change(call, Verb.START, params.task)


def text(reply: Reply) -> str:
    """Return the id, for a script."""
    return f"{reply.task}\n"


COMMAND = Command(ClaimParams, execute, facts, text, takes=TAKES)
