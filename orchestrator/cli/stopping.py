"""``stop``."""

from __future__ import annotations

import click

from orchestrator.actions.detaching import is_over, stop
from orchestrator.cli.duration import Duration
from orchestrator.cli.reply import (
    plan_directory,
    say_json,
    takes_directory,
    takes_json,
    talk,
    write,
)
from orchestrator.core.duration import format_duration
from orchestrator.errors import BusyError


@click.command("stop")
@takes_directory
@click.option(
    "--timeout", default="60s", show_default=True, metavar="D", type=Duration(),
    help="Wait this long for it to end its agents.",
)  # fmt: skip
@takes_json
def stop_command(
    *, directory: str | None, option: str | None, timeout: float, as_json: bool
) -> None:
    """End the run that is at work, as Ctrl-C in its terminal would.

    Its agents are ended, what is finished stays, nothing that was cut short is charged, and the
    next run goes on from there. Comes back once the run is over. Called again while it is still
    ending its agents, it gives them no more time.

    \b
    Exit statuses: 0 it is over                         2 no run is at work
                   3 it is not over within the timeout  5 state could not be read

    \b
      orchestrator stop
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(directory, option)
    run = stop(layout)
    if not as_json:
        talk(f"run {run} was told to stop")
    if not is_over(layout, run, timeout=timeout):
        raise BusyError(
            f"run {run} is still ending its agents after {format_duration(timeout)}",
            hint="call `orchestrator stop` once more: they get no more time then",
        )
    if as_json:
        say_json(f"run {run} is over", run=run)
    else:
        write(f"{run}\n")
