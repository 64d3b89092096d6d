"""Whether an account is held right now: derived from what the newest attempts met, so it survives a restart."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from orchestrator.core.result import Result, Verdict
from orchestrator.core.state import TaskStatus


class Held(NamedTuple):
    """An account that lets nothing through."""

    agent: str
    until: float
    """Seconds since the epoch; 0: until a person does something."""
    reason: str


def held(results: Iterable[Result]) -> list[Held]:
    """Return, for each agent that was held, the last hold, unless something of that agent got through after it.

    A hold whose moment has passed is returned too: whoever starts again tries with one attempt first.
    """
    started: dict[str, float] = {}
    holds: dict[str, tuple[float, Held]] = {}
    for result in results:
        last = result.last
        if last is None:
            continue
        agent = last.agent or result.agent
        if last.status != Verdict.HELD.value:
            if not last.is_by_hand:
                started[agent] = max(started.get(agent, 0.0), last.started)
        elif result.status is TaskStatus.PENDING:
            hold = Held(agent, last.until, last.reason)
            holds[agent] = max(holds.get(agent, (0.0, hold)), (last.ended, hold))
    return [hold for agent, (since, hold) in holds.items() if started.get(agent, 0.0) < since]
