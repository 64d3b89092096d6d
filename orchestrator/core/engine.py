"""The scheduler, without input or output: an event and a moment in, instructions out.

No await, no file, no clock, no dice in here, so a whole run of thousands of tasks can be played in virtual time and
held to its invariants (``tests/core/test_engine_machine.py``). Work per event is O(degree · log n).

Dispatch is by readiness: a task starts the moment its own needs are on disk and a slot is free, highest priority
first, then longest remaining path, then the order of the plan. What an account holds back, what the budget cannot take,
and what an agent has no room for waits in its place and keeps no slot (``core.account``, ``core.capacity``).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.core.account import DUST, Account, Purse
from orchestrator.core.capacity import Capacity, Crew
from orchestrator.core.deadlines import Deadlines
from orchestrator.core.entry import Entry
from orchestrator.core.event import (
    Begun,
    Ended,
    Event,
    Heard,
    Moment,
    Recorded,
    Replanned,
    StopRequested,
    Ticked,
)
from orchestrator.core.instruction import (
    Finish,
    Hold,
    Instruction,
    Launch,
    Record,
    Resume,
    Skip,
    Stop,
)
from orchestrator.core.result import StopReason, Verdict
from orchestrator.core.retry import backoff
from orchestrator.core.revision import blamed, is_under_way, revise
from orchestrator.core.state import SETTLED, TaskStatus, Verb, move


class Engine:
    """Decides what runs when. See the module."""

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        max_parallel: int,
        stop_on_failure: bool = False,
        accounts: Mapping[str, Account] | None = None,
        purse: Purse | None = None,
        capacity: Capacity | None = None,
    ) -> None:
        """Take every task of the plan, the completed ones too; needs must be known and acyclic."""
        self.entries: dict[str, Entry] = {}
        for place, entry in enumerate(entries):
            entry.place = place
            self.entries[entry.id] = entry
        self._max_parallel = max_parallel
        self._accounts = {"": Account(), **(accounts or {})}
        self.purse = purse or Purse()
        self._capacity = capacity or Capacity()
        self._stop_on_failure = stop_on_failure
        self._running: dict[str, Entry] = {}
        self._reserved: dict[str, Entry] = {}
        self._unrecorded = 0
        self._now = -math.inf
        self._draining = self._finished = False
        self._ready: dict[tuple[str, Crew], list[tuple[int, float, int, Entry]]] = {}
        self._unaffordable: list[Entry] = []
        self._retries: list[tuple[float, int, Entry]] = []
        self._deadlines = Deadlines()

    @property
    def running(self) -> Sequence[str]:
        """Tasks whose attempt is under way."""
        return tuple(self._running)

    @property
    def under_way(self) -> frozenset[str]:
        """Tasks that were started and are not over: they stay in a run whose plan loses their row."""
        return frozenset(id for id, entry in self.entries.items() if is_under_way(entry))

    @property
    def is_awaiting_record(self) -> bool:
        """Whether a task keeps a slot and only waits for the results before it to be on disk."""
        return bool(self._reserved)

    @property
    def wake_at(self) -> float | None:
        """When to send ``Ticked``; None while no timer is running."""
        times = [self._deadlines.next(), *(due for due, _, _ in self._retries[:1])]
        opening = (
            self._accounts[account].opens_at for (account, _), queue in self._ready.items() if queue
        )
        times += [moment for moment in opening if moment > self._now]
        return wake_at if (wake_at := min(times)) < math.inf else None

    def handle(self, event: Event, moment: Moment) -> list[Instruction]:
        """Take in what happened, return what to do about it, in order."""
        todo: list[Instruction] = []
        self._now = moment.now
        match event:
            case Begun():
                self._begin(todo)
            case Heard():
                self._hear(event, todo)
            case Ended():
                self._end(event, moment, todo)
            case Recorded():
                self._release(self.entries[event.task], moment, todo)
            case Replanned():
                self._replan(event, todo)
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

    def _replan(self, event: Replanned, todo: list[Instruction]) -> None:
        """Put the new plan in the place of the old one. Linear in the plan: people change it seldom."""
        before = self.entries
        self.entries = revise(before, event.entries)
        for entry in before.values():
            if entry.id not in self.entries and entry.open_bill:
                # Its session will never tell: it counts with all that it may have cost.
                self.purse.reserved -= entry.open_bill
                self.purse.spent += entry.open_bill
        self._reserved, self._ready, self._unaffordable = {}, {}, []
        due = {entry.id for _, _, entry in self._retries}
        kept_back = blamed(self.entries)
        for entry in self.entries.values():
            if entry.unrecorded:
                continue
            if entry.status is TaskStatus.RETRYING and entry.id not in due:
                self._queue(entry)
            elif entry.status in {TaskStatus.PENDING, TaskStatus.SKIPPED}:
                self._seat(entry, is_kept_back=entry.id in kept_back)
            elif entry.status is TaskStatus.WAITING and not entry.unmet:
                self._queue(entry, None if entry.undurable else Verb.READY)
            if entry.status is TaskStatus.WAITING and (cause := kept_back.get(entry.id)):
                entry.status = move(entry.status, Verb.SKIP)
                todo.append(Skip(entry.id, f"{cause.id} {cause.status.value}"))

    def _seat(self, entry: Entry, *, is_kept_back: bool) -> None:
        if entry.status is TaskStatus.SKIPPED and is_kept_back:
            return
        if entry.unmet or entry.undurable or entry.status is TaskStatus.SKIPPED:
            entry.status = move(entry.status, Verb.WAIT)
        if not entry.unmet:
            ready = entry.status is TaskStatus.WAITING and not entry.undurable
            self._queue(entry, Verb.READY if ready else None)

    def _queue(self, entry: Entry, verb: Verb | None = None) -> None:
        if verb is not None:
            entry.status = move(entry.status, verb)
        queue = self._ready.setdefault((entry.account, entry.crew), [])
        heapq.heappush(queue, (-entry.priority, -entry.rank, entry.place, entry))

    def _dispatch(self, moment: Moment, todo: list[Instruction]) -> None:
        slots = self._max_parallel - len(self._running) - len(self._reserved)
        while slots > 0 and not self._draining and (queue := self._next_queue(moment.now, slots)):
            entry = heapq.heappop(queue)[-1]
            slots -= 1
            if entry.undurable:
                # Its turn has come, but not its results: it keeps the slot for the moment the disk takes. Given to the
                # next in line, the slot would be gone for a whole task, and a long chain would wait at every link.
                self._reserved[entry.id] = entry
            else:
                self._launch(entry, moment, todo)
        is_idle = not (self._running or self._unrecorded)
        if is_idle and (self._draining or not self._is_anything_to_come) and not self._finished:
            self._finished = True
            todo.append(Finish(tuple(entry.id for entry in self._unaffordable)))

    @property
    def _is_anything_to_come(self) -> bool:
        return bool(self._retries) or any(
            queue and self._accounts[account].opens_at < math.inf
            for (account, _), queue in self._ready.items()
        )

    def _next_queue(self, now: float, slots: int) -> list[tuple[int, float, int, Entry]] | None:
        """Return the queue whose first task may start: its account is open, money and room are there."""
        best: list[tuple[int, float, int, Entry]] | None = None
        for (account, crew), queue in self._ready.items():
            if not (self._accounts[account].lets_through(now) and self._capacity.has_room(crew)):
                continue
            while account and queue and self._cap(queue[0][-1], slots, others=-1) is None:
                if any(entry.account for entry in self._running.values()):
                    break  # what is reserved for it may come back
                self._unaffordable.append(heapq.heappop(queue)[-1])
            else:
                if queue and (best is None or queue[0] < best[0]):
                    best = queue
        return best

    def _cap(self, entry: Entry, slots: int, others: int = 0) -> float | None:
        """Return what an attempt may cost: what is left is shared only with what could start at the same time."""
        others += sum(len(queue) for (account, _), queue in self._ready.items() if account)
        return self.purse.cap(entry.budget, min(slots, others + 1))

    def _launch(self, entry: Entry, moment: Moment, todo: list[Instruction]) -> None:
        entry.apply_revision()
        account, room = self._accounts[entry.account], self._capacity.has_room(entry.crew)
        cap = self._cap(entry, self._max_parallel - len(self._running)) if entry.account else 0.0
        if cap is None or not (room and account.lets_through(moment.now)):
            self._queue(entry)  # it had kept its slot, and meanwhile account, money or room went
            return
        self.purse.reserved += cap
        entry.cap = cap
        account.started(moment.now)
        self._capacity.started(entry.crew)
        entry.status = move(entry.status, Verb.LAUNCH)
        entry.attempt += 1
        entry.charge += 1
        entry.stopping = entry.is_delivered = False
        entry.started = entry.heard = moment.now
        self._running[entry.id] = entry
        self._deadlines.arm(entry)
        todo.append(Launch(entry.id, entry.attempt, entry.charge, entry.cap or math.inf))

    def _hear(self, event: Heard, todo: list[Instruction]) -> None:
        entry = self._running.get(event.task)
        if entry is None or entry.attempt != event.attempt:
            return
        entry.heard, signs = self._now, event.signs
        if signs.is_delivered != entry.is_delivered:
            entry.is_delivered = signs.is_delivered
            self._deadlines.arm(entry)
        account = self._accounts[entry.account]
        if entry.account and signs.is_strained is not None:
            account.is_strained = signs.is_strained
        if signs.is_answered:
            self._pass_trial(entry, todo)

    def _pass_trial(self, entry: Entry, todo: list[Instruction]) -> None:
        if self._accounts[entry.account].is_proven_by(entry.started):
            self._accounts[entry.account].is_on_trial = False
            todo.append(Resume(entry.account))

    def _end(self, event: Ended, moment: Moment, todo: list[Instruction]) -> None:
        entry = self._running.get(event.task)
        if entry is None or entry.attempt != event.attempt:
            return  # a late word about an attempt that was already settled
        del self._running[entry.id]
        self._accounts[entry.account].running -= 1
        self._capacity.ended(entry.crew)
        self._settle(entry, event)
        entry.unrecorded = True
        self._unrecorded += 1
        delay = 0.0
        match event.verdict:
            case Verdict.COMPLETED:
                entry.status = move(entry.status, Verb.SUCCEED)
                self._pass_trial(entry, todo)
                self._announce(entry)
            case Verdict.INTERRUPTED:
                entry.status = move(entry.status, Verb.INTERRUPT)
                entry.charge -= 1
            case Verdict.HELD:
                entry.status = move(entry.status, Verb.INTERRUPT)
                entry.charge -= 1
                account = self._accounts[entry.account]
                if account.hold_again(event.until, moment.now):
                    todo.append(Hold(entry.account, account.opens_at, event.reason))
            case Verdict.FAILED if entry.charge < entry.max_attempts and entry.budget > 0:
                entry.status = move(entry.status, Verb.RETRY)
                delay = backoff(entry.retry_delay, entry.charge, moment.draw)
                entry.due = moment.now + delay
            case Verdict.FAILED | Verdict.FATAL:
                entry.status = move(entry.status, Verb.FAIL)
                self._draining = self._draining or self._stop_on_failure
        todo.append(Record(entry.id, entry.status, delay))

    def _settle(self, entry: Entry, event: Ended) -> None:
        if not entry.account:
            return
        purse, cap, entry.cap = self.purse, entry.cap, 0.0
        is_last = event.verdict in {Verdict.COMPLETED, Verdict.FATAL} or (
            event.verdict is Verdict.FAILED and entry.charge >= entry.max_attempts
        )
        if event.cost is None and event.is_resumable and not is_last:
            entry.open_bill += cap  # it stays reserved until the session says
            return
        # What nobody will ever know counts with all that it may have been.
        is_settled = event.settles and event.cost is not None
        cost = (cap if event.cost is None else event.cost) + (0 if is_settled else entry.open_bill)
        purse.reserved -= cap + entry.open_bill
        purse.spent += cost
        entry.budget -= cost
        if entry.budget < DUST:
            entry.budget = 0.0
        if is_settled and entry.open_bill:
            # Less was spent than was feared.
            waiting, self._unaffordable = self._unaffordable, []
            for each in waiting:
                self._queue(each)
        entry.open_bill = 0.0

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
            self._seat(entry, is_kept_back=False)

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
        for entry, reason in self._deadlines.expired(moment.now):
            self._halt(entry, reason, todo)

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
        self._capacity.check(entry.crew for entry in self._running.values())
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
            kept = {TaskStatus.BLOCKED, TaskStatus.WAITING}
            for entry in self.entries.values():
                is_held = self._accounts[entry.account].opens_at == math.inf
                is_kept = entry.status in kept or entry in self._unaffordable or is_held
                assert entry.status in SETTLED or is_kept
