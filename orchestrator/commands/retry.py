"""The command ``retry``."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, Facts
from orchestrator.commands.task_command import TAKES, ReasonParams, task_command, waits
from orchestrator.core.status import Verb
from orchestrator.runner.task_commands import retry
from orchestrator.store.requests import Reply


def execute(call: Call, params: ReasonParams) -> Sequence[Reply]:
    """Have a task done again, by the active run or by the next one.

    Earlier attempts stay in the result file and in the logs. For a skipped task, what failed before it is done again.
    A task that was started by hand is released; one that a run is executing is not. For one that met a usage limit,
    with no active run, the next run does not wait for the account to open.

    Examples:
      orchestrator retry T-03
    """
    layout = call.plan()
    command = task_command(call, layout, Verb.RETRY, params.task, note=params.note)
    return retry(layout, command, call.plugins, waits(call, layout))


def facts(replies: Sequence[Reply]) -> Facts:
    """Return the answers as JSON: one for each task that is done again."""
    message = "; ".join(reply.message for reply in replies)
    return {"message": message, "task": replies[-1].task, "status": replies[-1].status}


COMMAND = Command(ReasonParams, execute, facts, takes=TAKES)
