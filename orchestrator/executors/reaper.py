"""Ends the processes that guard and watchdog left behind when both are gone: the runner inherits them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Collection, Container, Iterable, Mapping
from typing import NamedTuple

import anyio
import anyio.lowlevel

from orchestrator.executors import process_tree
from orchestrator.executors.process_tree import Process

#: Seconds until a process that does not end counts as stuck; the guard's own limit is shorter.
PATIENCE = 8.0


async def end_orphans(token: str, mains: Collection[int]) -> None:
    """End everything that has *token* in its environment, or the session of a main process, and what is below it."""
    if not process_tree.is_available():
        for pid in mains:
            _kill_group(pid)
        return
    with anyio.move_on_after(PATIENCE):
        while found := process_tree.kill_all(lambda: _find(os.fsencode(token), mains)):
            for one in found:
                await _wait_gone(one)


def _find(token: bytes, mains: Collection[int]) -> list[Process]:
    me, sessions = os.getpid(), set(mains)
    seen = process_tree.snapshot()
    below = process_tree.descendants([me], seen)
    roots = [
        one.pid
        for one in seen.values()
        if (one.pid in below and one.session in sessions) or token in process_tree.environment(one.pid)
    ]
    found = process_tree.descendants(roots, seen).values()
    # A zombie that is not our child is its parent's business.
    return [one for one in found if one.pid != me and not (one.is_zombie and one.parent != me)]


async def _wait_gone(one: Process) -> None:
    """Wait until a process has ended, and reap it if it is our own child."""
    fd = process_tree.open_pidfd(one)
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
        return  # the child of another process


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


# ── sweep ────────
#
# End what earlier runs of a plan left behind, when both their runner and their guard were killed.

#: Seconds to wait for a process that does not end on SIGKILL (it waits for a device) before going on without it.
LIMIT = 5.0


class SweptProcess(NamedTuple):
    """A process that a sweep found and ended."""

    pid: int
    run: str
    task: str
    attempt: str


def sweep(directory: str, *, spare: Container[str] = ()) -> list[SweptProcess]:
    """Kill every process of the plan in *directory* that no run in *spare* started, and wait until it is gone.

    A process is of a plan when ``ORCHESTRATOR_DIR`` and ``ORCHESTRATOR_RUN_ID`` in its environment say so, by whatever
    name its run was given the directory. What descends from such a process goes with it. We and our ancestors are
    spared. On systems without ``/proc`` nothing is found. Call it while holding the plan's lock.
    """
    if not process_tree.is_available():
        return []
    ended: dict[tuple[int, int], SweptProcess] = {}

    def look() -> list[Process]:
        found = _find_sweep(directory, spare)
        for one, environment in found:
            ended.setdefault((one.pid, one.start), _described(one, environment))
        return [one for one, _ in found]

    limit = time.monotonic() + LIMIT
    while (found := look()) and time.monotonic() < limit:
        process_tree.wait_gone(process_tree.kill_all(look), limit)
    for one in found:
        ended.pop((one.pid, one.start), None)  # it did not end
    return list(ended.values())


def find_orphans(directory: str, *, spare: Container[str]) -> list[SweptProcess]:
    """Return what ``sweep`` would end; nothing is ended. On systems without ``/proc`` nothing is found."""
    if not process_tree.is_available():
        return []
    return [_described(one, environment) for one, environment in _find_sweep(directory, spare)]


def _described(one: Process, environment: Mapping[str, str]) -> SweptProcess:
    names = ("ORCHESTRATOR_RUN_ID", "ORCHESTRATOR_TASK_ID", "ORCHESTRATOR_ATTEMPT")
    return SweptProcess(one.pid, *(environment.get(name, "") for name in names))


def _find_sweep(directory: str, spare: Container[str]) -> list[tuple[Process, dict[str, str]]]:
    seen = process_tree.snapshot()
    spared = _with_ancestors(os.getpid(), seen)
    environments = {pid: _variables(process_tree.environment(pid)) for pid in seen if pid not in spared}
    roots = [
        pid
        for pid, environment in environments.items()
        if (run := environment.get("ORCHESTRATOR_RUN_ID"))
        and run not in spare
        and _is_same(environment.get("ORCHESTRATOR_DIR", ""), directory)
    ]
    found = process_tree.descendants(roots, seen).values()
    return [(one, environments[one.pid]) for one in found if one.pid not in spared and not one.is_zombie]


def _is_same(named: str, directory: str) -> bool:
    """Say whether *named*, from a process's environment, is this directory. Usually the strings are equal."""
    if named == directory:
        return True
    try:
        return os.path.isabs(named) and os.path.samefile(named, directory)
    except OSError:
        return False  # it is gone, or not for us to look at


def _with_ancestors(pid: int, seen: dict[int, Process]) -> set[int]:
    chain: set[int] = set()
    while pid in seen and pid not in chain:
        chain.add(pid)
        pid = seen[pid].parent
    return chain


def _variables(entries: Iterable[bytes]) -> dict[str, str]:
    pairs = (os.fsdecode(entry).partition("=") for entry in entries)
    return {name: value for name, _, value in pairs}
