"""Which processes belong to which attempt, and how they are ended.

A tree is an attempt's main process, its descendants, and those former descendants that were orphaned and inherited by
the guard. Runs inside the guard and its watchdog: standard library only.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from typing import Any


# ── procfs ────────
#
# The parents of all processes, read from ``/proc`` on Linux.
#
# Used by the guard, so only the standard library, and little of it, is imported here. A pid alone means nothing,
# because it is given to a stranger once its process is gone: a ``Process`` carries its start time, and signals to
# processes that are not our own unreaped children go through a pidfd that was checked against it.

_PR_SET_CHILD_SUBREAPER = 36
#: Seconds between two looks at a process whose end no descriptor tells.
_AGAIN = 0.01
#: Looks for what was born while others were frozen; whatever makes more processes than that is not caught up with.
_LOOKS = 50


def is_available() -> bool:
    """Whether this system has what this module reads."""
    return sys.platform == "linux" and os.path.exists("/proc/self/stat")


def set_subreaper(*, on: bool = True) -> bool:
    """Become the process to which orphans below us fall, instead of init; False where that cannot be."""
    if not is_available():
        return False
    import ctypes  # 3 ms, so not at the top

    libc = ctypes.CDLL(None, use_errno=True)
    return int(libc.prctl(_PR_SET_CHILD_SUBREAPER, int(on), 0, 0, 0)) == 0


class Process:
    """One line of ``/proc/PID/stat``. ``start`` is in clock ticks since boot; ``is_zombie``: ended and not reaped."""

    __slots__ = ("group", "is_zombie", "parent", "pid", "session", "start")

    def __init__(self, pid: int, parent: int, group: int, session: int, start: int, *, is_zombie: bool = False) -> None:
        self.pid = pid
        self.is_zombie = is_zombie
        self.parent = parent
        self.group = group
        self.session = session
        self.start = start


def process(pid: int) -> Process | None:
    """Look at one process; None when it is gone."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        text = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The second field is the program's name in parentheses, and may hold blanks and parentheses itself.
    fields = text[text.rfind(b")") + 2 :].split()
    parent, group, session, start = (int(fields[index]) for index in (1, 2, 3, 19))
    return Process(pid, parent, group, session, start, is_zombie=fields[0] == b"Z")


def pids() -> list[int]:
    """Every process there is."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def snapshot() -> dict[int, Process]:
    """Look at every process, one after the other: what is born or orphaned meanwhile is seen by the next snapshot."""
    return {pid: seen for pid in pids() if (seen := process(pid)) is not None}


def descendants(roots: Iterable[int], seen: Mapping[int, Process]) -> dict[int, Process]:
    """Find the processes *roots* and everything below them, each one after its parent, also where both are roots."""
    below: dict[int, list[int]] = {}
    for one in seen.values():
        below.setdefault(one.parent, []).append(one.pid)
    found = _walk((pid for pid in roots if pid in seen), seen, below)
    return _walk((pid for pid, one in found.items() if one.parent not in found), seen, below)


def _walk(roots: Iterable[int], seen: Mapping[int, Process], below: Mapping[int, list[int]]) -> dict[int, Process]:
    found: dict[int, Process] = {}
    todo = list(roots)
    while todo:
        pid = todo.pop()
        if pid not in found:
            found[pid] = seen[pid]
            todo.extend(below.get(pid, ()))
    return found


def environment(pid: int) -> frozenset[bytes]:
    """Read the ``NAME=value`` entries a process was started with; empty when it is gone or belongs to another user."""
    try:
        with open(f"/proc/{pid}/environ", "rb", buffering=0) as file:
            return frozenset(file.readall().split(b"\0"))
    except OSError:
        return frozenset()


class Children:
    """Our own children, read from one descriptor that stays open: 3 µs instead of a walk over ``/proc``.

    Only for a process with a single thread that does all its waiting in that thread: the kernel promises a complete
    list only while no child is removed from it.
    """

    def __init__(self) -> None:
        me = os.getpid()
        try:
            self._fd = os.open(f"/proc/{me}/task/{me}/children", os.O_RDONLY)
        except OSError:  # a kernel built without CONFIG_PROC_CHILDREN
            self._fd = -1

    def pids(self) -> list[int]:
        """Every child, the ended ones that wait to be reaped included."""
        if self._fd < 0:
            me = os.getpid()
            return [one.pid for one in snapshot().values() if one.parent == me]
        text = b""
        while more := os.pread(self._fd, 65536, len(text)):
            text += more
        return [int(word) for word in text.split()]


def open_pidfd(one: Process) -> int:
    """Open a descriptor of exactly this process, readable when it ends. -1: the system gives none, or it is gone."""
    try:
        fd = os.pidfd_open(one.pid)
    except (AttributeError, OSError):
        return -1
    if not _is_there(one):
        os.close(fd)
        return -1
    return fd


def _is_there(one: Process) -> bool:
    """Whether its pid is still its own; that of a zombie is."""
    now = process(one.pid)
    return now is not None and now.start == one.start


def send_signal(one: Process, number: int) -> bool:
    """Send a signal to exactly this process. False: we may not (it changed its user); gone is no error."""
    fd = open_pidfd(one)
    try:
        if fd >= 0:
            signal.pidfd_send_signal(fd, number)
        elif _is_there(one):
            # No descriptor is to be had, for an old kernel or a sandbox: as good as it gets.
            os.kill(one.pid, number)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    finally:
        if fd >= 0:
            os.close(fd)
    return True


def wait_gone(processes: Iterable[Process], limit: float) -> None:
    """Wait until all of them have ended, but not beyond *limit* on the monotonic clock."""
    for one in processes:
        poll = select.poll()
        if (fd := open_pidfd(one)) >= 0:
            poll.register(fd, select.POLLIN)
            poll.poll(max(0.0, limit - time.monotonic()) * 1000)
            os.close(fd)
            continue
        while (now := process(one.pid)) and now.start == one.start and not now.is_zombie:
            if time.monotonic() >= limit:
                return
            poll.poll(_AGAIN * 1000)


def kill_all(look: Callable[[], Iterable[Process]]) -> list[Process]:
    """Freeze what *look* finds, parents first, until it finds nothing new, and kill it; return it all, still ending.

    All of it is frozen before any of it dies: a script that sees its command end goes on with its next step.
    """
    frozen: dict[tuple[int, int], Process] = {}
    for _ in range(_LOOKS):
        new = {key: one for one in look() if (key := (one.pid, one.start)) not in frozen}
        if not new:
            break
        frozen |= new
        for one in new.values():
            send_signal(one, signal.SIGSTOP)
    found = list(frozen.values())
    # Children first: frozen jobs whose shell dies are thawed by the system (SIGHUP, SIGCONT).
    for one in reversed(found):
        send_signal(one, signal.SIGKILL)
    return found


def kill_trees(roots: Collection[int]) -> None:
    """Kill these children of this process and their descendants; on systems other than Linux, their groups."""
    if is_available():
        kill_all(lambda: descendants(roots, snapshot()).values())
        return
    for root in roots:
        os.killpg(root, signal.SIGKILL)


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

    ``kill_at`` is when SIGKILL follows SIGTERM, None while the job is not to end; ``look`` is when its tree is to be
    checked again. Both on the monotonic clock.
    """

    __slots__ = (
        "clock",
        "duration",
        "ended",
        "immune",
        "job",
        "key",
        "kill_at",
        "log",
        "look",
        "marks",
        "pid",
        "signalled",
        "started",
        "stopped",
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
        self.kill_at: float | None = None
        self.look = 0.0
        self.wait_status: int | None = None
        self.usage: Any = None
        self.ended = 0.0
        self.duration = 0.0
        self.signalled: set[int] = set()
        self.immune: set[int] = set()


class Trees:
    """The trees of a guard that is a subreaper: it inherits every orphan below it, also one in its own session."""

    def __init__(self) -> None:
        self._children = Children()
        self._owners: dict[int, str] = {}

    def forget(self, pid: int) -> None:
        """Forget a child that was reaped: its pid may be reused from now on."""
        self._owners.pop(pid, None)

    def orphans(self, mains: Mapping[int, TrackedJob]) -> list[int]:
        """Children that we did not start."""
        return [pid for pid in self._children.pids() if pid not in mains]

    def grow(
        self, ending: Iterable[TrackedJob], running: Iterable[TrackedJob], mains: Mapping[int, TrackedJob]
    ) -> dict[str, Tree]:
        """Find what is left of every attempt that is ending.

        An orphan that can be distinguished neither by its marks nor by its session is left alone while it may belong
        to a running attempt, and belongs to every ending one afterwards.
        """
        ending = list(ending)
        others = [one for one in running if one not in ending]
        roots: dict[str, list[int]] = {one.key: [one.pid] if one.wait_status is None else [] for one in ending}
        for pid in self.orphans(mains):
            owner = self._owner(pid, [*ending, *others])
            if owner is None and not others:
                for pids in roots.values():
                    pids.append(pid)
            elif owner in roots:
                roots[owner].append(pid)
        if not any(roots.values()):
            return {one.key: {} for one in ending}
        seen = snapshot()
        grown = {one.key: descendants(roots[one.key], seen) for one in ending}
        for one in ending:
            for pid in one.immune:
                grown[one.key].pop(pid, None)
        return grown

    def _owner(self, pid: int, attempts: Iterable[TrackedJob]) -> str | None:
        # Kept until the child is reaped: no pid can be reused before that, and an exec may wipe out the marks.
        if (known := self._owners.get(pid)) is not None:
            return known
        attempts = list(attempts)
        seen = process(pid)
        owner = next((one for one in attempts if seen and seen.session == one.pid), None)
        if owner is None:
            entries = environment(pid)
            owner = next((one for one in attempts if one.marks and one.marks <= entries), None)
        if owner is not None:
            self._owners[pid] = owner.key
            return owner.key
        return None

    def end(self, attempt: TrackedJob, tree: Tree, *, force: bool) -> None:
        """Send SIGTERM to everything in a tree that has not got it yet, or SIGKILL to everything.

        The process group of our own child is signalled as a whole, which no fork can escape. That is safe: the child
        is not reaped yet, so its group's number is not reused, and all groups of a session belong to one tree.
        """
        me = os.getpid()
        number = signal.SIGKILL if force else signal.SIGTERM
        groups = {one.group for one in tree.values() if one.parent == me} - {os.getpgrp(), 0, 1}
        for group in groups:
            if force or group not in attempt.signalled:
                attempt.signalled.add(group)
                _signal_group(group, number)
        for pid, one in tree.items():
            if not force:
                if pid in attempt.signalled or one.group in groups:
                    continue
                attempt.signalled.add(pid)
            if not send_signal(one, number):
                attempt.immune.add(pid)
            elif not force:
                send_signal(one, signal.SIGCONT)


class Groups:
    """The trees of other systems: one process group per attempt. What leaves its group is not found."""

    def forget(self, pid: int) -> None:
        """Nothing is remembered."""

    def orphans(self, mains: Mapping[int, TrackedJob]) -> list[int]:
        """Orphans fall to init here."""
        return []

    def grow(
        self, ending: Iterable[TrackedJob], running: Iterable[TrackedJob], mains: Mapping[int, TrackedJob]
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
            if force or group not in attempt.signalled:
                attempt.signalled.add(group)
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
