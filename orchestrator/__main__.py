"""``python -m orchestrator`` is the console script ``orchestrator``; so is ``python`` with the path of this folder."""

import sys

if not __package__:
    # Called by its path, Python looks for modules in the package itself; the package is beside it.
    sys.path[0] = __file__.rpartition("/orchestrator/")[0]

from orchestrator.cli.door import main

if __name__ == "__main__":
    main()
