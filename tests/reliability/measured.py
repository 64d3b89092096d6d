"""Runs a command and writes down how much memory it took at its peak: ``python measured.py FILE COMMAND …``.

A program of its own: a process counts what it took before it became the command, and this one is small. The peak, in
bytes, is that of the largest process among the command and all that it waited for: runner, guard and agents.

A command that hangs, or that computes for ever, is ended, and nothing is written down. Both are told by the processor
time that its processes took: how long that lasts is a matter of how busy the machine is.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections import defaultdict

#: Seconds of processor time that a process may take: a gigabyte of output takes a runner some hundred.
LONGEST = 1200
#: Seconds between two looks, and the processor time after which something goes on. A run that only waits takes half a
#: second of it; one that has to share a core with fifty others takes more.
LOOK, LEAST = 120.0, 2.0


def main() -> int:
    """Run the command to its end; return its exit status."""
    file, *command = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    pid = os.posix_spawnp(command[0], command, os.environ, setsigmask=[])
    before, hangs = 0.0, False
    while signal.sigtimedwait([signal.SIGCHLD], LOOK) is None and not hangs:
        hangs = (now := processor_time(pid)) - before < LEAST
        before = now
        if hangs:
            os.kill(pid, signal.SIGKILL)  # its guard ends the agents
    _, status, usage = os.wait4(pid, 0)
    if hangs:
        sys.stderr.write(f"it hangs: {before:.1f} s of processor time, and hardly any more\n")
        return 1
    with open(file, "a", encoding="ascii") as figures:
        figures.write(f"{usage.ru_maxrss * 1024}\n")
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def processor_time(pid: int) -> float:
    """Return the seconds that a process, those below it, and those that they waited for have taken."""
    took, below = dict[int, int](), defaultdict[int, list[int]](list)
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                facts = stat.read().rpartition(")")[2].split()
        except OSError:
            continue  # it is over
        below[int(facts[1])].append(int(name))
        took[int(name)] = sum(map(int, facts[11:15]))
    found = [pid]
    for each in found:
        found += below[each]
    return sum(took.get(each, 0) for each in found) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
