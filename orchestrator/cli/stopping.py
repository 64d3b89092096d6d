"""``stop``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from orchestrator.actions.stopping import stop
from orchestrator.cli.options import Duration, takes_directory, takes_json
from orchestrator.cli.reply import as_called, plan_directory, say_json, talk, write
from orchestrator.core.duration import format_duration
from orchestrator.errors import BusyError
from orchestrator.store.lock import Waiting


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

    Where no run is at work, those that wait for their time (`run --at`, `run --every`) end.

    \b
    Exit statuses: 0 it is over
                   2 no run is at work, and none waits
                   3 it is not over within the timeout; or it is on another
                     machine, and was not told
                   5 state could not be read

    \b
      orchestrator stop
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    stopped = stop(plan_directory(directory, option))
    name = f"run {stopped.run}" if stopped.run else _named(stopped.waiting)
    if not as_json:
        talk(f"{name} was told to stop")
    if not stopped.await_end(timeout):
        raise BusyError(
            f"{name} has not ended after {format_duration(timeout)}",
            hint="call `orchestrator stop` once more: its agents get no more time then"
            if stopped.run
            else "it does not react, and has nothing to lose: `kill -KILL` ends it",
        )
    left = stopped.waiting if stopped.run else ()
    if as_json:
        pids = [each.process["pid"] for each in left]
        say_json(f"{name} is over", run=stopped.run, waiting=pids)
        return
    if stopped.run:
        write(f"{stopped.run}\n")
    if left:
        talk(f"{_named(left)} is left alone; {as_called('to end it: orchestrator stop')}")


def _named(waiting: Sequence[Waiting]) -> str:
    from orchestrator.cli.repeating import local

    named = (
        f"process {each.process['pid']}, waiting until {local(each.until)}," for each in waiting
    )
    return " and ".join(named)
