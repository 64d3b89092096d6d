"""``start``, ``complete``, ``fail``, ``block``, ``unblock``, ``cancel``, ``retry`` and ``claim``."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from orchestrator.actions.task_commands import act, complete, intervene
from orchestrator.cli.options import takes_caller, takes_json
from orchestrator.cli.reply import caller, from_stdin, plan_directory, say_json, talk, write
from orchestrator.cli.texts import TakesProse
from orchestrator.core import criteria
from orchestrator.core.snapshot import MERGER, NAMES
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import UsageError
from orchestrator.store.lock import lock_owner, suspended
from orchestrator.store.task_ids import resolve_ids
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.services.plugins import Plugins
    from orchestrator.store.layout import Layout

_Function = TypeVar("_Function", bound=Callable[..., Any])
_MESSAGE = click.argument("message", metavar="[MSG]", default="")


def agents(layout: Layout) -> Plugins:
    """Return the agents, which only a command needs that finds a run dead."""
    from orchestrator.wiring import plugins

    return plugins(layout=layout)


def wish(
    layout: Layout,
    verb: Verb,
    task: str,
    name: str | None,
    *,
    note: str = "",
    answer: str = "",
    progress: int | None = None,
) -> TaskCommand:
    """Return what somebody wants who calls a command right now.

    Raises:
        UsageError: they have no proper name, or may mean any of several tasks.
        NotFoundError, PlanError, StoreError: the plan cannot be read.
    """
    task = resolve_ids(layout, task)
    is_worker = bool(task) and os.environ.get("ORCHESTRATOR_TASK_ID") == task
    return TaskCommand(
        verb=verb,
        task=task,
        by=caller(name),
        time=time.time(),
        note=note,
        answer=answer,
        progress=progress,
        run=os.environ.get("ORCHESTRATOR_RUN_ID", "") if is_worker else "",
    )


def waiting(layout: Layout, *, as_json: bool) -> Callable[[], None]:
    """Return what says what a command waits for (not with ``--json``), and has SIGTERM end it in order from then on."""

    def say() -> None:
        from orchestrator.runner.signals import end_in_order  # most commands ask no run

        end_in_order()
        if not as_json:
            why_later = suspended(lock_owner(layout.lock)) or _merging(layout)
            talk(f"asking the run that is at work … {why_later}".rstrip())

    return say


def _merging(layout: Layout) -> str:
    """Return that a run which only merges yet looks into no request; empty: it has tasks to do."""
    merge = Workspace(layout).read_result(MERGER)
    is_merging = merge is not None and merge.status is TaskStatus.RUNNING
    return f"{NAMES[MERGER]}: it is done once the run is over" if is_merging else ""


def _takes_task(function: _Function) -> _Function:
    function = click.option("--dir", "option", metavar="DIR", help="The plan directory.")(function)
    function = takes_caller(takes_json(function))
    return click.argument("task_id", metavar="ID")(function)


def _do(layout: Layout, wanted: TaskCommand, *, as_json: bool) -> None:
    replies = act(layout, wanted, agents, waiting(layout, as_json=as_json))
    message = "; ".join(reply.message for reply in replies)
    if as_json:
        say_json(message, task=replies[-1].task, status=replies[-1].status)
        return
    talk(message)


@click.command("start")
@_takes_task
@click.option("--progress", type=click.IntRange(0, 100), metavar="N", help="Per cent done.")
def start_command(
    task_id: str, option: str | None, name: str | None, *, as_json: bool, progress: int | None
) -> None:
    """Take a task into your own hands, or say how far you are.

    No run touches it until you `complete`, `fail`, `block` or `cancel` it.

    \b
      orchestrator start T-03
      orchestrator start T-03 --progress 40
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(None, option)
    _do(layout, wish(layout, Verb.START, task_id, name, progress=progress), as_json=as_json)


@click.command("complete", cls=TakesProse)
@_takes_task
@_MESSAGE
@click.option(
    "--summary", default="", metavar="TEXT", help="The result, as MSG; - reads it from stdin."
)
@click.option("--note", default="", metavar="TEXT", help="A remark; MSG is the result.")
@click.option("--validate", is_flag=True, help="Refuse while a success criterion is open.")
@click.option("--met", default="", metavar="N,N|all", help="Tick these criteria, and validate.")
def complete_command(
    task_id: str,
    option: str | None,
    name: str | None,
    message: str,
    *,
    as_json: bool,
    summary: str,
    note: str,
    validate: bool,
    met: str,
) -> None:
    """Say that a task is done; MSG is its result.

    If an agent is at it, the agent is ended. With --validate it is refused (exit status 1) while a success criterion
    of the task is open: one is met when its box in the task file is ticked, or when --met names it now. A task without
    criteria is completed.

    \b
      orchestrator complete T-03 "The index is in src/index.ts."
      orchestrator complete T-03 --validate --met 1,3 --summary "The index is in src/index.ts."
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    if message and summary:
        raise UsageError("the result is there twice", hint="give MSG or --summary")
    if (answer := message or summary) == "-":
        answer = from_stdin()
    layout = plan_directory(None, option)
    wanted = wish(layout, Verb.COMPLETE, task_id, name, note=note, answer=answer)
    waits = waiting(layout, as_json=as_json)
    done = complete(layout, wanted, agents, waits, validate=validate, met=met)
    if not as_json:
        talk(done.message)
        return
    facts: dict[str, Any] = (
        {} if done.criteria is None else {"criteria": criteria.facts(done.criteria)}
    )
    say_json(done.message, task=done.reply.task, status=done.reply.status, **facts)


def _verb_with_reason(verb: Verb, text: str, example: str) -> click.Command:
    @click.command(
        verb.value, cls=TakesProse, help=f"{text}\n\n\b\n  orchestrator {verb.value} {example}"
    )
    @_takes_task
    @_MESSAGE
    def command(
        task_id: str, option: str | None, name: str | None, message: str, *, as_json: bool
    ) -> None:
        layout = plan_directory(None, option)
        _do(layout, wish(layout, verb, task_id, name, note=message), as_json=as_json)

    return command


fail_command = _verb_with_reason(
    Verb.FAIL,
    "Say that a task cannot be done, and why. What depends on it is skipped.",
    'T-03 "The file does not exist"',
)
block_command = _verb_with_reason(
    Verb.BLOCK,
    "Keep a task from being done for now. What depends on it waits.",
    'T-03 "Waits for the key"',
)
unblock_command = _verb_with_reason(Verb.UNBLOCK, "Let a blocked task be done.", "T-03")
cancel_command = _verb_with_reason(
    Verb.CANCEL,
    "Give a task up, also while it runs: its processes are ended. What depends on it is skipped.",
    'T-03 "No longer needed"',
)
retry_command = _verb_with_reason(
    Verb.RETRY,
    "Have a task done again, by the run that is at work or by the next one."
    " Earlier attempts stay in the result file and in the logs."
    " For a skipped task, what failed before it is done again."
    " What somebody has in hand by command is given back; what a run is at is not."
    " For one that met a usage limit, with no run at work, the next run does not wait for the account to open.",
    "T-03",
)


@click.command("claim")
@click.argument("task_id", metavar="[ID]", default="")
@takes_caller
@takes_json
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
def claim_command(task_id: str, name: str | None, *, as_json: bool, option: str | None) -> None:
    """Take a task that nobody else has, and print its id.

    Of many who want the same one, exactly one gets it. Without ID you get the next one that is ready: what is assigned
    to you first, then by priority.

    \b
      ID=$(orchestrator claim --as db_specialist)
      orchestrator claim T-05
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(None, option)
    wanted = wish(layout, Verb.START, task_id, name)
    reply = intervene(layout, wanted, agents, waiting(layout, as_json=as_json))
    if as_json:
        say_json(reply.message, task=reply.task, status=reply.status)
    else:
        write(f"{reply.task}\n")
