"""The parent of the guard: a second safeguard, for when runner and guard are killed in the same moment.

The nearest subreaper above a dead guard inherits what the guard had started. That is this process, so it needs no
search, and it also finds processes that cleared their environment. It does nothing but wait. It is forked from the
guard at its very start, so it costs neither a start of Python nor memory of its own (decision 0003).
"""

from __future__ import annotations

import os
import select
import signal
import time

from orchestrator.executors import process_tree
from orchestrator.executors.process_tree import GRACE, HARD_LIMIT, TICK, Process, TrackedJob, Trees

#: Seconds after the death of the runner until a guard that is still there counts as stuck; its own limit is shorter.
_OVERDUE = GRACE + HARD_LIMIT + 1.0
#: Seconds that it gets after that to write down how everything ended: it may wait for a disk.
_LAST = 30.0


def fork_guard(runner: int) -> None:
    """Fork, and return in the guard; its parent watches, and exits as the guard did once nothing of it is left.

    Where orphans cannot be made to fall to us, or no process can be had, there is no watchdog and the guard is alone.

    Args:
        runner: The guard's end of the socket pair: it tells when the runner is gone.
    """
    if not process_tree.set_subreaper():
        return
    try:
        guard = os.fork()
    except OSError:
        return
    if guard:
        os._exit(_watch(guard, runner))
    os.setsid()  # so that a kill of the group of guard or watchdog spares the other


def _watch(guard: int, runner: int) -> int:
    """Wait for the guard, end what it left, and return an exit status: ``128 + n`` after signal *n*."""
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)  # takes no keyword
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)  # what it is for wakes us up through the pipe
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    # Only that the other end was closed; what comes from there is for the guard.
    poll.register(runner, 0)
    overdue: float | None = None
    is_last = False
    while True:
        ended, status = os.waitpid(guard, os.WNOHANG)
        if ended:
            break
        if overdue is not None and time.monotonic() >= overdue:
            if is_last:
                os.kill(guard, signal.SIGKILL)
                overdue = None
            elif _kill_below(guard):
                overdue = time.monotonic() + TICK
            else:
                # If it is only stopped, it knows best what to write; no process is left that could stop it again.
                os.kill(guard, signal.SIGCONT)
                overdue, is_last = time.monotonic() + _LAST, True
        wait = None if overdue is None else max(0.0, overdue - time.monotonic()) * 1000 + 1
        for fd, _ in poll.poll(wait):
            if fd == woken:
                os.read(woken, 4096)
            else:
                poll.unregister(runner)
                overdue = time.monotonic() + _OVERDUE
    if status:
        _end_what_is_left(woken)
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _kill_below(guard: int) -> bool:
    """Kill what a guard that is frozen or waits for a disk cannot; records are its own affair. False: all is dead."""

    def look() -> list[Process]:
        found = process_tree.descendants([guard], process_tree.snapshot())
        return [one for pid, one in found.items() if pid != guard and not one.is_zombie]

    return bool(process_tree.kill_all(look))


def _end_what_is_left(woken: int) -> None:
    """Send SIGTERM, then after the grace period SIGKILL, to all inherited processes as one tree."""
    trees, left = Trees(), TrackedJob({"key": "", "env": {}}, 0, 0.0, 0.0)
    left.wait_status = 0
    begun = time.monotonic()
    poll = select.poll()
    poll.register(woken, select.POLLIN)
    while time.monotonic() < begun + GRACE + HARD_LIMIT:
        while _reap():
            pass
        tree = trees.grow([left], [], {})[left.key]
        if not tree:
            return
        trees.end(left, tree, force=time.monotonic() >= begun + GRACE)
        if poll.poll(TICK * 1000):
            os.read(woken, 4096)


def _reap() -> bool:
    try:
        return os.waitpid(-1, os.WNOHANG)[0] > 0
    except ChildProcessError:
        return False
