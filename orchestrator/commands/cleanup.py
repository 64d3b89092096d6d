"""The command ``cleanup``: what dead runs left, and logs of attempts that later ones replaced."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, duration, flag, option
from orchestrator.core.text import one_line
from orchestrator.doctor.repair import Repaired, check, repair
from orchestrator.errors import ExitStatus
from orchestrator.services.plugins import Plugins
from orchestrator.store.atomic import io_errors
from orchestrator.store.attempt_record import attempt_logs, scan_logs
from orchestrator.store.layout import Layout
from orchestrator.store.lock import busy, lock_owner, locked
from orchestrator.store.result_writer import remove
from orchestrator.store.workspace import Workspace

_WEEK = 7 * 86400.0


@dataclass(frozen=True)
class CleanupParams:
    """Since when logs are old."""

    older: float = option(
        "Logs changed since then stay.", metavar="D", default=_WEEK, shown_default="7d", read=duration
    )
    dry_run: bool = flag("Say what would go, and touch nothing.")


class Cleaned(NamedTuple):
    """What was cleared away, or would be."""

    repaired: Sequence[Repaired]
    """What dead runs had left: processes, half files, attempts no one had heard the end of."""
    failed: Sequence[Repaired]
    logs: Sequence[str]
    """Log files, relative to the plan directory."""
    size: int
    """Their bytes."""
    is_rehearsal: bool

    @property
    def message(self) -> str:
        """What was cleared away, in one line."""
        would = "would be " if self.is_rehearsal else ""
        message = f"{len(self.logs)} old logs ({self.size / 1e6:.1f} MB) {would}deleted"
        if self.repaired:
            message += f"; {len(self.repaired)} leftovers of dead runs {would}cleared"
        return message


def clean(layout: Layout, plugins: Plugins, *, older: float, is_rehearsal: bool) -> Cleaned:
    """Clear away stale attempts and old logs.

    A log goes when a later attempt of its task has one too and it was not changed for *older* seconds. The log of the
    newest attempt, the log a completed result was made from, and every attempt record stay: they are evidence.

    Raises:
        BusyError: a run holds the plan; nothing was changed.
        PlanError, NotFoundError, StoreError: the plan cannot be read.
    """
    until = time.time() - older
    if is_rehearsal:
        if (holder := lock_owner(layout.lock)) is not None:
            raise busy(holder)
        wrong = [each for each in check(layout).breaches if each.repair is not None]
        repaired = [
            Repaired(each.finding.name, each.where, f"would be repaired: {each.finding.found}") for each in wrong
        ]
        found = _old_logs(layout, until)
        return Cleaned(repaired, (), _names(layout, found), sum(found.values()), is_rehearsal)
    checked = repair(layout, plugins)
    with locked(layout.queue, layout.lock):
        # Read again: another process may have changed the plan before we got the lock.
        found = _old_logs(layout, until)
        for path in found:
            remove(path)
    names, size = _names(layout, found), sum(found.values())
    return Cleaned(checked.repaired, checked.failed, names, size, is_rehearsal)


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
        if stem not in tasks or number >= traces[stem].newest or (result and number == result.number):
            continue
        with io_errors("look at", path):
            status = os.lstat(path)
        if status.st_mtime < until:
            found[path] = status.st_size
    return found


def execute(call: Call, params: CleanupParams) -> Cleaned:
    """Clear away what dead runs left, and old logs.

    Ends their processes, takes finished attempts from their logs, and deletes logs of attempts that
    later ones replaced. Results, attempt records and the newest log of every task stay.

    Examples:
      orchestrator cleanup --dry-run
      orchestrator cleanup --older 30d
    """
    layout = call.plan()
    return clean(layout, call.plugins(layout), older=params.older, is_rehearsal=params.dry_run)


def facts(cleaned: Cleaned) -> Facts:
    """Return what was cleared away as JSON."""
    return {
        "message": cleaned.message,
        "ok": not cleaned.failed,
        "code": "not_repaired" if cleaned.failed else "ok",
        "logs": cleaned.logs,
        "bytes": cleaned.size,
        "repaired": [each._asdict() for each in cleaned.repaired],
        "not_repaired": [each._asdict() for each in cleaned.failed],
    }


def text(cleaned: Cleaned) -> str:
    """Return what was cleared away, one thing per line."""
    done = (f"{one_line(each.where)}: {one_line(each.done)}" for each in cleaned.repaired)
    return "".join(f"{line}\n" for line in (*cleaned.logs, *done))


def remarks(cleaned: Cleaned) -> Iterator[str]:
    """Yield what could not be repaired, and the sum; with ``--json`` the object has both."""
    for each in cleaned.failed:
        yield f"not repaired: {one_line(each.where)}: {one_line(each.done)}"
    yield cleaned.message


def status(cleaned: Cleaned) -> int:
    """Return 1 where something could not be repaired."""
    return int(ExitStatus.TASK_FAILED if cleaned.failed else ExitStatus.DONE)


COMMAND = Command(CleanupParams, execute, facts, text, remarks=remarks, status=status, takes=(DIRECTORY, DIR, JSON))
