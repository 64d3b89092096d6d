"""``master_plan.md``: a new one, and the sections that the orchestrator draws.

They are redrawn during a run, so their size is bounded whatever the size of the plan, and nothing in them changes
while nothing happens. They are written in Python and not as a template: filling a row costs a tenth this way.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.cost import Spending, total_cost
from orchestrator.core.draft import Draft
from orchestrator.core.duration import format_duration
from orchestrator.core.plan import LONGEST_CONDITION, PlanHeader, Task
from orchestrator.core.redact import redact
from orchestrator.core.result import Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import cell, one_line
from orchestrator.views.diagram import mermaid
from orchestrator.views.status import cost_rows, failures, hold_line, log_link, result_link
from orchestrator.views.templating import quote, render
from orchestrator.views.terminal import ICONS, LABELS, label_of, progress_bar, tally, timestamp

#: Up to so many tasks the status table has a row for each, in the order of the plan.
WHOLE_TABLE = 500
#: Above, it has what a person looks for: what runs, what went wrong, what is next, what was done lately.
_SHOWN = {
    TaskStatus.RUNNING: 100,
    TaskStatus.RETRYING: 50,
    TaskStatus.FAILED: 100,
    TaskStatus.BLOCKED: 50,
    TaskStatus.CANCELLED: 25,
    TaskStatus.PENDING: 25,
    TaskStatus.COMPLETED: 25,
    TaskStatus.SKIPPED: 10,
    TaskStatus.WAITING: 10,
}
_LOG_LINES = 15
_ERRORS = 50
_OF_BATCH = 12
_WITH_REASON = frozenset((TaskStatus.FAILED, TaskStatus.RETRYING))


def sections(
    board: PlanSnapshot, *, now: float, journal_tail: Sequence[str], running: Mapping[str, str], budget: float = 0.0
) -> dict[str, str]:
    """Return every drawn section by the name in its marks, in the order in which they are appended to a plan.

    *now* is in seconds since the epoch; *running* has the latest news of what runs, by task; *budget* is in USD, 0 for
    none.
    """
    drawn = {
        "status": _status(board, now, running),
        "progress": _progress(board, now, total_cost(board.paid_for()), budget),
        "graph": f"## Task Graph\n\n```mermaid\n{mermaid(board)}```\n",
        "log": _log(journal_tail),
        "errors": _errors(board),
    }
    return {name: redact(text) for name, text in drawn.items()}


def _text(value: str, limit: int = 120) -> str:
    return cell(value, limit)


# ── status ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _status(board: PlanSnapshot, now: float, running: Mapping[str, str]) -> str:
    lines = [
        "## Status",
        "",
        "| Task ID | Task | Agent | Status | Attempts | Start | End | Duration | Note |",
        "|---------|------|-------|--------|----------|-------|-----|----------|------|",
    ]
    shown = list(board.plan.tasks) if len(board.plan.tasks) <= WHOLE_TABLE else _selection(board)
    for task_id in shown:
        task, result = board.plan.tasks[task_id], board.results.get(task_id)
        cells = (
            task_id,
            _text(task.name, 80),
            _text(task.who, 40) or "-",
            label_of(board, task_id),
            *_times(board, task_id, now),
            _note(board, task, result, running),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if len(shown) < len(board.plan.tasks):
        lines += ["", _left_out(board, shown)]
    return "\n".join(lines) + "\n"


def _selection(board: PlanSnapshot) -> list[str]:
    groups: dict[TaskStatus, list[str]] = {status: [] for status in _SHOWN}
    for task_id in board.plan.tasks:
        groups[board.status(task_id)].append(task_id)
    done = groups[TaskStatus.COMPLETED]
    groups[TaskStatus.COMPLETED] = heapq.nlargest(
        _SHOWN[TaskStatus.COMPLETED], done, key=lambda task_id: _ended(board, task_id)
    )
    return [task_id for status, most in _SHOWN.items() for task_id in groups[status][:most]]


def _ended(board: PlanSnapshot, task_id: str) -> float:
    result = board.results.get(task_id)
    return result.last.ended if result is not None and result.last is not None else 0.0


def _left_out(board: PlanSnapshot, shown: Sequence[str]) -> str:
    left = board.counts()
    left.subtract(board.status(task_id) for task_id in shown)
    parts = [f"{number:,} {LABELS[status]}" for status, number in left.items() if number]
    return (
        f"Not shown: {' · '.join(parts)}. `orchestrator list` shows every task; "
        "what each one answered is in [results/](results/)."
    )


def _times(board: PlanSnapshot, task_id: str, now: float) -> tuple[str, str, str, str]:
    """Return attempts, start, end and duration; the last three are those of the newest attempt."""
    attempts = board.attempts(task_id)
    if not attempts:
        return "-", "-", "-", "-"
    last = attempts[-1]
    duration = format_duration(last.lasted(now))
    return str(len(attempts)), timestamp(last.started), timestamp(last.ended), duration


def _note(board: PlanSnapshot, task: Task, result: Result | None, running: Mapping[str, str]) -> str:
    standing = board.standing[task.id]
    if standing.status is TaskStatus.COMPLETED:
        return _text(standing.reason) if task.children else result_link(task)
    if standing.status is TaskStatus.RUNNING:
        return _text(" · ".join(filter(None, (standing.reason, running.get(task.id)))))
    reason = _text(standing.reason)
    if standing.status in _WITH_REASON and result is not None and result.last is not None:
        return f"{reason} {log_link(task, result.last)}".lstrip()
    return reason


# ── progress ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _progress(board: PlanSnapshot, now: float, spent: Spending, budget: float) -> str:
    counts, total = board.counts(), len(board.plan.tasks)
    done = counts[TaskStatus.COMPLETED]
    lines = ["## Progress", "", f"`{progress_bar(done, total)}` {tally(counts, board.simulated())}", ""]
    current = board.current_batch()
    batches = max(board.shape.batch.values(), default=0)
    if current:
        batch = [task_id for task_id in board.shape.order if board.shape.batch[task_id] == current]
        lines.append(f"Batch {current} of {batches}: {_icons(board, batch)}")
    elif board.simulated():
        lines.append("Nothing was done: `orchestrator run` does what was only simulated.")
    elif done == total:
        every = f"All {batches} batches are" if batches > 1 else "The one batch is"
        lines.append(f"{every} completed." if total else "The plan has no tasks.")
    else:
        lines.append("Nothing is left to run; the status table says why.")
    if hold := hold_line(board, now):
        lines += ["", f"**{_text(hold, 300)}**"]
    for name, value in cost_rows(spent, budget):
        lines += ["", f"{name}: {_text(value)}"]
    return "\n".join(lines) + "\n"


def _icons(board: PlanSnapshot, task_ids: Sequence[str]) -> str:
    """Name tasks with their icons, those with something left to do first."""
    first = sorted(task_ids, key=lambda task_id: board.status(task_id) is TaskStatus.COMPLETED)
    named = [f"{ICONS[board.status(task_id)]} {task_id}" for task_id in first[:_OF_BATCH]]
    more = len(task_ids) - len(named)
    return " · ".join(named) + (f" · and {more:,} more" if more else "")


# ── log and errors ───────────────────────────────────────────────────────────────────────────────────────────────────


def _log(journal_tail: Sequence[str]) -> str:
    lines = [f"- {_text(line, 300)}" for line in journal_tail[-_LOG_LINES:]]
    return "\n".join(["## Execution Log", "", *(lines or ["Nothing has happened yet."])]) + "\n"


def _errors(board: PlanSnapshot) -> str:
    found = list(failures(board))
    lines = ["## Errors", ""]
    if not found:
        return "\n".join([*lines, "None so far."]) + "\n"
    lines += ["| Task | Attempt | Reason | Log |", "|------|---------|--------|-----|"]
    for failure in heapq.nlargest(_ERRORS, found, key=lambda failure: failure.ended):
        task, attempt = failure.task, failure.attempt
        # The icon says how the task stands now: a later attempt may have made it good.
        what = f"{ICONS[board.status(task.id)]} {task.id} · {_text(task.name, 80)}"
        number, log = (str(attempt.number), log_link(task, attempt)) if attempt else ("-", "-")
        lines.append(f"| {what} | {number} | {_text(failure.reason, 300) or '-'} | {log} |")
    if len(found) > _ERRORS:
        lines += ["", f"The newest {_ERRORS} of {len(found):,} are shown; journal.md has them all."]
    return "\n".join(lines) + "\n"


# ── new plan ────────
#
# A ``master_plan.md`` to begin with: what ``init``, ``add`` and ``create`` make, and one drawn from a draft.
#
# All are valid as they stand and made to be edited. A row says a task in a line; the rest
# stands in its task file.

#: Waits for the tasks of a plan that ``create`` makes.
_TASKS = """\
| Task ID | Task | Type | Assignee | Priority | Dependencies |
|---------|------|------|----------|----------|--------------|
"""

#: Who does what in a queue.
ABOUT_ROWS = "{} reads a row and does it, which may cost money; where the Agent cell says shell, it is a command."


def new_plan(request: str = "", overrides: str | None = None, *, draft: Draft | None = None) -> str:
    """Return a plan for *request*: with the tasks of *draft*, or else with example rows."""
    return render(
        "master_plan.md.j2",
        overrides,
        request=request or (draft.request if draft else ""),
        draft=draft,
        rows=list(draft.rows().values()) if draft else [],
        more=_MoreColumns.of(draft) if draft else None,
    )


class _MoreColumns(NamedTuple):
    """The columns that only some drafts have, as the ends of the lines of the table."""

    header: str
    rule: str
    cells: Mapping[str, str]
    """By task."""

    @classmethod
    def of(cls, draft: Draft) -> _MoreColumns:
        """Return those that some task has a value for."""
        columns = {
            "Type": [task.type if draft.has_types else "" for task in draft.tasks],
            "Parent": [task.parent for task in draft.tasks],
            "If": [task.condition for task in draft.tasks],
            "Run If": [task.run_if for task in draft.tasks],
        }
        used = {header: texts for header, texts in columns.items() if any(texts)}
        header = "".join(f" {each} |" for each in used)
        rule = "".join(f"{'-' * (len(each) + 2)}|" for each in used)
        rows = [
            "".join(f" {cell(texts[at], LONGEST_CONDITION) or '-'} |" for texts in used.values())
            for at in range(len(draft.tasks))
        ]
        return cls(header, rule, dict(zip((task.id for task in draft.tasks), rows, strict=True)))


def queue(agent: str = "", request: str = "") -> str:
    """Return a plan without tasks, to which ``add`` adds them; *agent* is the one that does them (seed 000)."""
    front = f"---\nagent: {agent}\n---\n" if agent else ""
    asked = f"## Original Request\n{quote(request)}\n\n" if request else ""
    is_shell = agent == "shell"
    about = "A Description is a command." if is_shell else ABOUT_ROWS.format(agent or "claude")
    columns = ("Task ID", "Task Name", "Description", "Dependencies", "Priority", "Assignee", "Parent", "Tags")
    return f"""\
{front}# Task Queue

{asked}| {" | ".join(columns)} |
|{"|".join("-" * (len(column) + 2) for column in columns)}|

<!--
`orchestrator add TEXT` writes rows here, and so may you. {about}
`orchestrator list` shows them, `orchestrator run` does them. Everything else in this file is yours.
-->
"""


def made_plan(plan_header: PlanHeader, request: str, *, created: str, eta: str) -> str:
    """Return what ``create`` makes; *created* and *eta* are moments as they are written, *eta* may be empty."""
    front = [
        # A JSON string is a YAML string, whatever is in it.
        f"title: {json.dumps(one_line(plan_header.title), ensure_ascii=False)}",
        f"status: {plan_header.state}",
        f"priority: {plan_header.priority}",
        *([f"eta: {eta}"] if eta else []),
        f"created: {created}",
    ]
    return "\n".join(
        [
            "---",
            *front,
            "---",
            f"# 🎯 {cell(plan_header.title)}",
            "",
            "## Original Request",
            quote(request or plan_header.title),
            "",
            "## Task Decomposition",
            _TASKS,
        ]
    )
