"""What a plan has cost so far. Unknown is never 0: it is counted apart, and said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import pluralize

#: USD an attempt may cost when none is set.
USUAL_CAP = 5.0


#: Why an attempt failed that met its cap: no one wrote that sum, where it is a share.
CAP_REACHED = "that is all it was given of the budget"


class Spending(NamedTuple):
    """USD by task, agent and model, and how many attempts are of unknown cost."""

    known: float
    unknown: int
    feared: float
    """What those may have cost at most, USD: so a budget counts them."""
    by_task: Mapping[str, float]
    by_agent: Mapping[str, float]
    by_model: Mapping[str, float]

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.known or self.unknown)

    def __str__(self) -> str:
        """Say it in a few words: ``$1.24``, ``$1.24 and 2 attempts of unknown cost``, ``1 attempt of unknown cost``."""
        attempts = pluralize(self.unknown, "attempt")
        parts = [usd(self.known)] if self.known or not self.unknown else []
        return " and ".join(parts + [f"{attempts} of unknown cost"] * bool(self.unknown))


def cost_facts(spent: Spending, most: int | None = None) -> dict[str, dict[str, float]]:
    """Return the parts of what was spent for programs, without the noise of sums; *most* tasks, the dearest."""
    dearest = sorted(spent.by_task.items(), key=lambda item: -item[1])[:most]
    shares = {"task": dict(dearest), "agent": spent.by_agent, "model": spent.by_model}
    return {by: {name: round(cost, 6) for name, cost in share.items()} for by, share in shares.items()}


def usd(amount: float | None) -> str:
    """Write an amount as people read it; small ones keep what makes them visible."""
    if amount is None:
        return "unknown"
    return f"${amount:,.2f}" if amount >= 1 or not amount else f"${amount:.4f}"


def total_cost(results: Iterable[Result | None]) -> Spending:
    """Add up every attempt of every task; None is one that was never attempted."""
    by_task: defaultdict[str, float] = defaultdict(float)
    by_agent: defaultdict[str, float] = defaultdict(float)
    by_model: defaultdict[str, float] = defaultdict(float)
    unknown: list[Attempt] = []
    for result in filter(None, results):
        for attempt in result.attempts:
            if attempt.cost:
                by_task[result.task] += attempt.cost
                by_agent[attempt.agent or result.agent] += attempt.cost
            for model, cost in attempt.models:
                by_model[model] += cost
        unknown += unsettled(result.attempts)
    return Spending(
        known=sum(by_task.values()),
        unknown=len(unknown),
        feared=feared(unknown),
        by_task=by_task,
        by_agent=by_agent,
        by_model=by_model,
    )


def unsettled(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Return the attempts of unknown cost: no later one of their session settled it."""
    open_bills: list[Attempt] = []
    for attempt in attempts:
        if attempt.cost is None and attempt.status != TaskStatus.RUNNING.value:
            open_bills.append(attempt)
        elif attempt.settles:
            open_bills = [each for each in open_bills if each.session != attempt.session]
    return open_bills


def feared(attempts: Iterable[Attempt]) -> float:
    """Return what attempts of unknown cost may have cost at most, USD."""
    return sum(attempt.cap or USUAL_CAP for attempt in attempts)


def spent_in(attempts: Iterable[Attempt], session: str, model: str = "") -> float:
    """Return what is known to have been spent in one session, USD; with a *model* what was spent on that one."""
    return sum(
        (dict(attempt.models).get(model, 0.0) if model else attempt.cost) or 0.0
        for attempt in attempts
        if attempt.session == session
    )


def cost_statistics(result: Result) -> dict[str, str]:
    """Return the lines that say what a task cost; none when it cost nothing."""
    if all(attempt.cost == 0 for attempt in result.attempts):
        return {}
    spent = total_cost([result])
    if not spent:
        return {}
    statistics = {"Cost": str(spent)}
    if len(result.attempts) > 1:
        statistics["Cost of the last attempt"] = usd(result.attempts[-1].cost)
    return statistics | {f"Cost on {model}": usd(cost) for model, cost in spent.by_model.items()}
