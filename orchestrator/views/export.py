"""A whole plan and its outcome as one document, or as a sheet.

Whatever comes from agents and people stays in its place, as in ``final_output``: an answer has no heading above level
3 and stands last below the one of its task, an assignment is fenced, a message quoted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from orchestrator.core.cost import total_cost, usd
from orchestrator.core.duration import format_duration
from orchestrator.core.message import Message
from orchestrator.core.plan import Task
from orchestrator.core.redact import redact
from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import NAMES, PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.plan.task_fields import PLAIN_FIELDS, TaskField
from orchestrator.views.listing import COLUMNS, csv_text
from orchestrator.views.report import csv_timestamp
from orchestrator.views.status import cost_of
from orchestrator.views.templating import render
from orchestrator.views.terminal import label_of, tally, timestamp

_COLUMNS = (*COLUMNS, "attempts", "start", "end", "seconds", "cost_usd", "reason")


class ViewLike(Protocol):
    """What is known of a task."""

    @property
    def task(self) -> Task: ...
    @property
    def shown(self) -> str: ...


class PartLike(Protocol):
    """One task in a document."""

    @property
    def view(self) -> ViewLike: ...
    @property
    def assignment(self) -> str: ...
    @property
    def messages(self) -> Sequence[Message]: ...


def export_markdown(
    board: PlanSnapshot,
    parts: Iterable[PartLike],
    now: float,
    overrides: str | None = None,
    *,
    safe: Callable[[str], str],
) -> str:
    """Return the document. *now* is in seconds since the epoch; *overrides* a directory of templates to use before.

    *safe* makes markdown that is safe in a quote of what people and agents said.
    """
    plan = board.plan._replace(request=safe(board.plan.request), goal=safe(board.plan.goal))
    text = render(
        "export.md.j2",
        overrides,
        plan=plan,
        title=plan.header.title or plan.title or "Plan",
        moment=timestamp(now),
        tally=tally(board.counts(), board.simulated()),
        parts=[_part(board, part, now, safe) for part in parts],
        beside=[_auxiliary_part(each, now) for each in auxiliary_results(board)],
        spent=total_cost(board.paid_for()),
    )
    return redact(text).rstrip("\n") + "\n"


def export_csv(board: PlanSnapshot, now: float) -> str:
    """Return one row for each task; moments in UTC, time and cost of all attempts together. *now*: as above."""
    rows = [_row(board, task, now) for task in board.plan.tasks.values()]
    return csv_text(_COLUMNS, [*rows, *(_auxiliary_row(each, now) for each in auxiliary_results(board))])


def auxiliary_results(board: PlanSnapshot) -> list[Result]:
    """Return what was paid for and no row of the plan tells of: planning, merging, rows that were taken out."""
    found = [each for each in board.paid_for() if each.task not in board.plan.tasks]
    return [each for each in found if total_cost([each])]


def _auxiliary_part(result: Result, now: float) -> Mapping[str, Any]:
    return {
        "id": result.task,
        "name": _name_of(result),
        "who": result.agent,
        "attempts": len(result.attempts),
        "time": format_duration(_worked(result, now)),
        "cost": cost_of(result),
    }


def _name_of(result: Result) -> str:
    return NAMES.get(result.task, "(no longer in the plan)")


def _worked(result: Result, now: float) -> float | None:
    known = [took for each in result.attempts if (took := each.lasted(now)) is not None]
    return sum(known) if known else None


def _auxiliary_row(result: Result, now: float) -> Sequence[object]:
    attempts, spent, took = result.attempts, total_cost([result]), _worked(result, now)
    cells = {
        "id": result.task,
        "name": _name_of(result),
        "agent": result.agent,
        "attempts": len(attempts),
        "start": csv_timestamp(attempts[0].started) if attempts else "",
        "end": csv_timestamp(attempts[-1].ended) if attempts else "",
        "seconds": None if took is None else round(took, 3),
        "cost_usd": None if spent.unknown else spent.known,
    }
    return [cells.get(name, "") for name in _COLUMNS]


def _part(board: PlanSnapshot, part: PartLike, now: float, safe: Callable[[str], str]) -> Mapping[str, Any]:
    task, result = part.view.task, board.results.get(part.view.task.id)
    attempts = board.attempts(task.id)
    is_done = result is not None and board.status(task.id) is TaskStatus.COMPLETED
    return {
        "task": task._replace(needs=task.own_needs),
        "status": label_of(board, task.id),
        "reason": board.standing[task.id].reason,
        "who": task.assignee or task.agent or "-",
        "time": format_duration(board.worked(task.id, now) if attempts else None),
        "cost": cost_of(board.outcome(task.id)),
        "assignment": part.assignment,
        "attempts": [_attempt(each, result, now) for each in attempts if result is not None],
        "messages": [each._replace(text=safe(each.text)) for each in part.messages],
        "answer": part.view.shown.strip("\n") or ("(no output)" if is_done else ""),
    }


def _attempt(attempt: Attempt, result: Result, now: float) -> Mapping[str, Any]:
    return {
        "number": attempt.number,
        "status": attempt.status,
        "by": attempt.agent or result.agent,
        "begin": timestamp(attempt.started),
        "time": format_duration(attempt.lasted(now)),
        "cost": "-" if attempt.cost == 0 else usd(attempt.cost),
        "reason": attempt.reason,
    }


def _row(board: PlanSnapshot, task: Task, now: float) -> Sequence[object]:
    attempts = board.attempts(task.id)
    spent = total_cost([board.outcome(task.id)])
    took = board.worked(task.id, now)
    return (
        task.id,
        board.status(task.id).value,
        task.name,
        task.assignee,
        task.agent,
        task.shown_priority,
        task.own_needs,
        task.parent,
        task.tags,
        task.type,
        *(_cell(task, field) for field in PLAIN_FIELDS),
        len(attempts),
        csv_timestamp(attempts[0].started) if attempts else "",
        csv_timestamp(attempts[-1].ended) if attempts else "",
        None if took is None else round(took, 3),
        None if spent.unknown else spent.known,
        board.why(task.id),
    )


def _cell(task: Task, field: TaskField) -> object:
    value = getattr(task, field.name)
    return (csv_timestamp(value) if field.is_time else field.facts(value)) if value else ""
