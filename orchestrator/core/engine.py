"""The scheduler, without input or output: an event and a moment in, instructions out.

No await, no file, no clock, no dice in here, so a whole run of thousands of tasks can be played in virtual time and
held to its invariants (``tests/core/test_engine_machine.py``). Work per event is O(degree · log n).

Dispatch is by readiness: a task starts the moment its own needs are on disk and a slot is free, highest priority
first, then longest remaining path, then the order of the plan.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from orchestrator.core.result import StopReason, Verdict
from orchestrator.core.retry import backoff
from orchestrator.core.state import SETTLED, TaskStatus, Verb, move


@dataclass(frozen=True, slots=True)
class Moment:
    """When an event happened: seconds on a clock that never jumps, and one random number in [0, 1)."""

    now: float
    draw: float = 0.5


# ── events: what happened ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Begun:
    """The run begins."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt is over and judged."""

    task: str
    attempt: int
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The result of an attempt is on disk, durably: its dependants may count on it."""

    task: str


@dataclass(frozen=True, slots=True)
class Ticked:
    """The moment ``wake_at`` asked for has come."""


@dataclass(frozen=True, slots=True)
class StopRequested:
    """The run shall end: nothing new starts, what runs is stopped."""


Event = Begun | Ended | Recorded | Ticked | StopRequested


# ── instructions: what to do ─────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Launch:
    """Start an attempt. ``charge`` says which of the task's allowed attempts it is."""

    task: str
    attempt: int
    charge: int


@dataclass(frozen=True, slots=True)
class Stop:
    """End a running attempt; its ``Ended`` is still awaited."""

    task: str
    attempt: int
    reason: StopReason


@dataclass(frozen=True, slots=True)
class Record:
    """Make the new status of a task durable, then answer with ``Recorded``."""

    task: str
    status: TaskStatus
    retry_in: float = 0.0
    """Seconds until the next attempt, for people."""


@dataclass(frozen=True, slots=True)
class Skip:
    """A task will not run in this run; ``reason`` names the dependency that failed."""

    task: str
    reason: str


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing is left to do."""


Instruction = Launch | Stop | Record | Skip | Finish


@dataclass(slots=True)
class Entry:
    """What the engine knows of one task. Whoever builds an engine fills it in; afterwards only the engine writes."""

    id: str
    needs: tuple[str, ...] = ()
    priority: int = 0
    rank: float = 0.0
    timeout: float = math.inf
    max_attempts: int = 1
    retry_delay: float = 0.0
    status: TaskStatus = TaskStatus.WAITING
    attempt: int = 0
    """Number of the newest attempt."""
    charge: int = 0
    """Attempts that count against ``max_attempts``."""
    place: int = field(default=0, init=False)
    unmet: int = field(default=0, init=False)
    """Needs that are not completed."""
    undurable: int = field(default=0, init=False)
    """Needs that are completed and not yet recorded."""
    deadline: float = field(default=math.inf, init=False)
    due: float = field(default=0.0, init=False)
    stopping: bool = field(default=False, init=False)
    unrecorded: bool = field(default=False, init=False)
    dependants: list[Entry] = field(default_factory=list, init=False, repr=False)


class Engine:
    """Decides what runs when. See the module."""

    def __init__(
        self, entries: Iterable[Entry], *, max_parallel: int, stop_on_failure: bool = False
    ) -> None:
        """Take every task of the plan, the completed ones too; needs must be known and acyclic."""
        self.entries: dict[str, Entry] = {}
        for place, entry in enumerate(entries):
            entry.place = place
            self.entries[entry.id] = entry
        self._max_parallel = max_parallel
        self._stop_on_failure = stop_on_failure
        self._running: dict[str, Entry] = {}
        self._reserved: dict[str, Entry] = {}
        self._unrecorded = 0
        self._draining = False
        self._finished = False
        self._ready: list[tuple[int, float, int, Entry]] = []
        self._retries: list[tuple[float, int, Entry]] = []
        self._deadlines: list[tuple[float, int, int, Entry]] = []

    @property
    def running(self) -> Sequence[str]:
        """Tasks whose attempt is under way."""
        return tuple(self._running)

    @property
    def is_awaiting_record(self) -> bool:
        """Whether a task keeps a slot and only waits for the results before it to be on disk."""
        return bool(self._reserved)

    @property
    def wake_at(self) -> float | None:
        """When to send ``Ticked``; None while no timer is running."""
        while self._deadlines and not self._is_armed(self._deadlines[0]):
            heapq.heappop(self._deadlines)
        times = [queue[0][0] for queue in (self._deadlines, self._retries) if queue]
        return min(times, default=None)

    def handle(self, event: Event, moment: Moment) -> list[Instruction]:
        """Take in what happened, return what to do about it, in order."""
        todo: list[Instruction] = []
        match event:
            case Begun():
                self._begin(todo)
            case Ended():
                self._end(event, moment, todo)
            case Recorded():
                self._release(self.entries[event.task], moment, todo)
            case Ticked():
                self._tick(moment, todo)
            case StopRequested():
                self._stop(todo)
        self._dispatch(moment, todo)
        return todo

    def _begin(self, todo: list[Instruction]) -> None:
        for entry in self.entries.values():
            for need in entry.needs:
                before = self.entries[need]
                before.dependants.append(entry)
                entry.unmet += before.status is not TaskStatus.COMPLETED
        for entry in self.entries.values():
            if entry.status is TaskStatus.WAITING and not entry.unmet:
                self._queue(entry, Verb.READY)
            elif entry.status is TaskStatus.CANCELLED:
                self._skip_dependants(entry, todo)

    def _queue(self, entry: Entry, verb: Verb | None = None) -> None:
        if verb is not None:
            entry.status = move(entry.status, verb)
        heapq.heappush(self._ready, (-entry.priority, -entry.rank, entry.place, entry))

    def _dispatch(self, moment: Moment, todo: list[Instruction]) -> None:
        slots = self._max_parallel - len(self._running) - len(self._reserved)
        while self._ready and slots > 0 and not self._draining:
            entry = heapq.heappop(self._ready)[-1]
            slots -= 1
            if entry.undurable:
                # Its turn has come, but not its results: it keeps the slot for the moment the disk takes. Given to the
                # next in line, the slot would be gone for a whole task, and a long chain would wait at every link.
                self._reserved[entry.id] = entry
            else:
                self._launch(entry, moment, todo)
        idle = not (self._running or self._unrecorded)
        if idle and (self._draining or not (self._ready or self._retries)) and not self._finished:
            self._finished = True
            todo.append(Finish())

    def _launch(self, entry: Entry, moment: Moment, todo: list[Instruction]) -> None:
        entry.status = move(entry.status, Verb.LAUNCH)
        entry.attempt += 1
        entry.charge += 1
        entry.stopping = False
        entry.deadline = moment.now + entry.timeout
        self._running[entry.id] = entry
        if entry.deadline < math.inf:
            item = (entry.deadline, entry.place, entry.attempt, entry)
            heapq.heappush(self._deadlines, item)
        todo.append(Launch(entry.id, entry.attempt, entry.charge))

    def _end(self, event: Ended, moment: Moment, todo: list[Instruction]) -> None:
        entry = self._running.get(event.task)
        if entry is None or entry.attempt != event.attempt:
            return  # a late word about an attempt that was already settled
        del self._running[entry.id]
        entry.unrecorded = True
        self._unrecorded += 1
        delay = 0.0
        match event.verdict:
            case Verdict.COMPLETED:
                entry.status = move(entry.status, Verb.SUCCEED)
                self._announce(entry)
            case Verdict.INTERRUPTED:
                entry.status = move(entry.status, Verb.INTERRUPT)
                entry.charge -= 1
            case Verdict.FAILED if entry.charge < entry.max_attempts:
                entry.status = move(entry.status, Verb.RETRY)
                delay = backoff(entry.retry_delay, entry.charge, moment.draw)
                entry.due = moment.now + delay
            case Verdict.FAILED | Verdict.FATAL:
                entry.status = move(entry.status, Verb.FAIL)
                self._draining = self._draining or self._stop_on_failure
        todo.append(Record(entry.id, entry.status, delay))

    def _announce(self, entry: Entry) -> None:
        """Let the dependants of a completed task queue up; they start when it is recorded."""
        for dependant in entry.dependants:
            dependant.unmet -= 1
            dependant.undurable += 1
            if not dependant.unmet and dependant.status is TaskStatus.WAITING:
                self._queue(dependant)

    def _release(self, entry: Entry, moment: Moment, todo: list[Instruction]) -> None:
        if not entry.unrecorded:
            return
        entry.unrecorded = False
        self._unrecorded -= 1
        if entry.status is TaskStatus.COMPLETED:
            for dependant in entry.dependants:
                dependant.undurable -= 1
                if not (dependant.unmet or dependant.undurable):
                    self._free(dependant, moment, todo)
        elif entry.status is TaskStatus.FAILED:
            self._skip_dependants(entry, todo)
        elif entry.status is TaskStatus.RETRYING:
            heapq.heappush(self._retries, (entry.due, entry.place, entry))
        elif entry.status is TaskStatus.PENDING:
            self._queue(entry)

    def _free(self, entry: Entry, moment: Moment, todo: list[Instruction]) -> None:
        if entry.status is not TaskStatus.WAITING:
            return
        entry.status = move(entry.status, Verb.READY)
        if self._reserved.pop(entry.id, None) is not None and not self._draining:
            self._launch(entry, moment, todo)

    def _skip_dependants(self, cause: Entry, todo: list[Instruction]) -> None:
        # Each task is skipped once, so the whole cascade is linear over a run.
        stack = [cause]
        while stack:
            before = stack.pop()
            for entry in before.dependants:
                if entry.status is TaskStatus.WAITING:
                    entry.status = move(entry.status, Verb.SKIP)
                    todo.append(Skip(entry.id, f"{before.id} {before.status.value}"))
                    stack.append(entry)

    def _tick(self, moment: Moment, todo: list[Instruction]) -> None:
        while self._retries and self._retries[0][0] <= moment.now:
            self._queue(heapq.heappop(self._retries)[-1])
        while self._deadlines and self._deadlines[0][0] <= moment.now:
            armed = self._is_armed(self._deadlines[0])
            entry = heapq.heappop(self._deadlines)[-1]
            if armed:
                self._halt(entry, StopReason.TIMEOUT, todo)

    def _is_armed(self, item: tuple[float, int, int, Entry]) -> bool:
        _, _, attempt, entry = item
        return entry.id in self._running and entry.attempt == attempt and not entry.stopping

    def _stop(self, todo: list[Instruction]) -> None:
        self._draining = True
        for entry in self._running.values():
            self._halt(entry, StopReason.SHUTDOWN, todo)

    def _halt(self, entry: Entry, reason: StopReason, todo: list[Instruction]) -> None:
        if not entry.stopping:
            entry.stopping = True
            todo.append(Stop(entry.id, entry.attempt, reason))

    def check(self) -> None:
        """Hold the engine to its invariants; for tests. Cost is linear in the plan."""
        assert len(self._running) + len(self._reserved) <= self._max_parallel
        assert self._unrecorded == sum(entry.unrecorded for entry in self.entries.values())
        for entry in self.entries.values():
            assert (entry.status is TaskStatus.RUNNING) == (entry.id in self._running)
            met = all(
                self.entries[need].status is TaskStatus.COMPLETED
                and not self.entries[need].unrecorded
                for need in entry.needs
            )
            started = {TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.RETRYING}
            assert met or entry.status not in started
            assert entry.charge <= entry.max_attempts
        if self._finished and not self._draining:
            left = {entry.status for entry in self.entries.values()} - SETTLED
            assert left <= {TaskStatus.BLOCKED, TaskStatus.WAITING}
