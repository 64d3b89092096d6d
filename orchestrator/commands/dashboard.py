"""The command ``dashboard``: plans in a browser."""

from __future__ import annotations

import gc
import os
import shlex
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, DIRECTORY, JSON, Command, WholeNumber, flag, option, with_help
from orchestrator.commands.reply import program, say_json, talk, write
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.web.gate import Keys

#: What it needs that no other command does: the extra `web` of the package.
_NEEDED = ("starlette", "uvicorn")
_PORT = 8765


@dataclass(frozen=True)
class DashboardParams:
    """Where it listens, and whether it is shown at once."""

    port: int = option(
        "Where it listens on this machine; 0: anywhere.",
        metavar="N",
        default=_PORT,
        shown_default=str(_PORT),
        read=WholeNumber(0, 65535),
    )
    opens: bool = flag("Show it in the browser of this desktop.", names=("--open/--no-open",))


def execute(call: Call, params: DashboardParams) -> None:
    """Show plans in a browser on this machine, live, and let their tasks be changed there.

    Prints the address, with the token that lets a browser in, and serves until Ctrl-C. No one
    else can reach it: not from other machines, not other users without the token.

    Examples:
      orchestrator dashboard
      orchestrator dashboard .orchestrator/ --port 0 --json
    """
    layout, who = call.plan(), call.caller()
    _require_packages()
    # Starlette and uvicorn are an extra of the package.
    from orchestrator.web.server import serve, shown_to

    def say(keys: Keys) -> None:
        if call.is_json:
            say_json(
                "the dashboard is open", url=keys.address(), port=keys.port, pid=os.getpid(), directory=layout.root
            )
        else:
            write(f"{keys.address()}\n")
            talk("the address lets in whoever has it; Ctrl-C ends the dashboard")

    gc.enable()
    if not params.opens:
        serve(layout, params.port, who, program(), say)
        return
    with shown_to() as show:

        def say_and_show(keys: Keys) -> None:
            say(keys)
            if trouble := show(keys.address(keys.ticket())):
                talk(f"warning: {trouble}; open the address yourself")

        serve(layout, params.port, who, program(), say_and_show)


def main(call: Call, params: DashboardParams) -> int:
    """Serve until Ctrl-C."""
    execute(call, params)
    return 0


def _require_packages() -> None:
    missing = [package for package in _NEEDED if find_spec(package) is None]
    if missing:
        raise UsageError(
            f"the dashboard needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed",
            hint=f"{shlex.quote(sys.executable)} -m pip install {' '.join(_NEEDED)}"
            "; installed by pipx: pipx inject distributed-task-orchestrator "
            f"{' '.join(_NEEDED)}",
        )


COMMAND = Command(
    DashboardParams,
    execute,
    main=main,
    takes=(DIRECTORY, DIR, CALLER, with_help(JSON, "Print one JSON object with the address.")),
)
