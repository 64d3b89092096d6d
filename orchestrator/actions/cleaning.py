"""Clear away what nobody needs any more: what dead runs left, and logs of attempts that later ones replaced (S0-15)."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.actions.plugs import Plugs
from orchestrator.actions.repairing import Repaired, repair
from orchestrator.core.board import Board
from orchestrator.store.atomic import reported
from orchestrator.store.attempt_record import scan_logs
from orchestrator.store.layout import Layout
from orchestrator.store.lock import take_lock
from orchestrator.store.mending import remove
from orchestrator.store.result_file import iso
from orchestrator.store.workspace import Workspace


class Cleaned(NamedTuple):
    """What was cleared away, or would be."""

    repaired: Sequence[Repaired]
    """What dead runs had left: processes, half files, attempts nobody had heard the end of."""
    failed: Sequence[Repaired]
    logs: Sequence[str]
    """Log files, relative to the plan directory."""
    size: int
    """Their bytes."""


def clean(layout: Layout, plugs: Plugs, *, older: float, is_rehearsal: bool) -> Cleaned:
    """Clear away stale attempts and old logs.

    A log goes when a later attempt of its task has one too and it was not changed for *older* seconds. The log of the
    newest attempt, the log a completed result was made from, and every attempt record stay: they are evidence.

    Raises:
        BusyError: a run holds the plan; nothing was changed.
        PlanError, NotFoundError, StoreError: as their names say.
    """
    workspace = Workspace(layout)
    found = list(_old_logs(layout, workspace.load(keep_cache=False), time.time() - older))
    size = sum(bytes_ for _, bytes_ in found)
    names = [os.path.relpath(path, layout.root) for path, _ in found]
    if is_rehearsal:
        return Cleaned((), (), names, size)
    checked = repair(layout, plugs)
    lock = take_lock(layout.lock, uuid.uuid4().hex[:12], iso(time.time()))
    try:
        for path, _ in found:
            remove(path)
    finally:
        lock.release()
    return Cleaned(checked.repaired, checked.failed, names, size)


def _old_logs(layout: Layout, board: Board, until: float) -> Iterator[tuple[str, int]]:
    """Yield each log that may go, with its size."""
    traces = scan_logs(layout.logs)
    for task in board.plan.tasks.values():
        result = board.results.get(task.id)
        kept = {result.number} if result else set()
        newest = traces[task.stem].newest if task.stem in traces else 0
        for number in range(1, newest):
            if number in kept:
                continue
            files = layout.attempt(task.stem, number)
            for path in (files.stdin, files.script, files.stdout, files.stderr):
                with reported("look at", path):
                    try:
                        found = os.lstat(path)
                    except FileNotFoundError:
                        continue
                if found.st_mtime < until:
                    yield path, found.st_size
