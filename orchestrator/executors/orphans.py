"""What the runner does when guard and watchdog are gone: end what they left, which falls to it."""

from __future__ import annotations

import os
import signal
from collections.abc import Collection

import anyio
import anyio.lowlevel

from orchestrator.executors import procfs
from orchestrator.executors.process_tree import Process

#: Seconds until whoever does not end counts as stuck; the guard's own limit is shorter.
PATIENCE = 8.0


async def end_orphans(token: str, mains: Collection[int]) -> None:
    """End everything that has *token* in its environment, or the session of a main process, and what is below it."""
    if not procfs.is_available():
        for pid in mains:
            _kill_group(pid)
        return
    with anyio.move_on_after(PATIENCE):
        while found := procfs.kill_all(lambda: _find(os.fsencode(token), mains)):
            for one in found:
                await _wait_gone(one)


def _find(token: bytes, mains: Collection[int]) -> list[Process]:
    me, sessions = os.getpid(), set(mains)
    seen = procfs.snapshot()
    below = procfs.descendants([me], seen)
    roots = [
        one.pid
        for one in seen.values()
        if (one.pid in below and one.session in sessions) or token in procfs.environment(one.pid)
    ]
    found = procfs.descendants(roots, seen).values()
    # A zombie that is not our child is its parent's business.
    return [one for one in found if one.pid != me and not (one.is_zombie and one.parent != me)]


async def _wait_gone(one: Process) -> None:
    """Wait until a process has ended, and reap it when it is a child of ours."""
    fd = procfs.open_pidfd(one)
    if fd >= 0:
        try:
            await anyio.wait_readable(fd)
        finally:
            os.close(fd)
    else:
        await anyio.lowlevel.checkpoint()
    try:
        os.waitpid(one.pid, os.WNOHANG)  # noqa: ASYNC222  # does not wait
    except ChildProcessError:
        return  # somebody else's child


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
