"""What a run does about the run before it that died: take finished answers from their logs (promises 1 and 3)."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import NamedTuple

from orchestrator.agents.protocol import Agent, Reader
from orchestrator.core.plan import Task
from orchestrator.core.result import Result, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.errors import StoreError
from orchestrator.runtime.attempt import LiveAttempt, closed
from orchestrator.store.atomic import ADVICE
from orchestrator.store.attempt_record import AttemptRecord, Traces, read_record
from orchestrator.store.workspace import Commit, Workspace

_STATUS = {
    Verdict.COMPLETED: TaskStatus.COMPLETED,
    Verdict.FAILED: TaskStatus.RETRYING,
    Verdict.FATAL: TaskStatus.FAILED,
    Verdict.INTERRUPTED: TaskStatus.PENDING,
    Verdict.HELD: TaskStatus.PENDING,
}


class Harvested(NamedTuple):
    """An attempt that ended while no runner was alive, judged now."""

    task: Task
    result: Result
    commit: Commit


def harvest(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    policies: Mapping[str, Settings],
    agents: Mapping[str, Agent],
    *,
    traces: Mapping[str, Traces],
    dead_runs: Container[str],
) -> list[Harvested]:
    """Return every attempt that ended without its runner. Nothing is written yet.

    That is an attempt with a record whose result file still says ``running``, or does not know it although it was
    launched by a run that died. A record alone is not enough: a result file that a person deleted means "do it again"
    (promise 5).

    Raises:
        StoreError: a log or a result cannot be read now.
    """
    found = []
    for task in tasks.values():
        known = traces.get(task.stem)
        if known is None or not known.recorded:
            continue
        number = max(known.recorded)
        before = workspace.read_result(task.stem)
        last = before.last if before is not None and before.task == task.id else None
        is_known = last is not None and (
            last.number > number
            or (last.number == number and last.status != TaskStatus.RUNNING.value)
        )
        if is_known:
            continue
        record = read_record(workspace.layout.attempt(task.stem, number).record)
        if record is None or record.task != task.id or record.agent not in agents:
            continue
        if not record.run:
            continue  # by hand: whoever was writing it died before its result, and will say it once more
        if (last is not None and last.number == number) or record.run in dead_runs:
            reader = agents[record.agent].reader(policies[task.id])
            found.append(_judge(workspace, task, reader, record, before if last else None))
    return found


def _judge(
    workspace: Workspace,
    task: Task,
    reader: Reader,
    record: AttemptRecord,
    before: Result | None,
) -> Harvested:
    earlier = () if before is None else closed(before.attempts)
    live = LiveAttempt(
        task=task,
        number=record.number,
        charge=record.charge,
        run=record.run,
        agent=record.agent,
        files=workspace.layout.attempt(task.stem, record.number),
        started=record.exit.started,
        inputs=record.inputs,
        earlier=tuple(attempt for attempt in earlier if attempt.number < record.number),
        reader=reader,
        cap=record.cap or math.inf,
    )
    while live.read_along():
        pass
    if live.unread:
        raise StoreError(live.unread, hint=ADVICE)
    outcome = live.judge(record.exit)
    result = live.over(_STATUS[outcome.verdict], record.exit, outcome)
    return Harvested(task, result, live.commit(result, outcome, record.exit))
