"""End what earlier runs of a plan left behind, when both their runner and their guard were killed."""

from __future__ import annotations

import os
import time
from collections.abc import Container, Iterable, Mapping
from typing import NamedTuple

from orchestrator.executors import procfs
from orchestrator.executors.process_tree import Process

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
    if not procfs.is_available():
        return []
    ended: dict[tuple[int, int], SweptProcess] = {}

    def look() -> list[Process]:
        found = _find(directory, spare)
        for one, environment in found:
            ended.setdefault((one.pid, one.start), _described(one, environment))
        return [one for one, _ in found]

    limit = time.monotonic() + LIMIT
    while (found := look()) and time.monotonic() < limit:
        procfs.wait_gone(procfs.kill_all(look), limit)
    for one in found:
        ended.pop((one.pid, one.start), None)  # it did not end
    return list(ended.values())


def find_orphans(directory: str, *, spare: Container[str]) -> list[SweptProcess]:
    """Return what ``sweep`` would end; nothing is ended. On systems without ``/proc`` nothing is found."""
    if not procfs.is_available():
        return []
    return [_described(one, environment) for one, environment in _find(directory, spare)]


def _described(one: Process, environment: Mapping[str, str]) -> SweptProcess:
    names = ("ORCHESTRATOR_RUN_ID", "ORCHESTRATOR_TASK_ID", "ORCHESTRATOR_ATTEMPT")
    return SweptProcess(one.pid, *(environment.get(name, "") for name in names))


def _find(directory: str, spare: Container[str]) -> list[tuple[Process, dict[str, str]]]:
    seen = procfs.snapshot()
    spared = _with_ancestors(os.getpid(), seen)
    environments = {pid: _variables(procfs.environment(pid)) for pid in seen if pid not in spared}
    roots = [
        pid
        for pid, environment in environments.items()
        if (run := environment.get("ORCHESTRATOR_RUN_ID"))
        and run not in spare
        and _is_same(environment.get("ORCHESTRATOR_DIR", ""), directory)
    ]
    found = procfs.descendants(roots, seen).values()
    return [
        (one, environments[one.pid]) for one in found if one.pid not in spared and not one.is_zombie
    ]


def _is_same(named: str, directory: str) -> bool:
    """Say whether a process means this directory; most of ours spell it in the same way and cost no look."""
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
