"""The command ``start``."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, WholeNumber, argument, option
from orchestrator.commands.task_command import TAKES, change, facts
from orchestrator.core.status import Verb
from orchestrator.store.requests import Reply


@dataclass(frozen=True)
class StartParams:
    """A task, and how far it is."""

    task: str = argument("ID", completion="task")
    progress: int | None = option("Per cent done.", metavar="N", read=WholeNumber(0, 100))


def execute(call: Call, params: StartParams) -> Reply:
    """Take a task into your own hands, or say how far you are.

    No run touches it until you `complete`, `fail`, `block` or `cancel` it.

    Examples:
      orchestrator start T-03
      orchestrator start T-03 --progress 40
    """
    return change(call, Verb.START, params.task, progress=params.progress)


COMMAND = Command(StartParams, execute, facts, takes=TAKES)
