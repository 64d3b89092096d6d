"""Who pays: what an account lets through, and what a run may still spend.

Every task of one agent uses the same account. A usage limit or a missing login holds the account as a whole: nothing
more of it starts and no attempt is charged; when the hold is over, one attempt goes first, and the rest when the
service has answered it. Money is reserved before it can be spent: an attempt starts only with a cap that fits into
what is left, so the budget is never passed by more than one attempt spends beyond its own cap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.money import USUAL_CAP, usd
from orchestrator.core.text import first_of

#: USD below which an attempt is not worth starting, when nobody said what it may cost.
LEAST_CAP = 0.10
#: Seconds by which two attempts may differ in when the account opens, and mean the same moment.
SAME_MOMENT = 1.0
#: Seconds an account is held at least.
SHORTEST_HOLD = 1.0
#: Seconds between two starts on one account: many sessions at once look like a burst to a service.
STAGGER = 0.25
#: Tasks named of those that money is too little for.
MOST_NAMED = 10
#: USD lost in adding and taking away.
DUST = 1e-9


@dataclass(slots=True, eq=False, repr=False)
class Account:
    """What one kind of agent may start. The engine asks and tells; times are those of its clock."""

    opens_at: float = -math.inf
    """Nothing starts before; infinity: only a person can open it."""
    is_on_trial: bool = False
    """A hold is over or passed by: one attempt goes first."""
    is_strained: bool = False
    """Close to its limit: one attempt at a time."""
    stagger: float = 0.0
    """Seconds between two starts."""
    running: int = field(default=0, init=False)
    _trial_from: float = field(default=-math.inf, init=False)
    _trials_failed: int = field(default=0, init=False)

    def lets_through(self, now: float) -> bool:
        """Say whether one more attempt may start."""
        is_narrow = self.is_on_trial or self.is_strained
        return now >= self.opens_at and not (is_narrow and self.running)

    def started(self, now: float) -> None:
        """Count an attempt that starts."""
        self.running += 1
        if self.stagger:
            self.opens_at = now + self.stagger

    def hold(self, until: float) -> bool:
        """Close until then; say whether that is news."""
        is_news = not self.is_on_trial or until > self._trial_from + SAME_MOMENT
        self.opens_at = self._trial_from = max(self.opens_at, until)
        self.is_on_trial = True
        return is_news

    def hold_again(self, until: float, now: float) -> bool:
        """Close after an attempt met a limit; say whether that is news.

        Nobody is charged for it, so it must not become an attempt every second: where an account is still shut once it
        was to open (somebody's clock may be wrong), it is closed at least twice as long each time, up to some minutes.
        """
        if not self.is_on_trial:
            self._trials_failed = 0
        elif now >= self._trial_from:
            self._trials_failed += 1
        shortest = SHORTEST_HOLD * 2.0 ** min(self._trials_failed, 8)
        return self.hold(max(until, now + shortest))

    def bring_forward(self, seconds: float, now: float) -> None:
        """Open so much sooner, and never before now: what was started earlier would seem to be an answer."""
        if now < self.opens_at:
            self.opens_at = max(self.opens_at - seconds, now)
            self._trial_from = min(self._trial_from, self.opens_at)

    def is_proven_by(self, started: float) -> bool:
        """Say whether an answer to an attempt that started then ends the trial."""
        # What was started before the hold may still be answered.
        return self.is_on_trial and started >= self._trial_from


@dataclass(slots=True, eq=False, repr=False)
class Purse:
    """The money of a run, USD."""

    budget: float = math.inf
    spent: float = 0.0
    """Known costs, and for unknown ones all that they might have been."""
    reserved: float = 0.0

    @property
    def left(self) -> float:
        """What is neither spent nor reserved."""
        return self.budget - self.spent - self.reserved

    def cap(self, own: float, slots: int) -> float | None:
        """Return what an attempt may cost at most, or None when that does not fit now.

        A task with a cap of its *own* gets it whole or waits. One without (infinity) gets an even share of what is
        left for *slots* attempts and one more.
        """
        if own < math.inf:
            return own if DUST < own <= self.left + DUST else None
        # One share stays back: an attempt that is cut short keeps its own until its session says what it cost.
        share = min(USUAL_CAP, max(self.left / (slots + 1), LEAST_CAP))
        return share if share <= self.left + DUST else None


def too_little(own: Mapping[str, float]) -> str:
    """Say which tasks money does not reach for, and what an attempt at each needs.

    *own*: what they may cost, USD; infinity where nobody said.
    """
    needs = [
        f"{task} (needs {usd(cap if cap < math.inf else LEAST_CAP)})" for task, cap in own.items()
    ]
    return f"too little for {first_of(needs, MOST_NAMED)}"
