"""The command ``subtask``: where a task of a plan stands."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace

from orchestrator.commands.call import Call
from orchestrator.commands.dispatch import SubtaskReply, facts, remarks
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, WholeNumber, argument, option, with_help
from orchestrator.commands.reply import is_named
from orchestrator.commands.task_command import task_command, waits
from orchestrator.core.agent import reporter
from orchestrator.core.plan_status import subtask_word
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.errors import TransitionError, UsageError
from orchestrator.runner.task_commands import act
from orchestrator.services.plans import advance, require_subtask
from orchestrator.store.workspace import Workspace

_ACTIONS = {"start": Verb.START, "done": Verb.COMPLETE, "fail": Verb.FAIL, "block": Verb.BLOCK, "unblock": Verb.UNBLOCK}
#: The status of the task in a refusal, and that of one that it needs.
_OWN_STATUS = re.compile(r"(?<=transition: )\w+|(?<=task that is )\w+(?= allows)")
_STATUS_OF = re.compile(r"(\S+) \((\w+)\)")


@dataclass(frozen=True)
class SubtaskParams:
    """Which task, and what became of it."""

    task: str = argument("ID")
    subtask: str = argument("SUBTASK")
    action: str = argument("start|done|fail|block|unblock", dash="prose")
    progress: int | None = option("Per cent done.", metavar="N", read=WholeNumber(0, 100))
    note: str = option("The outcome, or the reason.", metavar="TEXT", default="")


def execute(call: Call, params: SubtaskParams) -> SubtaskReply:
    """Say where a task of a plan stands.

    Examples:
      orchestrator subtask TASK-001 subtask_01 start --progress 30
      orchestrator subtask TASK-001 subtask_01 done --note "Models complete"

    With `done` the note is the result: anyone who depends on it reads it. The plan moves on as far as that leads.
    Without --as and TM_AGENT_ID, `start` is on the account of the agent that it was dispatched to.
    """
    if params.action not in _ACTIONS:
        raise UsageError(f"{params.action!r} is no action", hint=f"one of {', '.join(_ACTIONS)}")
    layout, verb = call.plan(params.task), _ACTIONS[params.action]
    board = Workspace(layout).load()
    subtask = require_subtask(layout, board, params.subtask)
    if not is_named(call.name):
        about = board.plan.tasks[subtask], board.results.get(subtask)
        call = replace(call, name=reporter(*about, verb, call.caller()))
    command = task_command(
        call,
        layout,
        verb,
        subtask,
        note=params.note,
        answer=params.note if verb is Verb.COMPLETE else "",
        progress=params.progress,
    )
    try:
        act(layout, command, call.plugins, waits(call, layout))
    except TransitionError as error:
        message = error.message.replace(f"+ '{verb.value}'", f"+ '{params.action}'")
        error.message = _with_plan_words(message, board, subtask)
        error.hint = _with_plan_words(error.hint, board, subtask)
        raise
    steps = advance(layout, Workspace(layout).load(), time.time())
    reply = SubtaskReply.of(call, layout, subtask, steps, "")
    message = f"{subtask} is {reply.subtask['status']}"
    return reply._replace(message=message, text=message)


def _with_plan_words(text: str, board: PlanSnapshot, subtask: str) -> str:
    """Name statuses as the rest of the command does: ``DONE`` and not ``completed``.

    The refusal may be that of a run, which sends its words.
    """

    def word(task_id: str, status: str) -> str:
        task = board.plan.tasks.get(task_id)
        if task is None or status not in set(TaskStatus):
            return status
        return subtask_word(TaskStatus(status), is_assigned=bool(task.assignee or task.agent))

    text = _OWN_STATUS.sub(lambda found: word(subtask, found[0]), text)
    return _STATUS_OF.sub(lambda found: f"{found[1]} ({word(found[1], found[2])})", text)


COMMAND = Command(
    SubtaskParams,
    execute,
    facts,
    lambda reply: f"{reply.text}\n",
    remarks=remarks,
    takes=(with_help(DIR, "The directory of plans."), CALLER, JSON),
)
