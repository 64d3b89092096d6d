"""``dispatch``, ``subtask`` and ``auto-dispatch``."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any

import click

from orchestrator.actions.dispatching import Dispatch, Dispatcher, Passed, Round, dispatch
from orchestrator.cli.options import takes_caller, takes_json
from orchestrator.cli.plans import move, subtask_facts
from orchestrator.cli.texts import TakesProse
from orchestrator.commands.call import Call, known_agents
from orchestrator.commands.reply import (
    as_called,
    caller,
    is_named,
    plan_directory,
    say_error,
    say_json,
    talk,
    write,
)
from orchestrator.commands.task_command import task_command, waits
from orchestrator.core.agent import reporter
from orchestrator.core.plan_status import Step, subtask_word
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.errors import ExitStatus, OrchestratorError, TransitionError, UsageError
from orchestrator.runner.task_commands import act
from orchestrator.services.new_task import NewTask
from orchestrator.services.plans import advance, require_subtask
from orchestrator.store.collection import plan_id
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace

_ACTIONS = {
    "start": Verb.START,
    "done": Verb.COMPLETE,
    "fail": Verb.FAIL,
    "block": Verb.BLOCK,
    "unblock": Verb.UNBLOCK,
}

#: Where a refusal says how the task stands that somebody named, and how one that it needs.
_OWN_STATUS = re.compile(r"(?<=transition: )\w+|(?<=task that is )\w+(?= allows)")
_STATUS_OF = re.compile(r"(\S+) \((\w+)\)")


@click.command("dispatch", cls=TakesProse)
@click.argument("task", metavar="ID")
@click.argument("title")
@click.option("--agent", default="", metavar="A", help="Who does it: an agent, or any name.")
@click.option("--type", default="dev", metavar="dev|test|…", help="What sort of work (dev).")
@click.option("--deps", multiple=True, metavar="IDS", help="What it needs: subtask_01,subtask_02.")
@click.option("--priority", default="P2", metavar="P0..P3", help="How urgent it is (default P2).")
@click.option("--dir", "option", metavar="DIR", help="The directory of plans.")
@takes_caller
@takes_json
def dispatch_command(
    task: str,
    title: str,
    *,
    agent: str,
    type: str,
    deps: tuple[str, ...],
    priority: str,
    option: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Give an agent a task of an approved plan, and print its id.

    \b
      orchestrator dispatch TASK-001 "Implement auth models" --agent claude-code --type dev
      orchestrator dispatch TASK-001 "Run tests" --agent eva --type test --deps subtask_01

    Who it is reports with `subtask`; or `auto-dispatch` and `run` start an agent for it.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(task, option)
    values = {"assignee": agent, "type": type, "priority": priority}
    errand = NewTask(text=title, needs=",".join(deps), values=values)
    made, steps = dispatch(layout, errand, known_agents, who=caller(name))
    message = f"Dispatched {made}{f' to {agent}' if agent else ''}"
    if as_json:
        _say_json(layout, message, _subtask(layout, made), steps)
        return
    write(f"{made}\n")
    _say_moves(layout, steps)


@click.command("subtask", cls=TakesProse)
@click.argument("task", metavar="ID")
@click.argument("subtask", metavar="SUBTASK")
@click.argument("action", metavar="start|done|fail|block|unblock")
@click.option("--progress", type=click.IntRange(0, 100), metavar="N", help="Per cent done.")
@click.option("--note", default="", metavar="TEXT", help="What came of it, or why.")
@click.option("--dir", "option", metavar="DIR", help="The directory of plans.")
@takes_caller
@takes_json
def subtask_command(
    task: str,
    subtask: str,
    action: str,
    progress: int | None,
    note: str,
    *,
    option: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Say where a task of a plan stands.

    \b
      orchestrator subtask TASK-001 subtask_01 start --progress 30
      orchestrator subtask TASK-001 subtask_01 done --note "Models complete"

    With `done` the note is the result: whoever depends on it reads it. The plan moves on as far as that leads. Without
    --as and TM_AGENT_ID, `start` is on the account of the agent that it was dispatched to.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    if action not in _ACTIONS:
        raise UsageError(f"{action!r} is no action", hint=f"one of {', '.join(_ACTIONS)}")
    layout, verb = plan_directory(task, option), _ACTIONS[action]
    board = Workspace(layout).load()
    subtask = require_subtask(layout, board, subtask)
    if not is_named(name):
        about = board.plan.tasks[subtask], board.results.get(subtask)
        name = reporter(*about, verb, caller(name))
    call = Call(name=name, is_json=as_json)
    wanted = task_command(
        call,
        layout,
        verb,
        subtask,
        note=note,
        answer=note if verb is Verb.COMPLETE else "",
        progress=progress,
    )
    try:
        act(layout, wanted, call.plugins, waits(call, layout))
    except TransitionError as error:
        said = error.message.replace(f"+ '{verb.value}'", f"+ '{action}'")
        error.message = _in_seed_words(said, board, subtask)
        error.hint = _in_seed_words(error.hint, board, subtask)
        raise
    steps = advance(layout, Workspace(layout).load(), time.time())
    facts = _subtask(layout, subtask)
    message = f"{subtask} is {facts['status']}"
    if as_json:
        _say_json(layout, message, facts, steps)
        return
    write(f"{message}\n")
    _say_moves(layout, steps)


def _in_seed_words(text: str, board: PlanSnapshot, subtask: str) -> str:
    """Say it of a task as the rest of the command does: ``DONE`` and not ``completed`` (S4-40).

    The refusal may be that of a run, which sends its words.
    """

    def word(task_id: str, said: str) -> str:
        task = board.plan.tasks.get(task_id)
        if task is None or said not in set(TaskStatus):
            return said
        return subtask_word(TaskStatus(said), is_assigned=bool(task.assignee or task.agent))

    text = _OWN_STATUS.sub(lambda found: word(subtask, found[0]), text)
    return _STATUS_OF.sub(lambda found: f"{found[1]} ({word(found[1], found[2])})", text)


def _subtask(layout: Layout, subtask: str) -> dict[str, Any]:
    board = Workspace(layout).load()
    (found,) = subtask_facts(board, [subtask])
    return found


def _say_json(layout: Layout, message: str, subtask: dict[str, Any], steps: Sequence[Step]) -> None:
    facts = {"subtask_id" if key == "id" else key: value for key, value in subtask.items()}
    say_json(message, task_id=plan_id(layout), **facts, transitions=list(map(move, steps)))


def _say_moves(layout: Layout, steps: Sequence[Step]) -> None:
    for step in steps:
        talk(f"{plan_id(layout)}: {move(step)}")


@click.command("auto-dispatch")
@click.argument("task", metavar="[ID]", default="")
@click.option(
    "--all", "everything", is_flag=True, help="Every plan that is not over, each by itself."
)
@click.option("--dry-run", is_flag=True, help="Say what would be started; start nothing.")
@click.option("--subtask", default="", metavar="ID", help="Only this task.")
@click.option(
    "--show-context", is_flag=True, help="Show what an agent would be told; start nothing."
)
@click.option("--dir", "option", metavar="DIR", help="The directory of plans.")
@click.option("--json", is_flag=True, expose_value=False, help="It always prints JSON.")
@click.pass_context
def auto_dispatch_command(
    context: click.Context,
    /,
    task: str,
    everything: bool,
    dry_run: bool,
    subtask: str,
    *,
    show_context: bool,
    option: str | None,
) -> None:
    """Start every task that is ready, each with the agent that suits it.

    Prints JSON: what was dispatched, and what was skipped, with the reason. The run goes on by itself; see `wait`.

    \b
      orchestrator auto-dispatch TASK-001 --dry-run
      orchestrator auto-dispatch --all
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    try:
        done = _auto_dispatch(
            task,
            option,
            everything=everything,
            preview=dry_run,
            subtask=subtask,
            with_context=show_context,
        )
    except OrchestratorError as error:
        passed = [Passed(task, subtask, str(error))] if task and not everything else []
        error.data = {**error.data, **_rows([], passed)}
        context.exit(say_error(error, as_json=True))
    _say_round(done, preview=dry_run, with_context=show_context)
    if done.errors:
        context.exit(int(done.errors[0].exit_status if task else ExitStatus.TASK_FAILED))


def _auto_dispatch(
    task: str,
    option: str | None,
    *,
    everything: bool,
    preview: bool,
    subtask: str,
    with_context: bool,
) -> Round:
    from orchestrator.wiring import detached, own_program

    if everything and (task or subtask):
        raise UsageError("--all is about every plan", hint="leave ID and --subtask out")
    dispatcher = Dispatcher(
        plugins=Call().plugins,
        start=detached,
        program=own_program(),
        preview=preview,
        with_context=with_context,
    )
    if everything:
        return dispatcher.all(plan_directory(None, option))
    return dispatcher.one(plan_directory(task or None, option), subtask)


def _say_round(done: Round, *, preview: bool, with_context: bool) -> None:
    verb = "to dispatch" if preview else "dispatched"
    if with_context:
        verb = "with context"  # also of tasks that are not to be dispatched
    answer = {
        "ok": not done.errors,
        "code": done.errors[0].code if done.errors else "ok",
        "message": f"{len(done.dispatches)} {verb}, {len(done.skipped)} skipped",
        **_rows(done.dispatches, done.skipped),
        **({"hint": as_called(done.errors[0].hint)} if done.errors else {}),
        "dry_run": preview or with_context,
    }
    write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n", for_people=False)


def _rows(dispatches: Sequence[Dispatch], skipped: Sequence[Passed]) -> dict[str, Any]:
    """Return what is in every answer, also in one that refuses everything (S4-27)."""
    return {
        "dispatches": [
            {key: value for key, value in each._asdict().items() if value} for each in dispatches
        ],
        "skipped": [each._asdict() for each in skipped],
    }
