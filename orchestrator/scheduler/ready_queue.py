"""What may start next: what is ready, the accounts that let it through, the money that is left, agents that have room.

The engine says what is ready and how many slots are free. What an account holds back, what the budget cannot take, and
what its agent has no room for waits in its place and keeps no slot (``core.account``, ``core.capacity``). Work per call
is O(log n).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping

from orchestrator.core.agent import Capacity, Crew
from orchestrator.core.result import StreamSignals, Verdict
from orchestrator.scheduler.budget import Account, Budget, needed
from orchestrator.scheduler.messages import Delay, Ended, Finish, Hold, Instruction, Resume, Strain
from orchestrator.scheduler.node import Node

#: Seconds until what other plans use is asked for again.
_AGAIN = 2.0
_Item = tuple[bool, int, float, int, int, Node]
#: What is in one queue may start under the same conditions: account, model, crew.
_Conditions = tuple[str, str, Crew]


class Admission:
    """A queue for each account, model and crew: highest priority first, then longest path, then the plan's order."""

    def __init__(self, accounts: Mapping[str, Account], budget: Budget, capacity: Capacity) -> None:
        """Take the accounts as they stand; what costs nothing is never held."""
        self.accounts = {"": Account(), **accounts}
        self.budget = budget
        self.capacity = capacity
        self.unaffordable: list[Node] = []
        """What the money could not take."""
        self._queues: dict[_Conditions, list[_Item]] = {}
        self._waiting: dict[_Conditions, int] = {}
        self._set_back: dict[str, list[Node]] = {}
        """By account: what was refused or met an outage; the others go first until one gets through."""
        self._tickets = 0
        self._scarce: dict[str, float] = {}
        """Limits that other plans used up when they were last asked for, and when they are asked for again."""
        self._delayed: dict[str, str] = {}
        """Tasks of which it was said that they wait for such a limit."""

    def put(self, entry: Node) -> None:
        """Let a task wait for its turn; one that waits already keeps its place."""
        if entry.ticket:
            return
        self._tickets += 1
        entry.ticket = self._tickets
        conditions = entry.conditions
        queue = self._queues.setdefault(conditions, [])
        # The others first: if they get through, it is not the account.
        is_set_back = entry.refused > self.accounts[entry.account].proven
        if is_set_back:
            self._set_back.setdefault(entry.account, []).append(entry)
        item = (is_set_back, -entry.priority, -entry.rank, entry.place, entry.ticket, entry)
        heapq.heappush(queue, item)
        self._waiting[conditions] = self._waiting.get(conditions, 0) + 1

    def discard(self, entry: Node) -> None:
        """Forget a task that waits; what is left of it drops out of its queue when its turn would have come."""
        if entry.ticket:
            entry.ticket = 0
            self._waiting[entry.conditions] -= 1
        elif self.unaffordable:
            self.unaffordable = [each for each in self.unaffordable if each is not entry]

    def clear(self) -> None:
        """Forget every task that waits."""
        for queue in self._queues.values():
            for *_, entry in queue:
                entry.ticket = 0
        self._queues, self._waiting, self.unaffordable, self._set_back = {}, {}, [], {}

    def finish(self) -> Finish:
        """Return the end of a run, with what the money could not take; whose money it was says what helps."""
        left = self.unaffordable
        return Finish(
            unaffordable=tuple(entry.id for entry in left if entry.left),
            overspent=tuple(entry.id for entry in left if not entry.left),
        )

    @property
    def is_anything_to_come(self) -> bool:
        """Whether something waits that will have its turn without anybody's help."""
        return any(count and self._opens_at(conditions) < math.inf for conditions, count in self._waiting.items())

    def openings(self, now: float) -> Iterator[float]:
        """Yield when accounts open that something waits for."""
        for conditions, count in self._waiting.items():
            if count and (opens_at := self._opens_at(conditions)) > now:
                yield opens_at

    def _opens_at(self, conditions: _Conditions) -> float:
        account, model, pool = conditions
        opens_at = max(door.opens_at for _, door in self.accounts[account].doors(model))
        return max((opens_at, *(self._scarce.get(name, opens_at) for name in pool))) if self._scarce else opens_at

    def _has_room(self, pool: Crew, now: float) -> bool:
        is_scarce = self._scarce and any(self._scarce.get(name, now) > now for name in pool)
        return not is_scarce and self.capacity.has_room(pool)

    def _is_open(self, account: str, model: str, now: float) -> bool:
        return all(door.lets_through(now) for _, door in self.accounts[account].doors(model))

    def next(self, now: float, slots: int) -> Node | None:
        """Take out the task whose turn it is: its account is open, money and room are there."""
        best: list[_Item] | None = None
        for conditions in self._queues:
            account, model, pool = conditions
            if not (self._is_open(account, model, now) and self._has_room(pool, now)):
                continue
            queue = self._live(conditions)
            while account and queue and self.cap(queue[0][-1], slots, others=-1) is None:
                if any(each.running for name, each in self.accounts.items() if name):
                    break  # what is reserved for it may come back
                self.unaffordable.append(self._take(queue))
                queue = self._live(conditions)
            else:
                if queue and (best is None or queue[0] < best[0]):
                    best = queue
        return None if best is None else self._take(best)

    def _live(self, conditions: _Conditions) -> list[_Item]:
        """Return a queue, begun with a task that still waits."""
        queue = self._queues[conditions]
        while queue and queue[0][-1].ticket != queue[0][-2]:
            heapq.heappop(queue)
        return queue

    def _take(self, queue: list[_Item]) -> Node:
        entry = heapq.heappop(queue)[-1]
        entry.ticket = 0
        self._waiting[entry.conditions] -= 1
        return entry

    def cap(self, entry: Node, slots: int, others: int = 0) -> float | None:
        """Return what an attempt may cost: what is left is shared only with what could start at the same time."""
        others += sum(count for (account, *_), count in self._waiting.items() if account)
        return self.budget.cap(entry.left, min(slots, others + 1))

    def admit(self, entry: Node, now: float, slots: int) -> bool:
        """Reserve what an attempt may cost, and count it on account and crew; False when it cannot start now."""
        if not self.capacity.has_room(entry.pool):
            return False  # it had kept its slot, and meanwhile its agent got full
        cap = None
        if entry.account:
            cap = self.cap(entry, slots)
            if cap is None or not self._is_open(entry.account, entry.model, now):
                return False  # it had kept its slot, and meanwhile the account was held or the money went
        if scarce := self.capacity.take(entry.pool):
            self._scarce[scarce] = now + _AGAIN
            return False
        self._delayed.pop(entry.id, None)
        if cap is not None:
            self.budget.reserved += cap
            entry.cap = cap
        self.accounts[entry.account].running += 1
        for _, door in self._doors(entry):
            door.start()
        self.capacity.started(entry.pool)
        return True

    def delays(self, entry: Node, now: float) -> Iterator[Delay]:
        """Say what a task waits for that could not start, when it is something else than was said before."""
        for name in entry.pool:
            if self._scarce.get(name, now) > now and self._delayed.get(entry.id) != name:
                self._delayed[entry.id] = name
                yield Delay(entry.id, name)

    def settle(self, entry: Node, event: Ended, *, is_last: bool) -> None:
        """Book what an attempt cost; *is_last*: no later one will tell."""
        self.accounts[entry.account].running -= 1
        for _, door in self._doors(entry):
            door.end(entry.started)
        self.capacity.ended(entry.pool)
        for name in entry.pool if self._scarce else ():
            self._scarce.pop(name, None)  # what it had is there now
        if not entry.account:
            return
        budget, cap, entry.cap = self.budget, entry.cap, 0.0
        if event.cost is None and event.is_resumable and not is_last:
            entry.open_bill += cap  # it stays reserved until the session says
            return
        # What no one will ever know counts with all that it may have been.
        is_settled = event.settles and event.cost is not None
        cost = (cap if event.cost is None else event.cost) + (0 if is_settled else entry.open_bill)
        budget.reserved -= cap + entry.open_bill
        budget.spent += cost
        entry.spent += cost
        if is_settled and entry.open_bill:
            # Less was spent than was feared.
            waiting, self.unaffordable = self.unaffordable, []
            for each in waiting:
                self.put(each)
        entry.open_bill = 0.0

    def _doors(self, entry: Node) -> list[tuple[str, Account]]:
        return self.accounts[entry.account].doors(entry.model)

    def hear(self, entry: Node, signs: StreamSignals, now: float) -> Iterator[Instruction]:
        """Take in what an attempt shows of its account."""
        if not entry.account:
            return
        account = self.accounts[entry.account]
        if signs.is_strained not in {None, account.is_strained}:
            account.is_strained = bool(signs.is_strained)
            if account.near_limit:
                yield Strain(entry.account, account.near_limit if account.is_strained else 0)
        turns = max(signs.turns, int(signs.is_answered))
        if turns > entry.turns:
            entry.turns = turns
            yield from self._prove(entry, now)

    def weigh(self, entry: Node, event: Ended, now: float) -> Verdict | None:
        """Say how an attempt ended in the light of what others of its account met; None: they are still to tell.

        What says nothing of the task is not charged to it: an outage, or a refusal that concerns the account. Once
        another one got through after it, it is the task's own.
        """
        verdict, account = event.verdict, self.accounts[entry.account]
        is_own = -math.inf < entry.refused < account.proven
        if verdict is Verdict.HELD and event.is_outage and is_own:
            return Verdict.FAILED
        if verdict not in {Verdict.FAILED, Verdict.FATAL} or not (
            event.is_refused and entry.account and self._has_company(entry)
        ):
            return verdict
        if is_own or account.proven > entry.started:
            return verdict
        if self._is_shared(entry, event, now):
            return Verdict.HELD
        return None if entry.refused == -math.inf else verdict

    def reweigh(self, entry: Node, event: Ended, now: float, *, is_over: bool) -> Verdict | None:
        """Say the same of one that was in doubt; *is_over*: what could tell has started, or never will."""
        account = self.accounts[entry.account]
        if account.proven > entry.refused or (is_over and not account.running):
            return event.verdict
        return Verdict.HELD if self._is_shared(entry, event, now) else None

    def note_refusal(self, entry: Node, event: Ended, now: float) -> None:
        """Keep in mind what a task was refused with."""
        self.accounts[entry.account].note_refusal(entry.id, event.reason, now)
        entry.refused = now

    def _is_shared(self, entry: Node, event: Ended, now: float) -> bool:
        """Whether a refusal is known to concern others, too."""
        account = self.accounts[entry.account]
        return account.is_on_trial or account.is_refused_alike(entry.id, event.reason, now)

    def _has_company(self, entry: Node) -> bool:
        """Whether another task of its account runs, or could."""
        return self.accounts[entry.account].running > 1 or any(
            count for (account, *_), count in self._waiting.items() if account == entry.account
        )

    def conclude(self, entry: Node, event: Ended, verdict: Verdict, now: float) -> Iterator[Instruction]:
        """Take in what the end of an attempt says of its account, which is settled."""
        account = self.accounts[entry.account]
        if verdict is Verdict.COMPLETED:
            yield from self._prove(entry, now)
        elif verdict is Verdict.HELD and event.is_outage:
            if account.back_off(entry.started, now, is_outage=True):
                yield Hold(entry.account, account.opens_at, event.reason, is_outage=True)
            entry.refused = now
        elif verdict is not event.verdict and event.is_refused:
            if account.back_off(entry.started, now, is_outage=False):
                is_short = account.opens_at < math.inf
                yield Hold(entry.account, account.opens_at, event.reason, is_outage=is_short)
            self.note_refusal(entry, event, now)
        elif verdict is Verdict.HELD:
            doors = account.doors_held(event.model, entry.model)
            entry.model = needed(entry.model, event.model)
            for name, door in doors:
                if door.hold_again(event.until, now):
                    yield Hold(hold_name(entry.account, name), door.opens_at, event.reason)

    def bring_forward(self, seconds: float, now: float) -> None:
        """Take in that time went by which the clock of the run did not count; an account opens by that on the wall."""
        for account in self.accounts.values():
            account.bring_forward(seconds, now)

    def _prove(self, entry: Node, now: float) -> Iterator[Instruction]:
        """Take in that the service did a turn of work for an attempt."""
        self.accounts[entry.account].prove(now)
        entry.refused = -math.inf
        for name, door in self._doors(entry):
            if door.is_proven_by(entry.started):
                door.end_trial()
                yield Resume(hold_name(entry.account, name))
        for each in self._set_back.pop(entry.account, ()):
            if each.ticket:  # it has its place again
                self.discard(each)
                self.put(each)

    def write_off(self, entry: Node) -> None:
        """Count what was kept back for a session that will never tell with all that it may have cost."""
        self.budget.reserved -= entry.open_bill
        self.budget.spent += entry.open_bill
        entry.spent += entry.open_bill
        entry.open_bill = 0.0


def hold_name(account: str, model: str) -> str:
    """Return what people read of a hold: who is held, or which model of it."""
    return f"{account} ({model})" if model else account
