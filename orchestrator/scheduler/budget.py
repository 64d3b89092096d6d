"""Accounts and money: which attempts an account lets through, and what a run may still spend.

Every task of one agent uses the same account. A usage limit, a missing login or an outage of the service holds the
account as a whole: nothing more of it starts and no attempt is charged; when the hold is over, one attempt goes first,
and the rest when the service has answered it. Unknown failures hold the account like a circuit breaker: when two tasks
end alike within a minute, without a turn of work. A limit of one model holds only the tasks of that model.

Money is reserved before it can be spent: an attempt starts only with a cap that fits into what is left, so the budget
is never passed by more than one attempt spends beyond its own cap.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.cost import USUAL_CAP, usd
from orchestrator.core.text import join_first

#: USD below which an attempt is not worth starting, when none is set what it may cost.
LEAST_CAP = 0.10
#: Seconds by which two attempts may differ in when the account opens, and mean the same moment.
SAME_MOMENT = 1.0
#: Seconds an account is held at least.
SHORTEST_HOLD = 1.0
#: Seconds within which two tasks that end alike say something of their account.
ALIKE_WITHIN = 60.0
#: Attempts that go first after tasks have ended alike, before a person has to look.
MOST_TRIALS = 2
#: Seconds for which an outage is tried again and again: where nothing ever got through, and where something did.
PATIENCE_AT_FIRST, PATIENCE = 300.0, 6 * 3600.0
#: What the model is called of a task that names none.
DEFAULT_MODEL = "default model"
#: Tasks named of those that money is too little for.
MOST_NAMED = 10
#: USD lost in adding and taking away.
DUST = 1e-9
#: What differs between two errors that are alike: numbers, ids, paths with a number in them.
_PARTICULAR = re.compile(r"\S*\d\S*")


@dataclass(slots=True, eq=False, repr=False)
class Account:
    """What one kind of agent may start. The engine asks and tells; times are those of its clock."""

    opens_at: float = -math.inf
    """Nothing starts before; infinity: only a person can open it."""
    is_on_trial: bool = False
    """A hold is over or passed by: one attempt goes first."""
    is_strained: bool = False
    """Close to its limit."""
    near_limit: int = 1
    """Attempts at a time while it is; 0: as many as otherwise."""
    is_patient: bool = True
    """Whether an outage is waited for as long as a usage limit would be."""
    models: dict[str, Account] = field(default_factory=dict)
    """What holds one model only, by a part of its name."""
    running: int = field(default=0, init=False)
    proven: float = field(default=-math.inf, init=False)
    """When the service last did a turn of work for an attempt."""
    _refused: dict[str, tuple[str, float]] = field(default_factory=dict, init=False)
    """Since then, by the words of the refusal: which task was refused last, and when."""
    _first: int = field(default=0, init=False)
    """Attempts under way that went first."""
    _trial_from: float = field(default=-math.inf, init=False)
    _trials_failed: int = field(default=0, init=False)
    _held_since: float = field(default=-math.inf, init=False)

    def lets_through(self, now: float) -> bool:
        """Say whether one more attempt may start."""
        is_full = self.is_strained and 0 < self.near_limit <= self.running
        return now >= self.opens_at and not (is_full or (self.is_on_trial and self._first))

    def doors(self, model: str) -> list[tuple[str, Account]]:
        """Return what has to let an attempt with that model through: this account, and what holds the model."""
        return [("", self), *((each, self.models[each]) for each in self.models if _is_of(model, each))]

    def doors_held(self, limited: str, model: str) -> list[tuple[str, Account]]:
        """Return what a limit holds that an attempt with *model* met; *limited* is the model it names, or nothing."""
        if not limited:
            return [("", self)]
        # All that name no model have the same one.
        names = [limited, model] if model == DEFAULT_MODEL else [limited]
        return [(name, self.models.setdefault(name, Account())) for name in names]

    def start(self) -> None:
        """Count an attempt that starts, if it goes first."""
        self._first += self.is_on_trial

    def end(self, started: float) -> None:
        """Count that one is over which started then."""
        if self.is_proven_by(started):
            self._first -= 1

    def hold(self, until: float) -> bool:
        """Close until then; say whether that is news."""
        is_news = not self.is_on_trial or until > self._trial_from + SAME_MOMENT
        self.opens_at = self._trial_from = max(self.opens_at, until)
        self.is_on_trial, self._first = True, 0
        return is_news

    def hold_again(self, until: float, now: float) -> bool:
        """Close after an attempt met a limit; say whether that is news.

        The attempt is not charged, so there must not be one every second. If the account is still shut when it was to
        open (a clock may be wrong), it is closed at least twice as long each time, up to some minutes.
        """
        return self.hold(max(until, self._count_trial(now)))

    def back_off(self, started: float, now: float, *, is_outage: bool) -> bool:
        """Close for a little longer each time, after an outage or tasks that ended alike; say whether that is news.

        A service that never answered may have a wrong address, and one that refuses every task in the same words may be
        a broken installation: then a person has to look. *started* is when the attempt that met it started.
        """
        if self.is_on_trial and now >= self._trial_from > started:
            return False  # it is from before the hold, and says nothing of what came since
        until = self._count_trial(now)
        has_worked = self.is_patient and self.proven > -math.inf
        patience = PATIENCE if has_worked else PATIENCE_AT_FIRST
        is_over = until - self._held_since > patience if is_outage else self._trials_failed >= MOST_TRIALS
        return self.hold(math.inf if is_over else until)

    def _count_trial(self, now: float) -> float:
        """Return until when an account is closed at least that was found shut now."""
        if self._held_since == -math.inf:
            self._held_since = now
        elif now >= self._trial_from:
            self._trials_failed += 1
        return now + SHORTEST_HOLD * 2.0 ** min(self._trials_failed, 8)

    def bring_forward(self, seconds: float, now: float) -> None:
        """Open so much sooner, and never before now: what was started earlier would seem to be an answer."""
        if now < self.opens_at:
            self.opens_at = max(self.opens_at - seconds, now)
            self._trial_from = min(self._trial_from, self.opens_at)
        for each in self.models.values():
            each.bring_forward(seconds, now)

    def is_proven_by(self, started: float) -> bool:
        """Say whether an answer to an attempt that started then ends the trial."""
        # What was started before the hold may still be answered.
        return self.is_on_trial and started >= self._trial_from

    def end_trial(self) -> None:
        """Let through what waits."""
        self.is_on_trial, self._first = False, 0
        self._trials_failed, self._held_since = 0, -math.inf

    def prove(self, now: float) -> None:
        """Keep in mind that the service did a turn of work for a user."""
        self.proven = now
        self._refused.clear()

    def is_refused_alike(self, task: str, words: str, now: float) -> bool:
        """Say whether another task was refused in the same words a moment ago, and no one got through since."""
        other, when = self._refused.get(_alike(words), (task, now))
        return other != task and now - when <= ALIKE_WITHIN

    def note_refusal(self, task: str, words: str, now: float) -> None:
        """Keep in mind what a task was refused with."""
        self._refused[_alike(words)] = task, now


def _alike(words: str) -> str:
    """Return what errors of one cause have in common."""
    return _PARTICULAR.sub("#", words.lower())


def needed(model: str, limited: str) -> str:
    """Return the models that a task needs which asks for one and met the limit of another, by a helper of its own."""
    return model if _is_of(model, limited) else f"{model} {limited}"


def _is_of(model: str, name: str) -> bool:
    """Say whether a model is the one, or of the family, that is called so."""
    return name in model.lower()


@dataclass(slots=True, eq=False, repr=False)
class Budget:
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

    *own*: what they may cost, USD; infinity where none is set.
    """
    needs = [f"{task} (needs {usd(cap if cap < math.inf else LEAST_CAP)})" for task, cap in own.items()]
    return f"too little for {join_first(needs, MOST_NAMED)}"
