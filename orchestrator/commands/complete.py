"""The command ``complete``."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, Facts, argument, flag, option
from orchestrator.commands.task_command import TAKES, task_command, waits
from orchestrator.core import criteria
from orchestrator.core.status import Verb
from orchestrator.errors import UsageError
from orchestrator.plan.lines import LARGEST_TEXT
from orchestrator.runner.task_commands import Completed, complete


@dataclass(frozen=True)
class CompleteParams:
    """A task, its result, and whether its success criteria are checked."""

    task: str = argument("ID", completion="task")
    answer: str = argument("[MSG]", default="", dash="prose", stdin=LARGEST_TEXT)
    summary: str = option("The result, as MSG; - reads it from stdin.", metavar="TEXT", default="", stdin=LARGEST_TEXT)
    note: str = option("A remark; MSG is the result.", metavar="TEXT", default="")
    validate: bool = flag("Refuse while a success criterion is open.")
    met: str = option("Tick these criteria, and validate.", metavar="N,N|all", default="")


def execute(call: Call, params: CompleteParams) -> Completed:
    """Say that a task is done; MSG is its result.

    If an agent is at it, the agent is ended. With --validate it is refused (exit status 1) while a success criterion
    of the task is open: one is met when its box in the task file is ticked, or when --met names it now. A task without
    criteria is completed.

    Examples:
      orchestrator complete T-03 "The index is in src/index.ts."
      orchestrator complete T-03 --validate --met 1,3 --summary "The index is in src/index.ts."
    """
    if params.answer and params.summary:
        raise UsageError("the result is there twice", hint="give MSG or --summary")
    layout = call.plan()
    answer = params.answer or params.summary
    command = task_command(call, layout, Verb.COMPLETE, params.task, note=params.note, answer=answer)
    before = waits(call, layout)
    return complete(layout, command, call.plugins, before, validate=params.validate, met=params.met)


def facts(done: Completed) -> Facts:
    """Return the answer as JSON, with the criteria that were checked."""
    found = {"message": done.message, "task": done.reply.task, "status": done.reply.status}
    return found if done.criteria is None else {**found, "criteria": criteria.facts(done.criteria)}


COMMAND = Command(CompleteParams, execute, facts, takes=TAKES)
