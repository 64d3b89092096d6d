"""A plan with a state as JSON and as text, as the commands about many plans print it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.commands.registry import Facts
from orchestrator.commands.reply import passed_over, terminal_width
from orchestrator.core.plan import PlanHeader
from orchestrator.core.plan_status import PlanState, Step
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import pluralize
from orchestrator.core.timestamp import iso
from orchestrator.services import plans
from orchestrator.store.collection import plan_id
from orchestrator.store.layout import Layout
from orchestrator.views.plans import header_lines, plans_text, word_of


class PlanList(NamedTuple):
    """The plans of a directory, those that are over only where *everything* is shown."""

    root: Layout
    overview: plans.PlansOverview
    everything: bool

    @classmethod
    def of(cls, root: Layout, *, everything: bool) -> PlanList:
        """Read the plans of a directory."""
        return cls(root, plans.overview(root, everything=everything), everything)

    def facts(self) -> Facts:
        """Return the plans as JSON."""
        rows = self.overview.rows
        return {
            "message": pluralize(len(rows), "task" if self.everything else "active task"),
            "directory": self.root.root,
            "tasks": [plan_facts(*row) for row in rows],
            "skipped": passed_over(self.overview.broken),
        }

    def text(self) -> str:
        """Return the plans for people; empty: there are none."""
        rows = self.overview.rows
        return plans_text(rows, terminal_width()) if rows else ""

    def remarks(self, *, is_json: bool, is_below: bool = False) -> Iterator[str]:
        """Yield that there is no plan, and which cannot be read; *is_below*: another plan was printed above."""
        if is_json:
            return
        if not self.overview.rows and not is_below:
            yield "No tasks." if self.everything else "No active tasks."
        for name, why in self.overview.broken.items():
            yield f"warning: {name} skipped: {why}"


def move(step: Step) -> str:
    """Return a transition as text: ``APPROVED → IN_PROGRESS``."""
    return f"{step.before} → {step.after}"


def plan_facts(
    name: str, plan_header: PlanHeader, state: PlanState, counts: Mapping[TaskStatus, int]
) -> dict[str, Any]:
    """Return the header and the progress of a plan as JSON."""
    total, done = sum(counts.values()), counts.get(TaskStatus.COMPLETED, 0)
    return {
        "task_id": name,
        "status": state.word,
        "title": plan_header.title,
        "priority": plan_header.priority,
        "eta": iso(plan_header.eta),
        "created": iso(plan_header.created),
        "total": total,
        "done": done,
        "progress": 100 * done // total if total else 0,
    }


def subtask_facts(board: PlanSnapshot, only: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return the tasks of a plan as JSON, or some of them."""
    tasks = board.plan.tasks
    return [
        {
            "id": task.id,
            "title": task.name,
            "status": word_of(board, task),
            "agent": task.assignee or task.agent,
            "type": task.type,
            "deps": task.needs,
            "priority": task.shown_priority,
            "progress": _progress_of(board, task.id),
            "note": _note_of(board, task.id),
        }
        for task in (map(tasks.__getitem__, only) if only else tasks.values())
    ]


def _note_of(board: PlanSnapshot, task_id: str) -> str:
    """Return the reason for its status, or the completer's note."""
    result = board.results.get(task_id)
    is_done = board.status(task_id) is TaskStatus.COMPLETED
    return board.why(task_id) or (result.note if result is not None and is_done else "")


def _progress_of(board: PlanSnapshot, task_id: str) -> int:
    if board.status(task_id) is TaskStatus.COMPLETED:
        return 100
    result = board.results.get(task_id)
    return (result.progress if result is not None else None) or 0


def detail(layout: Layout, board: PlanSnapshot) -> str:
    """Return the header of a plan with a state, as ``status`` prints it above the tasks."""
    return "\n".join([*header_lines(plan_id(layout), board, plans.history(layout)), "", ""])
