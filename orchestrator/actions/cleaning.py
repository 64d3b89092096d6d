"""Clear away what nobody needs any more: what dead runs left, and logs of attempts that later ones replaced (S0-15)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orchestrator.doctor.repair import Repaired, check, repair
from orchestrator.services.plugins import Plugins
from orchestrator.store.atomic import io_errors
from orchestrator.store.attempt_record import attempt_logs, scan_logs
from orchestrator.store.layout import Layout
from orchestrator.store.lock import busy, lock_owner, locked
from orchestrator.store.result_writer import remove
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


def clean(layout: Layout, plugins: Plugins, *, older: float, is_rehearsal: bool) -> Cleaned:
    """Clear away stale attempts and old logs.

    A log goes when a later attempt of its task has one too and it was not changed for *older* seconds. The log of the
    newest attempt, the log a completed result was made from, and every attempt record stay: they are evidence.

    Raises:
        BusyError: a run holds the plan; nothing was changed.
        PlanError, NotFoundError, StoreError: as their names say.
    """
    until = time.time() - older
    if is_rehearsal:
        if (holder := lock_owner(layout.lock)) is not None:
            raise busy(holder)
        wrong = [each for each in check(layout).breaches if each.repair is not None]
        told = [
            Repaired(each.finding.name, each.where, f"would be repaired: {each.finding.found}")
            for each in wrong
        ]
        found = _old_logs(layout, until)
        return Cleaned(told, (), _names(layout, found), sum(found.values()))
    checked = repair(layout, plugins)
    with locked(layout.queue, layout.lock):
        # Of now: until the lock was ours, somebody else may have been at work.
        found = _old_logs(layout, until)
        for path in found:
            remove(path)
    return Cleaned(checked.repaired, checked.failed, _names(layout, found), sum(found.values()))


def _names(layout: Layout, paths: Iterable[str]) -> list[str]:
    return [os.path.relpath(path, layout.root) for path in paths]


def _old_logs(layout: Layout, until: float) -> dict[str, int]:
    """Return each log that may go, with its size."""
    board = Workspace(layout).load(keep_cache=False)
    traces = scan_logs(layout.logs)
    tasks = {task.stem: task.id for task in board.plan.tasks.values()}
    found: dict[str, int] = {}
    for stem, number, path in attempt_logs(layout.logs):
        result = board.results.get(tasks.get(stem, ""))
        if (
            stem not in tasks
            or number >= traces[stem].newest
            or (result and number == result.number)
        ):
            continue
        with io_errors("look at", path):
            status = os.lstat(path)
        if status.st_mtime < until:
            found[path] = status.st_size
    return found
