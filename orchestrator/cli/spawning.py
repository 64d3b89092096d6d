"""``spawn``."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from orchestrator.actions.spawning import spawn
from orchestrator.cli.options import takes_caller, takes_json
from orchestrator.cli.texts import TakesProse
from orchestrator.commands.reply import as_called, caller, plan_directory, say_json, talk, write
from orchestrator.commands.task_options import settings_of, tags_of
from orchestrator.services.new_task import NewTask
from orchestrator.wiring import detached, plugins


@click.command("spawn", cls=TakesProse)
@click.argument("text", metavar="TEXT")
@click.option("--label", default="", metavar="NAME", help="What its id is made of.")
@click.option("--desc", default="", metavar="TEXT", help="More about it.")
@click.option(
    "--agent", default="", metavar="KEY",
    help="What runs it (default: the plan's, or claude where that is shell).",
)  # fmt: skip
@click.option("--assignee", default="", metavar="NAME", help="The role in which it is done.")
@click.option("-p", "--priority", default="", metavar="P", help="high, P1 or 100; bigger is first.")
@click.option("--tag", multiple=True, metavar="NAME", help="A word to find it by.")
@click.option("--timeout", metavar="D", help="Time for one attempt: 90, 5m, 1h30m.")
@click.option("--retries", metavar="N", help="Repeats after the first attempt.")
@click.option("--claude-bin", default="", metavar="PATH", help="The claude program.")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_caller
@takes_json
def spawn_command(
    text: str,
    *,
    label: str,
    desc: str,
    agent: str,
    assignee: str,
    priority: str,
    tag: Sequence[str],
    claude_bin: str,
    option: str | None,
    name: str | None,
    as_json: bool,
    **settings: str | None,
) -> None:
    """Add a task, start it now in the background, and print its key.

    Nothing else of the plan is started. While a run is at work, that one takes it, unless it is about to end.

    \b
      KEY=$(orchestrator spawn "Research AI consciousness" --label consciousness)
      orchestrator wait
      orchestrator history $KEY
      orchestrator cancel $KEY
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    wanted = NewTask(
        text=text, description=desc, tags=tags_of(tag, "--tag"), label=label,
        values={"priority": priority, "assignee": assignee, "agent": agent},
        settings=settings_of({name: value for name, value in settings.items() if value is not None}),
    )  # fmt: skip
    if claude_bin:
        os.environ["ORCHESTRATOR_CLAUDE_BIN"] = claude_bin  # for the run that goes on without us
    layout = plan_directory(None, option, must_exist=False)
    spawned = spawn(layout, wanted, caller(name), plugins(claude_bin, layout), detached)
    how = "started in the background" if spawned.is_new else "is at work and takes it"
    if not spawned.is_taken:
        again = as_called(f"orchestrator run --only {spawned.id}")
        how = f"does not take it; once it is over: {again}"
    if spawned.plan:
        talk(f"made {os.path.relpath(spawned.plan)}")
    if as_json:
        message = f"{spawned.id}: run {spawned.run} {how}"
        say_json(
            message,
            id=spawned.id,
            key=spawned.id,
            run=spawned.run,
            is_new_run=spawned.is_new,
            is_taken=spawned.is_taken,
        )
        return
    write(f"{spawned.id}\n")
    talk(f"run {spawned.run} {how}; {as_called(f'next: orchestrator history {spawned.id}')}")
