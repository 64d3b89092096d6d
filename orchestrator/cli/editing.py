"""``add`` and ``update``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from orchestrator.actions.adding import NewTask
from orchestrator.actions.editing import Changes, update
from orchestrator.cli.adding import add_task, criteria_from, known_agents, settings_given, tags_of
from orchestrator.cli.options import takes_caller, takes_json
from orchestrator.cli.reply import as_called, caller, plan_directory, say_json, talk
from orchestrator.cli.texts import TakesProse
from orchestrator.core.status import TaskStatus, parse_status
from orchestrator.core.text import one_line
from orchestrator.errors import UsageError
from orchestrator.store.task_ids import resolve_ids

if TYPE_CHECKING:
    from orchestrator.core.plan import Plan
    from orchestrator.core.task_command import TaskCommand
    from orchestrator.store.layout import Layout
    from orchestrator.store.requests import Reply


@click.command("add", cls=TakesProse)
@click.argument("text", metavar="TEXT")
@click.option("--desc", default="", metavar="TEXT", help="More about it; of a command, its name.")
@click.option("-p", "--priority", default="", metavar="P", help="high, P1 or 100; bigger is first.")
@click.option("--depends-on", multiple=True, metavar="IDS", help="What comes before: T-01,T-02.")
@click.option("--parent", default="", metavar="ID", help="The umbrella it stands under.")
@click.option("--assignee", default="", metavar="NAME", help="Who is responsible.")
@click.option("--agent", default="", metavar="KEY", help="What runs it; shell: TEXT is a command.")
@click.option("--tag", multiple=True, metavar="NAME", help="A word to find it by.")
@click.option("--type", default="", metavar="TYPE", help="dev, test, research …")
@click.option("--deadline", default="", metavar="WHEN", help="2026-03-01, 2026-03-01T14:00Z, 2d.")
@click.option("--estimated-hours", default="", metavar="H", help="How long it takes: 20, 0.5.")
@click.option("--criterion", multiple=True, metavar="TEXT", help="When it is done: one criterion.")
@click.option("--criteria", default="", metavar="JSON", help="""The same: '["all tests pass"]'.""")
@click.option("--timeout", metavar="D", help="Time for one attempt: 90, 5m, 1h30m.")
@click.option("--retries", metavar="N", help="Repeats after the first attempt.")
@click.option("--retry", metavar="N", help="Attempts in all: --retry 5 is --retries 4.")
@click.option("--retry-delay", metavar="D", help="Base of the exponential backoff.")
@click.option("--id", "task_id", default="", metavar="ID", help="Its id (default: the next one).")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_caller
@takes_json
def add_command(
    text: str,
    *,
    desc: str,
    priority: str,
    depends_on: Sequence[str],
    parent: str,
    assignee: str,
    agent: str,
    tag: Sequence[str],
    type: str,
    deadline: str,
    estimated_hours: str,
    criterion: Sequence[str],
    criteria: str,
    task_id: str,
    option: str | None,
    name: str | None,
    as_json: bool,
    **settings: str | None,
) -> None:
    """Add a task to the plan, and print its id.

    Where there is no plan, one is made. A run that is at work does the task, too.

    \b
      ID=$(orchestrator add "Write the API tests" --depends-on T-01 -p high)
      orchestrator add "make test" --agent shell --desc "Run the tests"
      orchestrator add "Add a login" --criterion "All tests pass" --deadline 2026-03-01 --estimated-hours 8
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    wanted = NewTask(
        text=text,
        description=desc,
        priority=priority,
        needs=",".join(depends_on),
        parent=parent,
        assignee=assignee,
        agent=agent,
        tags=tags_of(tag, "--tag"),
        type=type,
        deadline=deadline,
        estimated_hours=estimated_hours,
        settings=settings_given(settings),
        criteria=criteria_from(criterion, criteria),
        id=task_id,
    )
    add_task(wanted, option or "", name or "", as_json=as_json)


@click.command("update")
@click.argument("task_id", metavar="ID")
@click.option("--title", metavar="TEXT", help="What it is called.")
@click.option("--desc", metavar="TEXT", help="What is to be done.")
@click.option("-p", "--priority", metavar="P", help="high, P1 or 100; bigger is first.")
@click.option(
    "--depends-on", multiple=True, metavar="IDS", help="All that comes before; '' for none."
)
@click.option("--add-dep", multiple=True, metavar="IDS", help="One more that comes before.")
@click.option("--remove-dep", multiple=True, metavar="IDS", help="One less.")
@click.option("--parent", metavar="ID", help="The umbrella it stands under; '' for none.")
@click.option("--assignee", metavar="NAME", help="Who is responsible; '' for nobody.")
@click.option("--agent", metavar="KEY", help="What runs it; '' for the default.")
@click.option("--tag", multiple=True, metavar="NAME", help="One more word to find it by.")
@click.option("--untag", multiple=True, metavar="NAME", help="One less.")
@click.option("--type", metavar="TYPE", help="dev, test, research …")
@click.option("--deadline", metavar="WHEN", help="2026-03-01, 2026-03-01T14:00Z, 2d; '' for none.")
@click.option("--estimated-hours", metavar="H", help="How long it takes: 20, 0.5; '' for unknown.")
@click.option("--criterion", multiple=True, metavar="TEXT", help="One more success criterion.")
@click.option("--status", metavar="S", help="completed, blocked, pending …: as the command for it.")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_caller
@takes_json
def update_command(
    task_id: str,
    *,
    title: str | None,
    desc: str | None,
    priority: str | None,
    depends_on: Sequence[str],
    add_dep: Sequence[str],
    remove_dep: Sequence[str],
    parent: str | None,
    assignee: str | None,
    agent: str | None,
    tag: Sequence[str],
    untag: Sequence[str],
    type: str | None,
    deadline: str | None,
    estimated_hours: str | None,
    criterion: Sequence[str],
    status: str | None,
    option: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Change the row of a task, or where it stands.

    What would make the plan invalid is refused, and so is a status that the task cannot get to; then nothing is
    changed. A task that was started keeps what it was started with, but for its priority.

    \b
      orchestrator update T-03 --assignee ana --priority critical
      orchestrator update T-03 --add-dep T-01 --status blocked
      orchestrator update T-03 --criterion "The docs say so" --deadline 2d
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    changes = Changes(
        title=title,
        description=desc,
        priority=priority,
        needs=",".join(depends_on) if depends_on else None,
        add_needs=",".join(add_dep),
        remove_needs=",".join(remove_dep),
        parent=parent,
        assignee=assignee,
        agent=agent,
        type=type,
        deadline=deadline,
        estimated_hours=estimated_hours,
        tags=tags_of(tag, "--tag"),
        untags=tags_of(untag, "--untag"),
        criteria=criteria_from(criterion, ""),
    )
    wanted = None if status is None else _status(status)
    said: list[str] = []
    layout = plan_directory(None, option)
    task_id = resolve_ids(layout, task_id)
    data: dict[str, Any] = {"task": task_id}
    if changes != Changes() or wanted is None:

        def check(plan: Plan) -> None:
            if wanted is not None:
                from orchestrator.actions.task_commands import check_status

                check_status(layout, plan, wanted, _wish(layout, task_id, name), changes.criteria)

        updated = update(layout, task_id, changes, caller(name), known_agents, check=check)
        changed = ", ".join(f"{what}: {text}" for what, text in updated.changed.items())
        said.append(f"{task_id}: {changed}")
        data["changed"] = dict(updated.changed)
        if updated.task_file:
            talk(f"its agent reads {os.path.relpath(updated.task_file)}: change that, too")
        if updated.begun is not None and wanted is None:
            data["begun"] = updated.begun
            talk(_begun(task_id, updated.begun))
        elif updated.command:
            talk(f"{task_id} now runs: {one_line(' ↵ '.join(updated.command.splitlines()))}")
    if wanted is not None:
        replies = _set_status(layout, task_id, wanted, name, as_json=as_json)
        said += [reply.message for reply in replies]
        data["status"] = replies[-1].status
    message = "; ".join(said)
    if as_json:
        say_json(message, **data)
    else:
        talk(message)


def _begun(task_id: str, status: TaskStatus) -> str:
    if status is TaskStatus.RUNNING:
        return f"{task_id} is at work on what it said before: the next attempt does this"
    again = as_called(f"`orchestrator retry {task_id}` does it again")
    return f"{task_id} is done with what it said before: {again}"


def _status(word: str) -> TaskStatus:
    status = parse_status(word)
    if status is None:
        listed = ", ".join(each.value for each in TaskStatus)
        raise UsageError(f"--status: {word!r} is not a status", hint=f"one of {listed}")
    return status


def _set_status(
    layout: Layout, task_id: str, status: TaskStatus, name: str | None, *, as_json: bool
) -> Sequence[Reply]:
    """Bring the task to a status as the command does that leads there (seed row S1-23)."""
    from orchestrator.actions.task_commands import set_status
    from orchestrator.cli.task_commands import agents, waiting

    wanted = _wish(layout, task_id, name)
    return set_status(layout, status, wanted, agents, waiting(layout, as_json=as_json))


def _wish(layout: Layout, task_id: str, name: str | None) -> TaskCommand:
    from orchestrator.cli.task_commands import wish
    from orchestrator.core.status import Verb

    return wish(layout, Verb.START, task_id, name)
