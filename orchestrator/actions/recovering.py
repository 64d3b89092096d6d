"""Take over from runs that died: what had finished is taken from its log, so that no answer is paid for twice."""

from __future__ import annotations

from collections.abc import Container, Mapping

from orchestrator.actions.prospect import Prospect
from orchestrator.agents.protocol import Agent
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.happening import Happening, Kind, Listener
from orchestrator.runtime.recovery import Harvested, harvest
from orchestrator.store.attempt_record import Traces


def recover(
    ahead: Prospect,
    agents: Mapping[str, Agent],
    traces: Mapping[str, Traces],
    dead_runs: Container[str],
    listener: Listener,
    *,
    lost: Container[str] = (),
) -> list[Harvested]:
    """Commit every attempt that ended without its runner, and return them. Only with the lock held.

    *lost*: the stems of tasks whose results were damaged and are gone; of them any run's attempt counts.

    Raises:
        StoreError: a log could not be read, or a result not be written.
    """
    found = harvest(
        ahead.workspace,
        ahead.board.plan.tasks,
        ahead.policies,
        agents,
        results=ahead.board.results,
        traces=traces,
        dead_runs=dead_runs,
        lost=lost,
        warn=lambda task, text: listener(
            Happening(kind=Kind.WARNING, time=Clock().wall(), task=task, text=text)
        ),
    )
    if found:
        ahead.workspace.commit([each.commit for each in found])
    for each in found:
        listener(each.happening(Clock().wall()))
    return found
