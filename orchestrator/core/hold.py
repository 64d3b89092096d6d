"""Whether an account is held right now: derived from what the newest attempts met, so it survives a restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from orchestrator.core.result import Result, Verdict
from orchestrator.core.state import TaskStatus


class Held(NamedTuple):
    """An account that lets nothing through."""

    agent: str
    until: float
    """Seconds since the epoch; 0: until a person does something."""
    reason: str
    task: str = ""
    """Whose attempt met it."""


def held(
    results: Iterable[Result], accounts: Mapping[str, str] = MappingProxyType({})
) -> list[Held]:
    """Return, for each account that was held, the last hold, unless something of it got through after it.

    *accounts*: the account of each agent; one that is not in it has its own. A hold whose moment has passed is returned
    too: whoever starts again tries with one attempt first. So it is when a person brings back a task that met it.
    """
    started: dict[str, float] = {}
    holds: dict[str, tuple[float, Held]] = {}
    newest = [(result, result.attempts[-1]) for result in results if result.attempts]
    if not any(last.status == Verdict.HELD.value for _, last in newest):
        return []  # as nearly always, and every drawing asks
    for result, last in newest:
        agent = last.agent or result.agent
        account = accounts.get(agent) or agent
        if last.status != Verdict.HELD.value:
            if not last.is_by_hand:
                started[account] = max(started.get(account, 0.0), last.started)
        elif result.status is TaskStatus.PENDING:
            hold = Held(agent, last.until, last.reason, result.task)
            # With a note somebody has settled it since, and that is when it opened.
            since = last.until if result.note else last.ended
            holds[account] = max(holds.get(account, (0.0, hold)), (since, hold))
    return [hold for name, (since, hold) in holds.items() if started.get(name, 0.0) < since]
