"""Where every call comes in: what agents call again and again is answered at once, everything else by ``cli/main.py``.

Loading ``click`` takes three times as long as starting Python, and saying one thing less than half of that. So the
plain form of some commands is read by hand; help, mistakes and everything unusual is left to their full form.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys

from orchestrator.cli.reply import leave

#: Command → module with a function ``quick``: the status of the process; None when the words are not that plain.
_QUICK = {
    **dict.fromkeys(("share", "note", "discover", "sync", "join"), "orchestrator.cli.saying"),
    "add": "orchestrator.cli.adding",
    "list": "orchestrator.cli.listing",
}


def main() -> None:
    """Run the command line and exit."""
    # A command that is over in the blink of an eye has nothing to collect; `run` turns it on again.
    gc.disable()
    status: int | None = None
    try:
        command = next(iter(sys.argv[1:]), "")
        if command in _QUICK and os.name == "posix":  # the full form says what is missing elsewhere
            status = importlib.import_module(_QUICK[command]).quick(command, sys.argv[2:])
    except BrokenPipeError:
        status = 0  # whoever read our output has seen enough
    except KeyboardInterrupt:
        status = 130
    if status is None:
        from orchestrator.cli.main import main as commands

        commands()
    else:
        leave(status)
