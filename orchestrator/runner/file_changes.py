"""Compares the files that attempts changed with what their tasks declare, and with each other.

The work directory is scanned when the first attempt begins, after each one, and when one begins after a pause; and
only if some task of the plan declares ``writes``. What the logs of agents show is taken in always.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio

from orchestrator.core.changes import (
    AttemptSpan,
    Conflict,
    ObservedChanges,
    Scan,
    changed_alone,
    undeclared_lines,
    undeclared_text,
)
from orchestrator.core.pools import STRICT
from orchestrator.core.result import Outcome, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import join_first
from orchestrator.runner.attempt import LiveAttempt, unchecked
from orchestrator.runner.event_loop import in_thread
from orchestrator.store.work_tree import scan_files

#: Seconds for which nothing that people change is taken for what an attempt does that begins now.
_FRESH = 1.0
#: Conflicts that are told at once; the end of the run tells of all.
_MOST = 20
#: Files named in a reason.
_NAMED = 5


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class FileChanges:
    """What is known of the files that the attempts of one run change."""

    workdir: str = ""
    spared: str = ""
    """A directory in it that is not scanned: that of the plan."""
    wall: Callable[[], float] = lambda: 0.0
    """The time, in seconds since the epoch."""
    is_real: bool = False
    """Whether agents work there, and are not only simulated."""
    is_asked: bool = False
    """Whether some task declares what it writes."""
    why_not: str = ""
    """Why the work directory is not scanned all the same."""
    known: ObservedChanges = field(default_factory=ObservedChanges)
    _asked: int = 0
    _served: int = 0
    _lock: anyio.Lock | None = None

    @property
    def is_scanning(self) -> bool:
        """Whether the work directory is scanned."""
        return self.is_asked and not self.why_not

    def ask(self, policies: Mapping[str, Settings]) -> None:
        """Take in what the tasks of the plan declare: nothing is scanned where none declares anything."""
        self.is_asked = self.is_real and any(policy.writes for policy in policies.values())

    def start(self, live: LiveAttempt) -> list[str]:
        """Take in that an attempt is about to begin; return what people should know."""
        said: list[str] = []
        if self.is_scanning and (
            not self.known.last_scan or (self.known.is_idle and self.wall() - self.known.last_scan > _FRESH)
        ):
            said = self._take(scan_files(self.workdir, self.spared))
        self.known.start(live.key, AttemptSpan(live.task.id, self.wall(), live.writes))
        return said

    def see_edits(self, key: str, paths: Iterable[str]) -> list[str]:
        """Take in which files the log of an attempt shows it edited; return what people should know."""
        found = [path for path in map(self._inside, paths) if path]
        return self._report(self.known.see_edits(key, found))

    def end(self, live: LiveAttempt, ended: float) -> None:
        """Take in that an attempt is over. ``scan`` may follow, ``judge`` does."""
        self.known.end(live.key, ended or self.wall())

    async def scan(self) -> list[str]:
        """Scan what attempts left behind that are over; return what people should know."""
        self._asked += 1
        mine = self._asked
        self._lock = self._lock or anyio.Lock()
        async with self._lock:
            if self._served >= mine or not self.is_scanning:
                return []  # a scan that began since is enough for all that had ended by then
            self._served = self._asked
            return self._take(await in_thread(scan_files, self.workdir, self.spared))

    def judge(self, live: LiveAttempt, outcome: Outcome) -> tuple[Outcome, list[str]]:
        """Conclude about an attempt that is over; return its outcome, and what people should know."""
        said = self.see_edits(live.key, live.reader.signs.edited)
        span = self.known.of(live.key)
        self.known.forget(live.key)
        if not (live.writes and self.is_asked):
            return outcome, said
        if self.why_not:
            live.undeclared = unchecked(self.why_not)
            return outcome, said
        if span.undeclared:
            items = [f"- {line}" for line in undeclared_lines(span)]
            live.undeclared = ["Files that were changed while it ran, and that its `writes` does not cover:", *items]
            said.append(undeclared_text(span))
        sole = changed_alone(span)
        if sole and STRICT in live.writes and outcome.verdict is Verdict.COMPLETED:
            reason = f"it changed what it does not declare (writes: strict): {join_first(sole, _NAMED)}"
            return outcome._replace(verdict=Verdict.FATAL, reason=reason), said
        return outcome, said

    def conflicts(self) -> list[str]:
        """Say which files tasks changed that ran at the same time."""
        return [str(each) for each in self.known.conflicts]

    def _take(self, scan: Scan | str) -> list[str]:
        if isinstance(scan, Scan):
            return self._report(self.known.compare(scan))
        self.why_not = scan
        return [f"what tasks change is not compared with their `writes`: {scan}"]

    def _report(self, found: Sequence[Conflict]) -> list[str]:
        before = len(self.known.conflicts) - len(found)
        said = [str(conflict) for conflict in found[: max(0, _MOST - before)]]
        if before <= _MOST < len(self.known.conflicts):
            said.append("there are more files that tasks changed at the same time: final_output.md lists them")
        return said

    def _inside(self, path: str) -> str:
        """Return a path as it counts from the work directory, if it is in there; empty for a file of the plan's."""
        whole = os.path.realpath(os.path.join(self.workdir, path))
        if whole.startswith(f"{os.path.realpath(self.spared)}/"):
            return ""
        return whole.removeprefix(f"{os.path.realpath(self.workdir)}/")
