"""Runs a command and writes down how much memory it took at its peak: ``python measured.py FILE COMMAND …``.

A program of its own: a process counts what it took before it became the command, and this one is small. The peak, in
bytes, is that of the largest process among the command and all that it waited for: runner, guard and agents.
"""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Run the command to its end; return its exit status."""
    file, *command = sys.argv[1:]
    pid = os.posix_spawnp(command[0], command, os.environ)
    _, status, usage = os.wait4(pid, 0)
    with open(file, "a", encoding="ascii") as figures:
        figures.write(f"{usage.ru_maxrss * 1024}\n")
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
