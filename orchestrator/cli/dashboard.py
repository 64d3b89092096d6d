"""``dashboard``."""

from __future__ import annotations

import gc
import os
import shlex
import sys
from typing import TYPE_CHECKING

import click

from orchestrator.cli.options import takes_caller, takes_directory
from orchestrator.cli.reply import caller, plan_directory, program, say_json, talk, write
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.web.gate import Keys

#: What it needs that no other command does: the extra `web` of the package.
_NEEDED = ("starlette", "uvicorn")
_PORT = 8765


@click.command("dashboard")
@takes_directory
@click.option(
    "--port", default=_PORT, show_default=True, metavar="N", type=click.IntRange(0, 65535),
    help="Where it listens on this machine; 0: anywhere.",
)  # fmt: skip
@click.option(
    "--open/--no-open", "opens", default=False, help="Show it in the browser of this desktop."
)
@takes_caller
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object with the address.")
def dashboard_command(
    directory: str | None,
    option: str | None,
    *,
    port: int,
    opens: bool,
    name: str | None,
    as_json: bool,
) -> None:
    """Show plans in a browser on this machine, live, and let their tasks be changed there.

    Prints the address, with the token that lets a browser in, and serves until Ctrl-C. Nobody
    else can reach it: not from other machines, not other users without the token.

    \b
      orchestrator dashboard
      orchestrator dashboard .orchestrator/ --port 0 --json
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout, who = plan_directory(directory, option), caller(name)
    _require_packages()
    from orchestrator.web.browser import shown_to
    from orchestrator.web.server import serve

    def say(keys: Keys) -> None:
        if as_json:
            say_json(
                "the dashboard is open",
                url=keys.address(),
                port=keys.port,
                pid=os.getpid(),
                directory=layout.root,
            )
        else:
            write(f"{keys.address()}\n")
            talk("the address lets in whoever has it; Ctrl-C ends the dashboard")

    gc.enable()
    if not opens:
        serve(layout, port, who, program(), say)
        return
    with shown_to() as show:

        def say_and_show(keys: Keys) -> None:
            say(keys)
            if trouble := show(keys.address(keys.ticket())):
                talk(f"warning: {trouble}; open the address yourself")

        serve(layout, port, who, program(), say_and_show)


def _require_packages() -> None:
    from importlib.util import find_spec

    missing = [package for package in _NEEDED if find_spec(package) is None]
    if missing:
        raise UsageError(
            f"the dashboard needs {' and '.join(missing)}, which "
            f"{'is' if len(missing) == 1 else 'are'} not installed",
            hint=f"{shlex.quote(sys.executable)} -m pip install {' '.join(_NEEDED)}"
            "; installed by pipx: pipx inject distributed-task-orchestrator "
            f"{' '.join(_NEEDED)}",
        )
