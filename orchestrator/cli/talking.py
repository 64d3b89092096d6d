"""``share``, ``note``, ``discover``, ``sync``, ``join`` and ``context``."""

from __future__ import annotations

from collections.abc import Callable

import click

from orchestrator.cli.options import takes_caller, takes_json
from orchestrator.cli.reply import as_called, caller, plan_directory, say_json, write
from orchestrator.cli.saying import say_to
from orchestrator.cli.texts import TakesText
from orchestrator.core.message import MessageKind


def _takes_task(function: Callable[..., None]) -> Callable[..., None]:
    function = click.option("--dir", "option", metavar="DIR", help="The plan directory.")(function)
    return click.argument("task_id", metavar="ID")(function)


def _says(kind: MessageKind, help: str) -> click.Command:
    @click.command(kind.value, cls=TakesText, help=help)
    @takes_json
    @takes_caller
    @_takes_task
    @click.argument("message", metavar="MSG")
    def command(
        task_id: str, message: str, option: str | None, name: str | None, *, as_json: bool
    ) -> None:
        say_to(kind, task_id, message, directory=option, name=name, as_json=as_json)

    return command


share_command = _says(
    MessageKind.SHARE,
    """Tell everybody something about a task: progress, a decision, a handoff.

    \b
      orchestrator share T-01 "Decided on PostgreSQL with JSONB columns"
      orchestrator share T-01 - < decision.md

    Whoever does a task gets what was shared on it, and on what it depends on, with the task.
    """,
)
note_command = _says(
    MessageKind.NOTE,
    """Note something about a task for yourself; nobody else's command shows it.

    \b
      orchestrator note T-01 "Considering NoSQL for this" --as db_specialist
    """,
)
discover_command = _says(
    MessageKind.DISCOVER,
    """Alert everybody: a critical finding, a blocker, a breakthrough.

    \b
      orchestrator discover T-05 "BLOCKED: need the schema finalized"

    It wakes whoever waits (`wait`), and goes to every task that starts from now on.
    """,
)
sync_command = _says(
    MessageKind.SYNC,
    """Set a checkpoint for everybody: a milestone, a point where all check in.

    \b
      orchestrator sync T-01 "MILESTONE: phase 1 complete, beginning integration"
    """,
)


@click.command("join")
@takes_json
@takes_caller
@_takes_task
def join_command(task_id: str, option: str | None, name: str | None, *, as_json: bool) -> None:
    """Say that you work on a task, and see what was said about it.

    \b
      orchestrator join T-01 --as db_specialist
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    say_to(MessageKind.JOIN, task_id, directory=option, name=name, as_json=as_json)


@click.command("context")
@takes_json
@takes_caller
@_takes_task
def context_command(task_id: str, option: str | None, name: str | None, *, as_json: bool) -> None:
    """Show what was said about a task, and what you noted, oldest first; nobody else's notes.

    \b
      orchestrator context T-05
      orchestrator context T-05 --as db_specialist --json
    """  # noqa: D301 - as above
    from orchestrator.actions.talking import context
    from orchestrator.views.messages import context_text

    found = context(plan_directory(None, option), task_id, caller(name))
    if not as_json:
        share = as_called(f'orchestrator share {found.task.id} "…"')
        write(context_text(found.task, found.standing, found.messages, share))
        return
    say_json(
        f"{len(found.messages)} messages about {found.task.id}",
        task={
            "id": found.task.id,
            "name": found.task.name,
            "status": found.standing.status.value,
            "reason": found.standing.reason,
        },
        messages=[
            {"time": each.time, "kind": each.kind.value, "by": each.author, "text": each.text}
            for each in found.messages
        ],
    )
