"""``python -m orchestrator`` is the console script ``orchestrator``; so is ``python`` with the path of this folder."""

import os
import sys


def _trust_no_current_directory() -> None:
    """Take out what ``python -m`` has put in: no module is picked up from the current directory (promise 25).

    What ``PYTHONPATH`` names stays, for somebody meant it; and with ``-P`` nothing was put in.
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

    try:
        from orchestrator.cli.door import main
    except KeyboardInterrupt:
        os._exit(130)  # at once, or Ctrl-C once more would be told with a traceback

    main()
