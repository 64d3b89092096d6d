"""``schedule``: runs that cron or systemd start."""

from __future__ import annotations

import os
from typing import Any

import click

from orchestrator.actions import scheduling
from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.running import order_of, run_command
from orchestrator.commands.reply import plan_directory, say_json, talk, write
from orchestrator.core.duration import parse_duration
from orchestrator.core.text import one_line, pluralize
from orchestrator.cron.entry import Scheduled, When
from orchestrator.errors import NotFoundError, OrchestratorError, UsageError
from orchestrator.runner.run import examine
from orchestrator.store.layout import Layout, schedules_lock
from orchestrator.wiring import caller, plugins, schedulers

#: Flags of ``run`` that make no sense when somebody else says when.
_NOT_THESE = {
    "option": "--dir",
    "detach": "--detach",
    "dry_run": "--dry-run",
    "at": "--at",
    "every": "--every",
}
_FLAGS = "orchestrator.flags"


@click.group("schedule")
def schedule_command() -> None:
    """Have cron or systemd start runs at their time.

    \b
      orchestrator schedule add --at 07:30
      orchestrator schedule add --every 1h --name hourly -- --fresh --max-parallel 2
      orchestrator schedule add --cron "*/30 9-17 * * mon-fri" path/to/.orchestrator
      orchestrator schedule list
      orchestrator schedule remove hourly

    Without cron and systemd: run --at and run --every.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is


class _KeepsFlags(click.Command):
    """Keeps what stands behind ``--`` for ``run``, also where no DIR stands before it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if "--" in args else len(args)
        ctx.meta[_FLAGS] = args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- FLAGS OF run]"]


@schedule_command.command("add", cls=_KeepsFlags, options_metavar="[OPTIONS]")
@takes_directory
@click.option("--at", default="", metavar="HH:MM", help="Every day at this time.")
@click.option("--every", default="", metavar="D", help="Again and again: 30m, 1h, 1d.")
@click.option("--cron", default="", metavar="FIELDS", help="As cron writes it: '*/30 * * * *'.")
@click.option(
    "--name", default="", metavar="NAME", help="What it is called (default: the project)."
)
@click.option("--systemd", is_flag=True, help="A timer of systemd, not a line of the crontab.")
@takes_json
@click.pass_context
def add_command(
    context: click.Context,
    /,
    directory: str | None,
    option: str | None,
    *,
    name: str,
    systemd: bool,
    as_json: bool,
    **when: str,
) -> None:
    """Add a run of the plan in DIR; flags of `run` stand behind `--`.

    What it prints goes to logs/schedule-NAME.out of the plan directory. It gets the PATH of this shell, and no other
    variable of it: see docs/scheduling.md.
    """
    layout = plan_directory(directory, option)
    flags: list[str] = context.meta[_FLAGS]
    _check_flags(context, layout, flags)
    known = schedulers()
    wanted = "systemd" if systemd else "crontab"
    chosen = known.get(wanted)
    if chosen is None:
        raise UsageError(
            f"{'systemctl' if systemd else 'crontab'} is not installed here",
            hint="try " + " or ".join(_others(known, wanted)),
        )
    with scheduling.in_turn(schedules_lock(os.environ)):
        job = scheduling.add(
            layout,
            _when(when),
            flags,
            scheduler=chosen,
            others=list(known.values()),
            caller=caller(),
            name=name,
        )
        found = next(each for each in chosen.entries() if each.name == job.name)
    if as_json:
        say_json(f"{job.name} was added", **_fields(found), log=job.log)
        return
    write(f"{job.name}\n")
    talk(f"{found.by}: {found.when} · output: {os.path.relpath(job.log)}")


@schedule_command.command("list")
@takes_json
def list_command(*, as_json: bool) -> None:
    """Name the runs that were added: name, when, by whom, plan directory."""
    found, refused = scheduling.entries(list(schedulers().values()))
    for error in refused:
        talk(f"warning: {error}")
    if as_json:
        say_json(pluralize(len(found), "schedule"), schedules=[_fields(each) for each in found])
        return
    lines = [f"{each.name}\t{each.when}\t{each.by}\t{one_line(each.plan, 500)}\n" for each in found]
    write("".join(lines))


@schedule_command.command("remove")
@click.argument("name")
@takes_json
def remove_command(name: str, *, as_json: bool) -> None:
    """Remove a run that was added; one that is at work goes on."""
    with scheduling.in_turn(schedules_lock(os.environ)):
        found = scheduling.remove(name, list(schedulers().values()))
    message = f"{found.name} was removed from {found.by}"
    if as_json:
        say_json(message, **_fields(found))
        return
    talk(message)


def _fields(found: Scheduled) -> dict[str, Any]:
    return {"name": found.name, "when": found.when, "by": found.by, "plan": found.plan}


def _when(given: dict[str, str]) -> When:
    named = [name for name, value in given.items() if value]
    if len(named) != 1:
        raise UsageError("say when: exactly one of --at, --every and --cron")
    try:
        every = parse_duration(given["every"]) if given["every"] else 0.0
    except ValueError as error:
        raise UsageError(f"--every: {error}") from None
    if given["every"] and every < 1:
        raise UsageError("--every: less than a second")
    return When(at=given["at"], every=every, cron=given["cron"])


def _check_flags(context: click.Context, layout: Layout, flags: list[str]) -> None:
    """Read the flags as ``run`` will, so that what is wrong is said now, and not at night."""
    try:
        parsed = run_command.make_context("run", [layout.root, *flags], parent=context).params
    except click.UsageError as error:
        raise UsageError(error.format_message(), hint="orchestrator run --help") from None
    for name, flag in _NOT_THESE.items():
        if parsed.pop(name):
            raise UsageError(f"{flag} makes no sense in a schedule")
    for name in ("directory", "as_json"):
        parsed.pop(name)
    claude_bin = parsed.pop("claude_bin")
    order = order_of(layout, **parsed)
    try:
        examine(order, plugins(claude_bin, layout))
    except (UsageError, NotFoundError):
        raise
    except OrchestratorError as error:
        # What is wrong with plan or machine may be mended until then.
        talk(f"warning: as things are, that run would not begin: {error}")


def _others(known: dict[str, Any], wanted: str) -> list[str]:
    ways = {"systemd": "--systemd", "crontab": "it without --systemd"}
    return [*(ways[by] for by in known if by != wanted), "orchestrator run --every"]
