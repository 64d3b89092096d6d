"""What may start next: what is ready, the accounts that let it through, the money that is left, agents that have room.

The engine says what is ready and how many slots are free. What an account holds back, what the budget cannot take, and
what its agent has no room for waits in its place and keeps no slot (``core.account``, ``core.capacity``). Work per call
is O(log n).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping

from orchestrator.core.account import Account, Purse
from orchestrator.core.capacity import Capacity, Crew
from orchestrator.core.entry import Entry
from orchestrator.core.event import Ended
from orchestrator.core.instruction import Finish, Hold, Instruction, Resume
from orchestrator.core.result import Signs, Verdict

_Item = tuple[int, float, int, int, Entry]
#: What is in one queue may start under the same conditions.
_Conditions = tuple[str, Crew]


class Admission:
    """A queue for each account and crew: highest priority first, then longest remaining path, then the plan's order."""

    def __init__(self, accounts: Mapping[str, Account], purse: Purse, capacity: Capacity) -> None:
        """Take the accounts as they stand; what costs nothing is never held."""
        self.accounts = {"": Account(), **accounts}
        self.purse = purse
        self.capacity = capacity
        self.unaffordable: list[Entry] = []
        """What the money could not take."""
        self._queues: dict[_Conditions, list[_Item]] = {}
        self._waiting: dict[_Conditions, int] = {}
        self._tickets = 0

    def put(self, entry: Entry) -> None:
        """Let a task wait for its turn; one that waits already keeps its place."""
        if entry.ticket:
            return
        self._tickets += 1
        entry.ticket = self._tickets
        conditions = entry.conditions
        queue = self._queues.setdefault(conditions, [])
        item = (-entry.priority, -entry.rank, entry.place, entry.ticket, entry)
        heapq.heappush(queue, item)
        self._waiting[conditions] = self._waiting.get(conditions, 0) + 1

    def discard(self, entry: Entry) -> None:
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
        self._queues, self._waiting, self.unaffordable = {}, {}, []

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
        return any(
            count and self.accounts[account].opens_at < math.inf
            for (account, _), count in self._waiting.items()
        )

    def openings(self, now: float) -> Iterator[float]:
        """Yield when accounts open that something waits for."""
        for (account, _), count in self._waiting.items():
            if count and self.accounts[account].opens_at > now:
                yield self.accounts[account].opens_at

    def next(self, now: float, slots: int) -> Entry | None:
        """Take out the task whose turn it is: its account is open, money and room are there."""
        best: list[_Item] | None = None
        for account, crew in self._queues:
            if not (self.accounts[account].lets_through(now) and self.capacity.has_room(crew)):
                continue
            queue = self._live((account, crew))
            while account and queue and self.cap(queue[0][-1], slots, others=-1) is None:
                if any(each.running for name, each in self.accounts.items() if name):
                    break  # what is reserved for it may come back
                self.unaffordable.append(self._take(queue))
                queue = self._live((account, crew))
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

    def _take(self, queue: list[_Item]) -> Entry:
        entry = heapq.heappop(queue)[-1]
        entry.ticket = 0
        self._waiting[entry.conditions] -= 1
        return entry

    def cap(self, entry: Entry, slots: int, others: int = 0) -> float | None:
        """Return what an attempt may cost: what is left is shared only with what could start at the same time."""
        others += sum(count for (account, _), count in self._waiting.items() if account)
        return self.purse.cap(entry.left, min(slots, others + 1))

    def admit(self, entry: Entry, now: float, slots: int) -> bool:
        """Reserve what an attempt may cost, and count it on account and crew; False when it can no longer start."""
        account = self.accounts[entry.account]
        if not self.capacity.has_room(entry.crew):
            return False  # it had kept its slot, and meanwhile its agent got full
        if entry.account:
            cap = self.cap(entry, slots)
            if cap is None or not account.lets_through(now):
                return False  # it had kept its slot, and meanwhile the account was held or the money went
            self.purse.reserved += cap
            entry.cap = cap
        account.started(now)
        self.capacity.started(entry.crew)
        return True

    def settle(self, entry: Entry, event: Ended, *, is_last: bool) -> None:
        """Book what an attempt cost; *is_last*: no later one will tell."""
        self.accounts[entry.account].running -= 1
        self.capacity.ended(entry.crew)
        if not entry.account:
            return
        purse, cap, entry.cap = self.purse, entry.cap, 0.0
        if event.cost is None and event.is_resumable and not is_last:
            entry.open_bill += cap  # it stays reserved until the session says
            return
        # What nobody will ever know counts with all that it may have been.
        is_settled = event.settles and event.cost is not None
        cost = (cap if event.cost is None else event.cost) + (0 if is_settled else entry.open_bill)
        purse.reserved -= cap + entry.open_bill
        purse.spent += cost
        entry.spent += cost
        if is_settled and entry.open_bill:
            # Less was spent than was feared.
            waiting, self.unaffordable = self.unaffordable, []
            for each in waiting:
                self.put(each)
        entry.open_bill = 0.0

    def hear(self, entry: Entry, signs: Signs) -> Iterator[Instruction]:
        """Take in what an attempt shows of its account."""
        if entry.account and signs.is_strained is not None:
            self.accounts[entry.account].is_strained = signs.is_strained
        if signs.is_answered:
            yield from self._pass_trial(entry)

    def conclude(self, entry: Entry, event: Ended, now: float) -> Iterator[Instruction]:
        """Take in what the end of an attempt says of its account."""
        if event.verdict is Verdict.COMPLETED:
            yield from self._pass_trial(entry)
        elif event.verdict is Verdict.HELD:
            account = self.accounts[entry.account]
            if account.hold_again(event.until, now):
                yield Hold(entry.account, account.opens_at, event.reason)

    def bring_forward(self, seconds: float, now: float) -> None:
        """Take in that time went by which the clock of the run did not count; an account opens by that on the wall."""
        for account in self.accounts.values():
            account.bring_forward(seconds, now)

    def _pass_trial(self, entry: Entry) -> Iterator[Instruction]:
        account = self.accounts[entry.account]
        if account.is_proven_by(entry.started):
            account.is_on_trial = False
            yield Resume(entry.account)

    def write_off(self, entry: Entry) -> None:
        """Count what was kept back for a session that will never tell with all that it may have cost."""
        self.purse.reserved -= entry.open_bill
        self.purse.spent += entry.open_bill
        entry.spent += entry.open_bill
        entry.open_bill = 0.0
