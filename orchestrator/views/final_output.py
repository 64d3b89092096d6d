"""``final_output.md``: every answer of a plan in one file.

The answers stand in dependency order, each once. Where one task was made from the others, its answer is what
a person wants to read first, and it is the last one in that order. It is neither moved nor shown twice: anyone who
looks for T-02 finds it between T-01 and T-03, and a line above the results says where the report is.
"""

from __future__ import annotations

import heapq
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.cost import total_cost
from orchestrator.core.duration import format_duration
from orchestrator.core.plan import Plan, Task, sources
from orchestrator.core.redact import redact
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import is_left_blank, join_first, pluralize
from orchestrator.views.status import (
    Timing,
    cost_of,
    cost_rows,
    is_own_skip,
    log_link,
    result_link,
    skipped_because,
    timing,
)
from orchestrator.views.templating import render
from orchestrator.views.terminal import LABELS, fit, label_of, timestamp

# ── merger prompt ────────
#
# The prompt of the agent that merges every answer into one.

MERGE_TEMPLATE = "merge.md.j2"


def merge_prompt(plan: Plan, overrides: str | None, *, total: int, missing: str = "") -> str:
    """Return the prompt of the agent that merges, but for the answers.

    Raises:
        PlanError: the plan's own template is broken.
    """
    return render(MERGE_TEMPLATE, overrides, total=total, request=plan.request, goal=plan.goal, missing=missing)


#: By strategy; `claude` has the first one, too.
TEMPLATES = {"structured": "final_output.md.j2", "concat": "final_output_concat.md.j2"}
#: What each task answers where that is only tried.
_ANSWER = "An answer."
TIMELINE_WIDTH = 40
#: More bars than this are not read; the longest ones are what a run took its time for.
_TIMELINE_ROWS = 60
_NAMED = 50
_CONFLICTS = 200
_UNSUCCESSFUL = (TaskStatus.FAILED, TaskStatus.BLOCKED, TaskStatus.CANCELLED)
_NOT_RUN = (TaskStatus.WAITING, TaskStatus.PENDING, TaskStatus.RUNNING, TaskStatus.RETRYING)


class FailedRow(NamedTuple):
    """A task that did not succeed. No mapping: a template looks for an attribute first, and there are thousands."""

    task: Task
    status: str
    attempts: int | str
    reason: str
    log: str


class AppendixRow(NamedTuple):
    """A task that has a result."""

    task: Task
    status: str
    duration: str
    cost: str
    result: str
    log: str


def final_output(
    board: PlanSnapshot,
    *,
    answers: Mapping[str, str],
    safe: Callable[[str], str],
    started: float,
    ended: float,
    strategy: str = "structured",
    overrides: str | None = None,
    budget: float = 0.0,
    merged: str = "",
    note: str = "",
    conflicts: Sequence[str] = (),
) -> str:
    """Return the whole file.

    Args:
        board: the plan and its results.
        answers: the answer of each completed task, as safe markdown with headings from level 3 down.
        safe: makes markdown that is safe in a quote of the request and the goal.
        started: when the run began, in seconds since the epoch.
        ended: when it was over.
        strategy: ``structured``, or ``concat`` for the answers alone.
        overrides: directory of templates to use before the built-in ones.
        budget: USD the plan may cost; 0 for no limit.
        merged: what an agent made of all answers, as safe markdown; it comes first.
        note: what a reader should know of how this was made.
        conflicts: files that tasks changed at the same time, each in one line.
    """
    by_status: dict[TaskStatus, list[str]] = {status: [] for status in TaskStatus}
    for task_id in board.shape.order:
        by_status[board.status(task_id)].append(task_id)
    tasks = board.plan.tasks
    done = by_status[TaskStatus.COMPLETED]
    measured = timing(board, started=started, ended=ended)
    request, goal = (safe(_filled_in(text)) for text in (board.plan.request, board.plan.goal))
    values: dict[str, Any] = {
        "plan": board.plan._replace(request=request, goal=goal),
        "total": len(tasks),
        "completed": [(tasks[task_id], _answer(tasks[task_id], answers)) for task_id in done],
        "wall": format_duration(measured.wall),
        "earlier": measured.earlier,
        "merged": merged.strip("\n"),
        "note": note,
        "conflicts": [*conflicts[:_CONFLICTS], *_more(conflicts)],
        "simulated": board.simulated(),
        **_unfinished(board, by_status),
    }
    if strategy == "concat":
        return _drawn(TEMPLATES["concat"], overrides, values)
    spent = total_cost(board.paid_for())
    values |= {
        "summary": _summary(by_status, measured, len(tasks), is_simulated=bool(board.simulated()))
        + cost_rows(spent, budget),
        "has_costs": bool(spent),
        "report": _report(board),
        "timeline": _timeline(measured),
        "appendix": [
            _appendix(board, task_id, ended, has_costs=bool(spent))
            for task_id in board.shape.order
            if task_id in board.results
        ],
    }
    return _drawn(TEMPLATES["structured"], overrides, values)


def _more(conflicts: Sequence[str]) -> list[str]:
    more = len(conflicts) - _CONFLICTS
    return [f"… and {more:,} more"] if more > 0 else []


def _unfinished(board: PlanSnapshot, by_status: Mapping[TaskStatus, list[str]]) -> dict[str, Any]:
    """Return what a template may say of tasks that are not completed."""
    failed = [task_id for status in _UNSUCCESSFUL for task_id in by_status[status]]
    covered = [task_id for task_id in failed if board.is_covered(task_id)]
    skipped = skipped_because(board).items()
    left = [task_id for task_id in board.shape.order if board.status(task_id) in _NOT_RUN]
    own = [task_id for task_id in by_status[TaskStatus.SKIPPED] if is_own_skip(board, task_id)]
    return {
        "failed": [_failure(board, task_id) for task_id in failed if task_id not in covered],
        "skipped": [(cause, join_first(hit, _NAMED)) for cause, hit in skipped],
        "unneeded": [
            *((task, board.standing[task].reason) for task in own if task in board.omitted),
            *((task, f"{board.standing[task].reason}; its fallback stands in for it") for task in covered),
        ],
        "undecided": [(task, board.standing[task].reason) for task in own if task not in board.omitted],
        "not_run": join_first(left, _NAMED),
    }


def try_templates(board: PlanSnapshot, settings: Settings, overrides: str) -> None:
    """Fill the person's templates as if every task had been done.

    Raises:
        PlanError: one of them is broken.
    """
    strategy = settings.aggregate
    used = [TEMPLATES.get(strategy, TEMPLATES["structured"])]
    used += [MERGE_TEMPLATE] if strategy == "claude" else []
    if not any(os.path.lexists(os.path.join(overrides, name)) for name in used):
        return
    if strategy == "claude":
        merge_prompt(board.plan, overrides, total=2)
    attempt = Attempt(1, 1, status=Verdict.COMPLETED.value, started=1.0, ended=2.0, duration=1.0)
    leaves = [task.id for task in board.plan.tasks.values() if not task.children]
    done = {task_id: Result(task_id, settings.agent, TaskStatus.COMPLETED, (attempt,)) for task_id in leaves}
    final_output(
        PlanSnapshot(board.plan, board.shape, done),
        answers=dict.fromkeys(leaves, _ANSWER),
        safe=str,
        started=1.0,
        ended=2.0,
        strategy=strategy,
        overrides=overrides,
        budget=settings.budget_usd,
        merged=_ANSWER if strategy == "claude" else "",
    )


def _filled_in(text: str) -> str:
    """Return what a user has written, without the places that were left for it."""
    lines = (line for line in text.split("\n") if not is_left_blank(line))
    return "\n".join(lines).strip("\n")


def _answer(task: Task, answers: Mapping[str, str]) -> str:
    if task.children:
        return f"Completed by the tasks under it: {join_first(task.children, _NAMED)}."
    return answers.get(task.id, "").strip("\n")


def _drawn(template: str, overrides: str | None, values: Mapping[str, Any]) -> str:
    return redact(render(template, overrides, **values)).rstrip("\n") + "\n"


def _summary(
    by_status: Mapping[TaskStatus, Sequence[str]], measured: Timing, total: int, *, is_simulated: bool
) -> list[tuple[str, str]]:
    count = {status: len(task_ids) for status, task_ids in by_status.items()}
    done = count[TaskStatus.COMPLETED]
    rows = [
        ("Tasks", str(total)),
        ("Successful", f"{done} ({100 * done // total if total else 0}%)"),
        ("Failed", str(count[TaskStatus.FAILED])),
        ("Skipped", str(count[TaskStatus.SKIPPED])),
    ]
    rare = (TaskStatus.BLOCKED, TaskStatus.CANCELLED)
    rows += [(status.value.capitalize(), str(count[status])) for status in rare if count[status]]
    if not_run := sum(count[status] for status in _NOT_RUN):
        rows.append(("Not finished", str(not_run)))
    rows.append(
        ("Duration", f"{format_duration(measured.wall)} ({timestamp(measured.started)} to {timestamp(measured.ended)})")
    )
    if measured.earlier:
        rows.append(("Done by an earlier run", f"{measured.earlier} (in none of the times here)"))
    if measured.spans and measured.wall > 0 and not is_simulated:
        agents = pluralize(measured.peak, "agent")
        rows += [
            ("Sum of task times", f"{format_duration(measured.total)} (one after the other)"),
            ("Speed-up", f"{measured.speed_up:.1f}× (sum of task times ÷ duration)"),
            ("Parallel efficiency", f"{100 * measured.efficiency:.0f}% (speed-up ÷ {agents} at once at the peak)"),
        ]
    return rows


def _report(board: PlanSnapshot) -> Task | None:
    """The one completed task that nothing depends on, if there is exactly one and others handed it their answers."""
    tasks = {task.id: task for task in board.plan.tasks.values() if not task.children}
    needed = {need for task in tasks.values() for need in sources(task, board.plan.tasks)}
    needed.update(need for task in tasks.values() for need in task.needs)
    ends = [task for task_id, task in tasks.items() if task_id not in needed]
    if len(ends) != 1 or board.status(ends[0].id) is not TaskStatus.COMPLETED:
        return None
    return ends[0] if sources(ends[0], board.plan.tasks) else None


def _failure(board: PlanSnapshot, task_id: str) -> FailedRow:
    task, result, standing = (board.plan.tasks[task_id], board.results.get(task_id), board.standing[task_id])
    last = result.last if result is not None else None
    return FailedRow(
        task=task,
        status=LABELS[standing.status],
        attempts=len(result.attempts) if result and last else "-",
        reason=standing.reason or "-",
        log=log_link(task, last) if last else "-",
    )


def _appendix(board: PlanSnapshot, task_id: str, now: float, *, has_costs: bool) -> AppendixRow:
    task, result = board.plan.tasks[task_id], board.results[task_id]
    return AppendixRow(
        task=task,
        status=label_of(board, task_id),
        duration=format_duration(board.worked(task_id, now)),
        cost=cost_of(board.outcome(task_id)) if has_costs else "-",
        result=result_link(task),
        log=log_link(task, result.last) if result.last else "-",
    )


def _timeline(measured: Timing) -> list[str]:
    """Draw one row per task: ``█`` the attempt that completed it, ``▒`` attempts that did not."""
    spent: dict[str, float] = {}
    bars: dict[str, list[str]] = {}
    if measured.wall <= 0:
        return []
    for span in measured.spans:
        spent[span.task] = spent.get(span.task, 0.0) + span.end - span.begin
    longest = set(heapq.nlargest(_TIMELINE_ROWS, spent, key=spent.__getitem__))
    scale = TIMELINE_WIDTH / measured.wall
    for span in measured.spans:
        if span.task not in longest:
            continue
        bar = bars.setdefault(span.task, [" "] * TIMELINE_WIDTH)
        begin = min(int(span.begin * scale), TIMELINE_WIDTH - 1)
        end = min(max(round(span.end * scale), begin + 1), TIMELINE_WIDTH)
        bar[begin:end] = ("█" if span.completed else "▒") * (end - begin)
    column = min(max(map(len, longest), default=0), 24)
    rows = [
        f"{fit(task_id, column)} │{''.join(bar)}│ {format_duration(spent[task_id])}" for task_id, bar in bars.items()
    ]
    if len(spent) > len(bars):
        rows.append(f"(the {len(bars)} longest of {len(spent):,} tasks)")
    return rows
