"""Which processes belong to which attempt, and how they are ended.

A tree is an attempt's main process, what descends from it, and what descended from it until it was orphaned and fell to
the guard. Runs inside the guard and its watchdog: standard library only.
"""

from __future__ import annotations

import os
import signal

from orchestrator.executors import procfs
from orchestrator.executors.process_tree import Process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

#: Together they name one attempt, and whatever it starts inherits them.
MARKS = ("ORCHESTRATOR_RUN_ID", "ORCHESTRATOR_TASK_ID", "ORCHESTRATOR_ATTEMPT")

#: Seconds between SIGTERM and SIGKILL for what an agent left behind, and for everything once the runner is dead.
GRACE = 2.0
#: Seconds after the last SIGKILL until we give up on processes that even that does not end.
HARD_LIMIT = 5.0
#: Seconds between looks at trees that are being ended; most of it happens at once, on SIGCHLD.
TICK = 0.25

Tree = dict[int, Process]


class TrackedJob:
    """A job that was started.

    ``deadline`` is when SIGTERM has had its time, None while nobody wants it to end; ``look`` is when its tree is to be
    looked at again. Both on the monotonic clock.
    """

    __slots__ = (
        "clock",
        "deadline",
        "duration",
        "ended",
        "immune",
        "job",
        "key",
        "log",
        "look",
        "marks",
        "pid",
        "started",
        "stopped",
        "told",
        "usage",
        "wait_status",
    )

    def __init__(self, job: Mapping[str, Any], pid: int, started: float, clock: float) -> None:
        self.job = job
        self.key: str = job["key"]
        self.log: tuple[int, int] | None = None
        self.pid = pid
        self.started = started
        self.clock = clock
        env = job["env"]
        marks = [f"{name}={env[name]}".encode(errors="replace") for name in MARKS if name in env]
        self.marks = frozenset(marks if len(marks) == len(MARKS) else ())
        self.stopped: str | None = None
        self.deadline: float | None = None
        self.look = 0.0
        self.wait_status: int | None = None
        self.usage: Any = None
        self.ended = 0.0
        self.duration = 0.0
        self.told: set[int] = set()
        self.immune: set[int] = set()


class Trees:
    """The trees of a guard that is a subreaper: every orphan below it falls to it, also one in a session of its own."""

    def __init__(self) -> None:
        self._children = procfs.Children()
        self._owners: dict[int, str] = {}

    def forget(self, pid: int) -> None:
        """A child was reaped; its pid may be anybody's from now on."""
        self._owners.pop(pid, None)

    def orphans(self, mains: Mapping[int, TrackedJob]) -> list[int]:
        """Children that we did not start."""
        return [pid for pid in self._children.pids() if pid not in mains]

    def grow(
        self,
        ending: Iterable[TrackedJob],
        running: Iterable[TrackedJob],
        mains: Mapping[int, TrackedJob],
    ) -> dict[str, Tree]:
        """Find what is left of every attempt that is ending.

        An orphan that can be told apart neither by its marks nor by its session is left alone while it may belong to a
        running attempt, and belongs to every ending one afterwards.
        """
        ending = list(ending)
        others = [one for one in running if one not in ending]
        roots: dict[str, list[int]] = {
            one.key: [one.pid] if one.wait_status is None else [] for one in ending
        }
        for pid in self.orphans(mains):
            owner = self._owner(pid, [*ending, *others])
            if owner is None and not others:
                for pids in roots.values():
                    pids.append(pid)
            elif owner in roots:
                roots[owner].append(pid)
        if not any(roots.values()):
            return {one.key: {} for one in ending}
        seen = procfs.snapshot()
        grown = {one.key: procfs.descendants(roots[one.key], seen) for one in ending}
        for one in ending:
            for pid in one.immune:
                grown[one.key].pop(pid, None)
        return grown

    def _owner(self, pid: int, attempts: Iterable[TrackedJob]) -> str | None:
        # Kept until the child is reaped: no pid can be reused before that, and an exec may wipe out the marks.
        if (known := self._owners.get(pid)) is not None:
            return known
        attempts = list(attempts)
        seen = procfs.process(pid)
        owner = next((one for one in attempts if seen and seen.session == one.pid), None)
        if owner is None:
            entries = procfs.environment(pid)
            owner = next((one for one in attempts if one.marks and one.marks <= entries), None)
        if owner is not None:
            self._owners[pid] = owner.key
            return owner.key
        return None

    def end(self, attempt: TrackedJob, tree: Tree, *, force: bool) -> None:
        """Send SIGTERM to everything in a tree that has not got it yet, or SIGKILL to everything.

        The group of a child of ours is signalled as a whole, which no fork can escape. That is safe: the child is not
        reaped, so its group's number is not free, and every group of a session is of one tree.
        """
        me = os.getpid()
        number = signal.SIGKILL if force else signal.SIGTERM
        groups = {one.group for one in tree.values() if one.parent == me} - {os.getpgrp(), 0, 1}
        for group in groups:
            if force or group not in attempt.told:
                attempt.told.add(group)
                _signal_group(group, number)
        for pid, one in tree.items():
            if not force:
                if pid in attempt.told or one.group in groups:
                    continue
                attempt.told.add(pid)
            if not procfs.send_signal(one, number):
                attempt.immune.add(pid)
            elif not force:
                procfs.send_signal(one, signal.SIGCONT)


class Groups:
    """The trees of other systems: one process group per attempt. What leaves its group is not found."""

    def forget(self, pid: int) -> None:
        """Nothing is remembered."""

    def orphans(self, mains: Mapping[int, TrackedJob]) -> list[int]:
        """Orphans fall to init here."""
        return []

    def grow(
        self,
        ending: Iterable[TrackedJob],
        running: Iterable[TrackedJob],
        mains: Mapping[int, TrackedJob],
    ) -> dict[str, Tree]:
        """One entry for the whole group, as long as it has members."""
        return {
            one.key: {one.pid: Process(one.pid, os.getpid(), one.pid, one.pid, 0)}
            if one.wait_status is None or (one.pid not in one.immune and _has_members(one.pid))
            else {}
            for one in ending
        }

    def end(self, attempt: TrackedJob, tree: Tree, *, force: bool) -> None:
        """Signal the group. What got SIGKILL counts as ended: zombies are members too, until init reaps them."""
        for group in tree:
            if force:
                attempt.immune.add(group)
            if force or group not in attempt.told:
                attempt.told.add(group)
                _signal_group(group, signal.SIGKILL if force else signal.SIGTERM)


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
        if number == signal.SIGTERM:
            os.killpg(group, signal.SIGCONT)  # a stopped process sees SIGTERM only when it goes on
    except (ProcessLookupError, PermissionError):
        return  # gone; or all of it changed its user, which the single signals find out


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
