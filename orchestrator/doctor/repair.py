"""Check a plan directory against its invariants, and repair what is safe: ``doctor --plan`` and ``--fix``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.core.finding import Finding, Level
from orchestrator.core.timestamp import iso
from orchestrator.doctor.checks import Breach, Evidence, LockSeen, Repair, Stray, breaches
from orchestrator.doctor.inspect import take_snapshot, who_runs
from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.executors.reaper import find_orphans
from orchestrator.runner.clock import Clock
from orchestrator.runner.recovery import recover_from_logs
from orchestrator.services.plugins import Plugins
from orchestrator.store.archive import has_plan
from orchestrator.store.atomic import reject_symlinks, set_aside
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.lock import RunLock, new_run, take_lock
from orchestrator.store.result_writer import protect, remove

#: Looks at processes while runs begin and end.
_LOOKS = 5


class Repaired(NamedTuple):
    """One thing that was repaired, and how."""

    name: str
    where: str
    done: str


class Checked(NamedTuple):
    """What was repaired, and what is not as it must be now."""

    breaches: Sequence[Breach]
    repaired: Sequence[Repaired] = ()
    failed: Sequence[Repaired] = ()
    """Repairs that were tried in vain, and why."""


def check(layout: Layout) -> Checked:
    """Look at everything in a plan directory and at its processes; change nothing. Also while a run is active.

    If a file cannot be read, nothing that depends on it can be checked: then only this error is reported.
    """
    try:
        return Checked(breaches(_looked(layout)))
    except StoreError as error:
        where = os.path.relpath(error.where, layout.root) if error.where else "."
        return Checked([Breach(Finding("unreadable", Level.FAILED, error.message, error.hint), where)])


def _looked(layout: Layout) -> Evidence:
    seen = Evidence()
    for _ in range(_LOOKS):
        seen = take_snapshot(layout)
        seen = _with_strays(seen, layout, seen.lock.run if seen.lock.is_live else "")
        # A run that began after the look at its lock has processes that are no strays.
        if not seen.strays or who_runs(layout) == seen.lock:
            break
    return seen


def repair(layout: Layout, plugins: Plugins) -> Checked:
    """Repair what is safe, and look again.

    Raises:
        BusyError: a run holds the plan; nothing was changed.
        StoreError: something that is there cannot be read.
    """
    if not has_plan(layout):
        return check(layout)  # there is nothing to repair, and no reason to leave a lock file
    reject_symlinks(layout.tasks, layout.results, layout.logs)
    run = new_run()
    lock = take_lock(layout.lock, run, iso(Clock().wall()))
    try:
        seen = _seen(layout, lock, run)
        session = _Repairing(layout, plugins, lock, run, seen)
        session.apply(breaches(seen))
        after = breaches(_seen(layout, lock, run))
    except BaseException:
        lock.abandon()
        raise
    lock.release()
    return Checked(after, session.repaired, session.failed)


def _seen(layout: Layout, lock: RunLock, run: str) -> Evidence:
    """Look with the lock held: then no run is active, and the content of the lock file is our own."""
    seen = take_snapshot(layout)._replace(lock=LockSeen(dead=lock.dead_runs))
    return _with_strays(seen, layout, run)


def _with_strays(seen: Evidence, layout: Layout, run: str) -> Evidence:
    found = find_orphans(layout.root, spare={run})
    return seen._replace(strays=[Stray(each.pid, each.run, each.task) for each in found])


@dataclass(slots=True, eq=False, repr=False)
class _Repairing:
    """The repairs of one call; the lock is held."""

    layout: Layout
    plugins: Plugins
    lock: RunLock
    run: str
    seen: Evidence
    repaired: list[Repaired] = field(default_factory=list, init=False)
    failed: list[Repaired] = field(default_factory=list, init=False)

    def apply(self, found: Sequence[Breach]) -> None:
        """Repair one after the other; what cannot be repaired keeps nothing else from it."""
        # Processes first: they could write again what is repaired here.
        by_repair = {each: [b for b in found if b.repair is each] for each in Repair}
        if by_repair[Repair.END] or self.lock.dead_runs:
            self._end(by_repair[Repair.END])
        for breach in (*by_repair[Repair.REMOVE], *by_repair[Repair.PROTECT]):
            self._try(breach, self._mend_file)
        for breach in by_repair[Repair.MEND]:
            self._try(breach, self._mend_journal)
        again = [
            breach.stem
            for breach in by_repair[Repair.SET_ASIDE]
            if self._try(breach, self._set_aside) and self._has_log(breach.stem)
        ]
        if self.seen.plan is not None and (again or by_repair[Repair.RECOVER]):
            self._recover(by_repair[Repair.RECOVER], again)

    def _try(self, breach: Breach, mend: Callable[[Breach], str]) -> bool:
        try:
            done = mend(breach)
        except StoreError as error:
            self.failed.append(Repaired(breach.finding.name, breach.where, str(error)))
            return False
        self.repaired.append(Repaired(breach.finding.name, breach.where, done))
        return True

    def _mend_file(self, breach: Breach) -> str:
        path = os.path.normpath(f"{self.layout.root}/{breach.where}")
        if breach.repair is Repair.REMOVE:
            remove(path)
            return "removed"
        protect(path)
        return "closed to other users"

    def _mend_journal(self, breach: Breach) -> str:
        Journal(self.layout.journal).close()
        return "ended the torn line"

    def _set_aside(self, breach: Breach) -> str:
        aside = set_aside(f"{self.layout.root}/{breach.where}")
        return f"moved aside to {os.path.relpath(aside, self.layout.root)}"

    def _end(self, found: Sequence[Breach]) -> None:
        self.plugins.sweep(self.layout.root, self.run)
        left = {each.pid for each in find_orphans(self.layout.root, spare={self.run})}
        for breach in found:
            is_left = int(breach.where.rpartition(" ")[2]) in left
            done = "it does not end on SIGKILL" if is_left else "ended"
            entry = Repaired(breach.finding.name, breach.where, done)
            (self.failed if is_left else self.repaired).append(entry)

    # ── results ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _has_log(self, stem: str) -> bool:
        """Whether the newest attempt of a task has a record and a log that can be believed."""
        numbers = [number for other, number in self.seen.records if other == stem]
        record = self.seen.records[stem, max(numbers)] if numbers else None
        return record is not None and record.is_readable and not (record.log or record.trouble)

    def _recover(self, found: Sequence[Breach], again: Sequence[str]) -> None:
        """Make results from the logs of attempts that ended without their runner, or whose result was moved aside."""
        try:
            made = recover_from_logs(self.layout, self.plugins, self.lock.dead_runs, lost=again)
        except OrchestratorError as error:
            tried = [(each.finding.name, each.where) for each in found]
            tried += [("result", f"results/{stem}-result.md") for stem in again]
            self.failed += [Repaired(name, where, str(error)) for name, where in tried]
            return
        for each in made:
            last = each.result.attempts[-1]
            entry = f"attempt {last.number} of {each.task.id} taken from its log: {last.status}"
            self.repaired.append(Repaired("result", each.task.result_path, entry))
        if self.lock.dead_runs:
            runs = ", ".join(self.lock.dead_runs)
            self.lock.recovered()
            self.repaired.append(Repaired("dead_run", "run.lock", f"took over from run {runs}"))
