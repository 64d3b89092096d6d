"""The scheduler, without input or output: an event and a moment in, instructions out.

It has no await, no file, no clock and no random numbers of its own. So a whole run of thousands of tasks can be
simulated in virtual time and checked against its invariants (``tests/scheduler/test_engine_machine.py``). Work per
event is O(degree · log n).

Dispatch is by readiness: a task starts the moment its own needs are on disk and a slot is free, highest priority
first, then longest remaining path, then the order of the plan. What an account holds back, and what the budget cannot
take, waits in its place and keeps no slot (``core.account``).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.core.agent import Capacity
from orchestrator.core.readiness import Omitted, Skipped
from orchestrator.core.result import StopReason, Verdict
from orchestrator.core.status import BLOCKS_DEPENDENTS, TaskStatus, Verb, move
from orchestrator.core.task_command import TaskCommand, decide
from orchestrator.errors import TransitionError
from orchestrator.scheduler import replan
from orchestrator.scheduler.budget import Account, Budget
from orchestrator.scheduler.messages import (
    ActivitySeen,
    Begun,
    Decide,
    Decided,
    Ended,
    Input,
    Instruction,
    Launch,
    Record,
    Recorded,
    Refuse,
    Replanned,
    Skip,
    Slept,
    Stop,
    StopRequested,
    Tick,
    Ticked,
)
from orchestrator.scheduler.node import Intervened, Node
from orchestrator.scheduler.ready_queue import Admission
from orchestrator.scheduler.replan import blamed, gather, is_under_way, link, revise
from orchestrator.scheduler.timers import Backoffs, Timeouts, backoff

#: What has its turn still to come.
_TURN_TO_COME = frozenset({TaskStatus.WAITING, TaskStatus.PENDING, TaskStatus.RETRYING})


class Engine:
    """Decides what runs when. See the module."""

    def __init__(
        self,
        entries: Iterable[Node],
        *,
        max_parallel: int,
        stop_on_failure: bool = False,
        accounts: Mapping[str, Account] | None = None,
        budget: Budget | None = None,
        capacity: Capacity | None = None,
    ) -> None:
        """Take every task of the plan, the completed ones too; needs must be known and acyclic."""
        self.entries: dict[str, Node] = {}
        for place, entry in enumerate(entries):
            entry.place = place
            self.entries[entry.id] = entry
        self._max_parallel = max_parallel
        self._admission = Admission(accounts or {}, budget or Budget(), capacity or Capacity())
        self._stop_on_failure = stop_on_failure
        self._running: dict[str, Node] = {}
        self._reserved: dict[str, Node] = {}
        self._doubted: dict[str, Ended] = {}
        """What ended without a turn of work, by task: others are to tell whose fault that is."""
        self._decisive: deque[Node] = deque()
        """Tasks whose needs are over, and of which that does not say yet whether they run."""
        self._asked: set[str] = set()
        """Tasks whose condition is being looked at."""
        self._stopped: dict[str, str] = {}
        """Batches of which nothing more is started, each with its task that failed."""
        self._unrecorded = 0
        self._now = -math.inf
        self.is_draining = False
        """Whether nothing is started any more; what runs may come to its end."""
        self.is_finished = False
        self._backoffs = Backoffs()
        self._timeouts = Timeouts()

    @property
    def budget(self) -> Budget:
        """The money of the run."""
        return self._admission.budget

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
        times = (self._timeouts.next(), self._backoffs.next())
        wake_at = min((*times, *self._admission.openings(self._now)))
        return wake_at if wake_at < math.inf else None

    def handle(self, event: Input, timestamp: Tick) -> list[Instruction]:
        """Take in what happened, return what to do about it, in order."""
        todo: list[Instruction] = []
        self._now = timestamp.now
        match event:
            case Begun():
                self._begin(todo)
            case ActivitySeen():
                self._hear(event, todo)
            case Ended():
                self._end(event, timestamp, todo)
            case Decided():
                self._take_decision(event, todo)
            case Recorded():
                self._release(self.entries[event.task], timestamp, todo)
            case Replanned():
                self._replan(event, todo)
            case Intervened():
                self._take_command(event, timestamp, todo)
            case Ticked() | Slept():
                self._tick(event, timestamp, todo)
            case StopRequested():
                self._stop(event, todo)
        self._dispatch(timestamp, todo)
        return todo

    def _begin(self, todo: list[Instruction]) -> None:
        link(self.entries)
        replan.reopen_omitted(self.entries)
        for entry in self.entries.values():
            if entry.status is TaskStatus.WAITING and not entry.unmet:
                self._queue(entry)
            elif entry.status is TaskStatus.CANCELLED:
                self._skip_dependants(entry, todo)
        self._gather(self.entries.values())

    def _replan(self, event: Replanned, todo: list[Instruction]) -> None:
        """Put the new plan in the place of the old one. Linear in the plan: people change it seldom."""
        self.is_finished = False  # what is new may have to be run first
        before = self.entries
        self._admission.capacity.widths = {**self._admission.capacity.widths, **event.widths}
        self.entries = revise(before, event.entries)
        for entry in before.values():
            if entry.id not in self.entries:
                self._admission.write_off(entry)
        self._reserved = {}
        self._admission.clear()
        kept_back = blamed(self.entries)
        replan.unskip(self.entries, kept_back)
        for entry in self.entries.values():
            if entry.unrecorded:
                continue
            if entry.status in {TaskStatus.PENDING, TaskStatus.RETRYING}:
                self._seat(entry)
            elif entry.status is TaskStatus.WAITING and not entry.unmet:
                self._queue(entry)
        for id, cause in kept_back.items():
            entry = self.entries[id]
            if entry.status is TaskStatus.WAITING and not entry.unrecorded:
                self._skip(entry, cause, todo)
        self._gather(self.entries.values())

    def _gather(self, entries: Iterable[Node]) -> None:
        for entry in gather(entries):
            self._queue(entry)

    def _seat(self, entry: Node) -> None:
        is_reopened = entry.status is TaskStatus.PENDING and self._is_decisive(entry)
        if entry.unmet or entry.undurable or entry.is_umbrella or is_reopened:
            entry.status, entry.due = move(entry.status, Verb.WAIT), -1.0
        if not entry.unmet and entry.due < 0:
            self._queue(entry)

    def _queue(self, entry: Node) -> None:
        """Let a task whose needs are all completed wait for its turn; it is ready once they are on disk."""
        if entry.is_umbrella:
            return  # nothing is started for one; `_gather` completes it
        if entry.status is TaskStatus.WAITING and self._is_decisive(entry):
            self._decisive.append(entry)
            return
        if entry.status is TaskStatus.WAITING and not entry.undurable:
            entry.status = move(entry.status, Verb.READY)
        self._admission.put(entry)

    def _is_decisive(self, entry: Node) -> bool:
        """Say whether a task may be skipped although nothing keeps it back.

        Then it keeps no slot for what is not on disk.
        """
        is_plain = entry.rule.is_plain and (entry.is_decided or not entry.condition)
        return not is_plain or any(self.entries[need].is_omitted for need in entry.needs)

    def _decide(self, todo: list[Instruction]) -> None:
        """Say of each task whose needs are over and on disk whether it runs, or ask whether its condition is met."""
        while self._decisive and not self.is_draining:
            entry = self._decisive.popleft()
            is_waiting = entry.status is TaskStatus.WAITING and self.entries.get(entry.id) is entry
            if not is_waiting or entry.unmet or entry.undurable or entry.unrecorded or entry.is_umbrella:
                continue
            match replan.ready_state(entry, self.entries):
                case Skipped(need):
                    self._skip(entry, self.entries[need], todo)
                    self._skip_dependants(entry, todo)
                case Omitted(why):
                    entry.status, entry.is_omitted = move(entry.status, Verb.SKIP), True
                    todo.append(Skip(entry.id, why))
                    self._pass_over(entry)
                case _ if entry.condition and not entry.is_decided:
                    if entry.id not in self._asked:
                        self._asked.add(entry.id)
                        todo.append(Decide(entry.id, entry.condition))
                case _:
                    entry.status = move(entry.status, Verb.READY)
                    self._admission.put(entry)

    def _take_decision(self, event: Decided, todo: list[Instruction]) -> None:
        entry = self.entries.get(event.task)
        self._asked.discard(event.task)
        if entry is None or entry.status is not TaskStatus.WAITING or entry.unrecorded or entry.unmet:
            return
        if not self._is_decisive(entry):
            return  # its row has no condition any more, and it has its turn already
        entry.is_decided = event.is_met is True and event.condition == entry.condition
        if event.condition != entry.condition or event.is_met:
            self._queue(entry)
            return
        entry.is_omitted = event.is_met is False
        self._arrive(entry, move(entry.status, Verb.SKIP))
        todo.append(Record(entry.id, entry.status))

    def _pass_over(self, before: Node) -> None:
        """Let go on what a task is over for that was skipped; nothing is written for that."""
        for entry in replan.settled(before):
            entry.unmet -= 1
            entry.undurable += before.unrecorded  # a command that changed it is still to be written
            if entry.is_umbrella:
                self._gather([entry])
            elif entry.status is TaskStatus.WAITING and not (entry.unmet or entry.unrecorded):
                self._queue(entry)

    def _dispatch(self, timestamp: Tick, todo: list[Instruction]) -> None:
        self._decide(todo)
        self._end_doubts(timestamp, todo, is_over=False)
        while not self.is_draining and (entry := self._next(timestamp.now)):
            if entry.undurable:
                # Its turn has come, but not its results: it keeps the slot for the moment the disk takes. Given to the
                # next in line, the slot would be gone for a whole task, and a long chain would wait at every link.
                self._reserved[entry.id] = entry
            else:
                self._launch(entry, timestamp, todo)
        self._end_doubts(timestamp, todo, is_over=True)
        is_idle = not (self._running or self._unrecorded or self._asked)
        is_more_to_come = self._backoffs.next() < math.inf or self._admission.is_anything_to_come
        if is_idle and (self.is_draining or not is_more_to_come) and not self.is_finished:
            self.is_finished = True
            todo.append(self._admission.finish())

    def _stops(self, entry: Node) -> Node | None:
        """Return the task of its batch that failed and keeps one that was not started yet from starting."""
        if not entry.stops or entry.charge:
            return None
        cause = self.entries.get(self._stopped.get(entry.stops, ""))
        return cause if cause is not None and cause.status is TaskStatus.FAILED else None

    def _next(self, now: float) -> Node | None:
        slots = self._max_parallel - len(self._running) - len(self._reserved)
        return self._admission.next(now, slots) if slots > 0 else None

    def _launch(self, entry: Node, timestamp: Tick, todo: list[Instruction]) -> None:
        entry.apply_revision()
        if (cause := self._stops(entry)) is not None:
            entry.status = move(entry.status, Verb.WAIT)
            self._skip(entry, cause, todo)
            self._skip_dependants(entry, todo)
            return
        if not self._admission.admit(entry, timestamp.now, self._max_parallel - len(self._running)):
            todo.extend(self._admission.delays(entry, timestamp.now))
            self._queue(entry)
            return
        entry.status = move(entry.status, Verb.LAUNCH)
        entry.attempt += 1
        entry.charge += 1
        entry.stopping, entry.is_delivered, entry.turns = False, False, 0
        entry.started = entry.heard = timestamp.now
        self._running[entry.id] = entry
        self._timeouts.arm(entry)
        cap = entry.cap if entry.account else math.inf
        todo.append(Launch(entry.id, entry.attempt, entry.charge, cap))

    def _hear(self, event: ActivitySeen, todo: list[Instruction]) -> None:
        entry = self._running.get(event.task)
        if entry is None or entry.attempt != event.attempt:
            return
        entry.heard, signs = self._now, event.signs
        if signs.is_delivered != entry.is_delivered:
            entry.is_delivered = signs.is_delivered
            self._timeouts.arm(entry)
        todo.extend(self._admission.hear(entry, signs, self._now))

    def _end(self, event: Ended, timestamp: Tick, todo: list[Instruction]) -> None:
        entry = self._running.get(event.task)
        if entry is None or entry.attempt != event.attempt:
            return  # a late event of an attempt that was already settled
        del self._running[entry.id]
        verdict = self._admission.weigh(entry, event, timestamp.now)
        if verdict is None and entry.intended is None:
            self._doubted[entry.id] = event
            entry.stopping = True  # its attempt is over: no timeout ends it
            self._admission.settle(entry, event, is_last=True)
            self._admission.note_refusal(entry, event, timestamp.now)
            return
        verdict = verdict or event.verdict
        is_last = verdict in {Verdict.COMPLETED, Verdict.FATAL} or (
            verdict is Verdict.FAILED and entry.charge >= entry.max_attempts
        )
        self._admission.settle(entry, event, is_last=is_last or entry.intended is not None)
        todo.extend(self._admission.conclude(entry, event, verdict, timestamp.now))
        self._judge(entry, event, verdict, timestamp, todo)

    def _judge(self, entry: Node, event: Ended, verdict: Verdict, timestamp: Tick, todo: list[Instruction]) -> None:
        verb, request = entry.intended or (entry.verb_after(verdict), "")
        delay = 0.0
        if entry.intended is not None or verb is Verb.INTERRUPT:
            entry.charge -= 1
        elif verb is Verb.REPEAT:
            delay = backoff(entry.retry_delay, entry.charge, timestamp.draw)
            entry.due = timestamp.now + delay
        entry.intended = None
        self._arrive(entry, move(entry.status, verb))
        weighed = verdict if verdict is not event.verdict else None
        todo.append(Record(entry.id, entry.status, delay, request, weighed))

    def _end_doubts(self, timestamp: Tick, todo: list[Instruction], *, is_over: bool) -> None:
        """Judge what was in doubt; *is_over*: nothing that could tell has started by now."""
        for id, event in list(self._doubted.items()):
            entry = self.entries[id]
            verdict = self._admission.reweigh(entry, event, timestamp.now, is_over=is_over)
            if verdict is not None:
                del self._doubted[id]
                self._judge(entry, event, verdict, timestamp, todo)

    def _arrive(self, entry: Node, status: TaskStatus) -> None:
        """Give a task its new status, and let it be written before anybody counts on it."""
        entry.status = status
        entry.unrecorded = True
        self._unrecorded += 1
        self._announce(entry)
        if status is TaskStatus.FAILED:
            self.is_draining |= self._stop_on_failure
            if entry.stops:
                self._stopped[entry.stops] = entry.id

    def _announce(self, entry: Node) -> None:
        """Let the dependants for which a task is over queue up; they start when it is recorded."""
        for dependant in replan.settled(entry):
            dependant.unmet -= 1
            dependant.undurable += 1
            is_waiting = dependant.status is TaskStatus.WAITING and not dependant.unrecorded
            if is_waiting and not dependant.unmet:
                self._queue(dependant)

    def _release(self, entry: Node, timestamp: Tick, todo: list[Instruction]) -> None:
        if not entry.unrecorded:
            return
        entry.unrecorded = False
        self._unrecorded -= 1
        behind = replan.settled(entry)
        for dependant in behind:
            dependant.undurable -= 1
        if entry.status is TaskStatus.COMPLETED:
            self._take_asked(entry, todo)  # first: it may be that no one can count on it any more
            behind = [dependant for dependant in behind if replan.settles(entry, dependant)]
        elif entry.status in BLOCKS_DEPENDENTS:
            self._skip_dependants(entry, todo)
        else:
            self._wait_again(entry, todo)
        for dependant in behind:
            self._free(dependant, timestamp, todo)
        self._take_asked(entry, todo)

    def _take_asked(self, entry: Node, todo: list[Instruction]) -> None:
        asked, entry.asked = entry.asked, []
        for each in asked:
            self._intervene(each, todo)

    def _wait_again(self, entry: Node, todo: list[Instruction]) -> None:
        if entry.status is TaskStatus.RETRYING and not entry.unmet:
            self._backoffs.put(entry)
        elif entry.status in {TaskStatus.PENDING, TaskStatus.RETRYING}:
            self._seat(entry)
        if entry.status is TaskStatus.WAITING:
            self._come_back(entry, todo)

    def _come_back(self, entry: Node, todo: list[Instruction]) -> None:
        """Let a task that a user brought back wait for what it needs, or for its turn."""
        if (cause := replan.blame(entry, self.entries)) is not None:
            self._skip(entry, cause, todo)
            self._skip_dependants(entry, todo)
        elif not entry.unmet:
            self._queue(entry)

    def _free(self, entry: Node, timestamp: Tick, todo: list[Instruction]) -> None:
        self._gather([entry])
        is_waiting = entry.status is TaskStatus.WAITING and not (entry.unmet or entry.undurable)
        if entry.is_umbrella or not is_waiting:
            return
        if self._is_decisive(entry):
            self._queue(entry)
            return
        entry.status = move(entry.status, Verb.READY)
        if self._reserved.pop(entry.id, None) is not None and not self.is_draining:
            self._launch(entry, timestamp, todo)

    def _skip(self, entry: Node, cause: Node, todo: list[Instruction]) -> None:
        entry.status = move(entry.status, Verb.SKIP)
        todo.append(Skip(entry.id, f"{cause.id} {cause.status.value}"))
        self._pass_over(entry)

    def _skip_dependants(self, cause: Node, todo: list[Instruction]) -> None:
        # Each task is skipped once, unless a user brings it back, so the whole cascade is linear over a run.
        for entry, before in list(replan.skip_behind(cause)):
            todo.append(Skip(entry.id, f"{before.id} {before.status.value}"))
            self._pass_over(entry)

    def _take_command(self, event: Intervened, timestamp: Tick, todo: list[Instruction]) -> None:
        self.is_finished = False
        if doubted := self._doubted.pop(event.command.task, None):
            # The attempt is settled with its own verdict: a command does not wait for how other tasks fare.
            self._judge(self.entries[doubted.task], doubted, doubted.verdict, timestamp, todo)
        self._intervene(event, todo)

    def _intervene(self, event: Intervened, todo: list[Instruction]) -> None:
        """Settle a task as a user said; what runs of it is ended first."""
        command, entry = event.command, self.entries[event.command.task]
        if entry.unrecorded:
            entry.asked.append(event)
            return
        try:
            replan.refuse(entry, command.verb)
            needs = replan.left(entry, self.entries)
            is_in_run = entry.id in self._running
            after = decide(entry.status, command, open_needs=needs, doer=event.doer, is_in_run=is_in_run)
        except TransitionError as error:
            todo.append(Refuse(command.id, entry.id, error.code, error.message, error.hint))
            return
        if entry.id in self._running:
            entry.intended = command.verb, command.id
            self._halt(entry, StopReason.INTERVENTION, todo)
        else:
            self._settle(entry, after, command, todo)

    def _settle(self, entry: Node, after: TaskStatus, command: TaskCommand, todo: list[Instruction]) -> None:
        """Change the status of a task for which this run has no running attempt."""
        behind = replan.settled(entry)
        before, entry.status, entry.is_omitted = entry.status, after, False
        self._withdraw(entry)
        self._admission.write_off(entry)
        has_begun = before is TaskStatus.RUNNING
        if command.verb in {Verb.START, Verb.COMPLETE, Verb.FAIL} and not has_begun:
            entry.attempt += 1
        elif command.verb in {Verb.UNBLOCK, Verb.RETRY}:
            entry.charge, entry.is_decided = 0, False
        self._undo_behind(replan.undo_behind(entry, behind, was_completed=before is TaskStatus.COMPLETED), todo)
        if before in BLOCKS_DEPENDENTS and after not in BLOCKS_DEPENDENTS:
            self._undo_behind(replan.unskip_behind(entry, self.entries), todo)
            if entry.stops:
                self._resume_batch(entry.stops, todo)
        self._arrive(entry, after)
        todo.append(Record(entry.id, after, 0.0, command.id))

    def _resume_batch(self, batch: str, todo: list[Instruction]) -> None:
        """Let the tasks of a batch wait again that were skipped because of the one that a user brought back."""
        of_batch = [each for each in self.entries.values() if each.stops == batch]
        found = replan.unskipped(each for each in of_batch if replan.blame(each, self.entries) is None)
        for entry, behind in found:
            self._undo_behind(replan.undo_behind(entry, behind, was_completed=False), todo)
            self._undo_behind(replan.unskip_behind(entry, self.entries), todo)
            self._come_back(entry, todo)

    def _withdraw(self, entry: Node) -> None:
        self._admission.discard(entry)
        self._reserved.pop(entry.id, None)
        entry.due = -1.0

    def _undo_behind(self, touched: Iterable[Node], todo: list[Instruction]) -> None:
        """Take back what was to start, or has started, because of something that is not over any more."""
        touched = list(touched)
        for entry in touched:
            if entry.id in self._running and entry.intended is None:
                entry.intended = Verb.INTERRUPT, ""
                self._halt(entry, StopReason.INTERVENTION, todo)
            elif not entry.unrecorded and entry.status in _TURN_TO_COME:
                self._withdraw(entry)
                if entry.status is not TaskStatus.WAITING:
                    entry.status = move(entry.status, Verb.WAIT)
        for entry in touched:
            if entry.status is TaskStatus.WAITING and not (entry.unrecorded or entry.is_umbrella):
                self._come_back(entry, todo)

    def _tick(self, event: Ticked | Slept, timestamp: Tick, todo: list[Instruction]) -> None:
        if isinstance(event, Slept):
            self._admission.bring_forward(event.seconds, timestamp.now)
            return
        for entry in self._backoffs.over(timestamp.now):
            self._queue(entry)
        for entry, reason in self._timeouts.expired(timestamp.now):
            self._halt(entry, reason, todo)

    def _stop(self, event: StopRequested, todo: list[Instruction]) -> None:
        self.is_draining = True
        for entry in self._running.values() if event.ends_agents else ():
            self._halt(entry, StopReason.SHUTDOWN, todo)

    def _halt(self, entry: Node, reason: StopReason, todo: list[Instruction]) -> None:
        if not entry.stopping:
            entry.stopping = True
            todo.append(Stop(entry.id, entry.attempt, reason))
