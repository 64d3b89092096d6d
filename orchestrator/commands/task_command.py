"""What ``claim``, ``start``, ``complete``, ``fail``, ``block``, ``unblock``, ``cancel`` and ``retry`` have in common.

Each changes the status of one task: at once where no run is active, else through the active run, which answers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Facts, argument
from orchestrator.core.snapshot import MERGER, NAMES
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.runner.signals import end_in_order
from orchestrator.runner.task_commands import intervene
from orchestrator.store.layout import Layout
from orchestrator.store.lock import lock_owner, suspended
from orchestrator.store.requests import Reply
from orchestrator.store.task_ids import resolve_ids
from orchestrator.store.workspace import Workspace

TAKES = (DIR, CALLER, JSON)


@dataclass(frozen=True)
class ReasonParams:
    """A task, and why its status is changed."""

    task: str = argument("ID", completion="task")
    note: str = argument("[MSG]", default="", dash="prose")


def change(call: Call, verb: Verb, task: str, note: str = "", *, progress: int | None = None) -> Reply:
    """Change the status of a task, and return the answer.

    Raises:
        OrchestratorError: as ``intervene``.
    """
    layout = call.plan()
    command = task_command(call, layout, verb, task, note=note, progress=progress)
    return intervene(layout, command, call.plugins, waits(call, layout))


def task_command(
    call: Call, layout: Layout, verb: Verb, task: str, *, note: str = "", answer: str = "", progress: int | None = None
) -> TaskCommand:
    """Return the task command of a call.

    Raises:
        UsageError: the caller has no valid name, or *task* may mean any of several tasks.
        NotFoundError, PlanError, StoreError: the plan cannot be read.
    """
    task = resolve_ids(layout, task)
    is_worker = bool(task) and call.environ.get("ORCHESTRATOR_TASK_ID") == task
    return TaskCommand(
        verb=verb,
        task=task,
        by=call.caller(),
        time=time.time(),
        note=note,
        answer=answer,
        progress=progress,
        run=call.environ.get("ORCHESTRATOR_RUN_ID", "") if is_worker else "",
    )


def waits(call: Call, layout: Layout) -> Callable[[], None]:
    """Return what is called before the active run is asked: it prints that, and has SIGTERM end the wait in order."""

    def before_waiting() -> None:
        if call.is_process:
            end_in_order()
            why_later = suspended(lock_owner(layout.lock)) or _merging(layout)
            call.progress(f"asking the run that is at work … {why_later}".rstrip())

    return before_waiting


def _merging(layout: Layout) -> str:
    """Return that the active run only merges results, and answers no more; empty where it still has tasks."""
    merge = Workspace(layout).read_result(MERGER)
    is_merging = merge is not None and merge.status is TaskStatus.RUNNING
    return f"{NAMES[MERGER]}: it is done once the run is over" if is_merging else ""


def facts(reply: Reply) -> Facts:
    """Return an answer as JSON."""
    return {"message": reply.message, "task": reply.task, "status": reply.status}
