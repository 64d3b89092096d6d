"""``python -m orchestrator`` is the console script ``orchestrator``; so is ``python`` with the path of this folder."""

import gc
import os
import sys


def main() -> None:
    """Run the command line and exit; Ctrl-C while it is loaded ends the process at once, without a traceback."""
    gc.disable()  # nothing that is loaded can be collected
    try:
        from orchestrator.cli.main import main as command_line
    except KeyboardInterrupt:
        os._exit(130)
    command_line()


def _trust_no_current_directory() -> None:
    """Take out what ``python -m`` has put in: no module is picked up from the current directory.

    What ``PYTHONPATH`` names stays, as it was given on purpose; and with ``-P`` nothing was put in.
    """
    try:
        here = os.getcwd()
    except FileNotFoundError:
        return  # nor did Python find one to put in
    if not sys.flags.safe_path and sys.path[0] == here:
        del sys.path[0]


if __name__ == "__main__":
    if __package__:
        _trust_no_current_directory()
    else:
        # Called by its path, Python looks for modules in the package itself; the package is beside it.
        sys.path[0] = __file__.rpartition("/orchestrator/")[0]
    main()
