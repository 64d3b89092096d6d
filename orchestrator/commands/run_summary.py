"""A run in the foreground: what is printed while it goes on, and at its end."""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.commands.progress import progress
from orchestrator.commands.reply import json_text, say_error, talk, with_program, write
from orchestrator.core.cost import CAP_REACHED, cost_facts, total_cost
from orchestrator.core.result import Verdict
from orchestrator.core.snapshot import held
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import join_first, one_line
from orchestrator.errors import ExitStatus, OutputError
from orchestrator.runner.events import Kind
from orchestrator.runner.run import run
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.store.layout import display_path
from orchestrator.views.status import hold_advice
from orchestrator.views.terminal import ICONS

if TYPE_CHECKING:
    from orchestrator.core.plan import Task
    from orchestrator.runner.run import RunReport

#: Failures named at the end of a run at most.
_MOST = 10
#: What is said of tasks that no run does.
_LEFT = {TaskStatus.BLOCKED: "is blocked", TaskStatus.RUNNING: "is being done", TaskStatus.CANCELLED: "is cancelled"}


def keep_loaded() -> None:
    """Let what was loaded stay for the whole run: looking through it again and again would only take time."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    gc.enable()


def run_once(order: RunRequest, chosen: Plugins, *, as_json: bool) -> RunReport:
    """Run a plan, show what happens, and say its outcome; a report that cannot be printed is its failure, too.

    Raises:
        OrchestratorError: as ``run`` does.
    """
    with progress(as_json=as_json) as view:
        report = run(order, chosen, view.hear)
    try:
        _say_report(report, as_json=as_json)
    except BrokenPipeError:
        return report  # no one listens any more; the run is what counts, and its exit status says how it went
    except OutputError as error:
        say_error(error, as_json=False)
        if report.exit_status == ExitStatus.DONE:
            return report._replace(failure=error)
    return report


def _say_report(report: RunReport, *, as_json: bool) -> None:
    message = report.board.progress()
    if left := _left_to_people(report):
        message = f"{message}; {'; '.join(text for _, text in left[:_MOST])}"
    code = "ok"
    if report.failure is not None:
        code, message = report.failure.code, f"{message}; {report.failure}"
    elif report.signal:
        code, message = "stopped", f"{message}; stopped by signal {report.signal}"
    elif report.exit_status == ExitStatus.HELD:
        code, message = "held", f"{message}; {report.held_back}"
    elif report.exit_status == ExitStatus.TASK_FAILED:
        code = "tasks_failed"
    spent = total_cost(report.board.paid_for())
    if as_json:
        summary = {
            "event": "summary",
            "ok": report.exit_status == ExitStatus.DONE,
            "code": code,
            "message": message,
            "run": report.run,
            "launched": report.launched,
            "duration": round(report.duration, 3),
            "counts": report.board.shown_counts(),
            "final_output": report.final_output,
            "cost_usd": round(spent.known, 6),
            "unknown_costs": spent.unknown,
            "costs": cost_facts(spent),
            "conflicts": list(report.conflicts),
        }
        write(f"{json_text(summary)}\n", for_people=False)
        return
    if spent:
        talk(f"💰 {spent}")
    _say_conflicts(report)
    _say_failures(report)
    if report.final_output:
        write(f"{display_path(report.final_output)}\n")


def _say_conflicts(report: RunReport) -> None:
    for conflict in report.conflicts[:_MOST]:
        talk(f"⚠️ {one_line(conflict, limit=300)}")
    if (more := len(report.conflicts) - _MOST) > 0:
        talk(f"   … and {more} more: final_output.md lists them")


def _left_to_people(report: RunReport) -> list[tuple[TaskStatus, str]]:
    """Say which tasks wait for a user: blocked ones, those that a person or an outside agent has in hand, and those
    that were cancelled, for which a run ends with 1 as well.
    """
    board = report.board
    return [
        (status, f"{task_id} {word} {board.standing[task_id].reason}".strip())
        for status, word in _LEFT.items()
        for task_id in board.by_status().get(status, [])
    ]


def _left(report: RunReport) -> tuple[list[str], list[str]]:
    """Name the tasks whose turn never came, and those that waited for their next attempt (`on_failure: stop`).

    Where a run was ended or held back, its last words say so of them all.
    """
    board = report.board
    if report.signal or report.held_back or report.failure:
        return [], []
    idle: list[str] = []
    cut_off: list[str] = []
    for task_id in report.asked:
        is_left = board.status(task_id) in {TaskStatus.PENDING, TaskStatus.WAITING}
        if is_left and not board.plan.tasks[task_id].children:
            (cut_off if _has_failed(report, task_id) else idle).append(task_id)
    return idle, cut_off


def _is_left(report: RunReport) -> bool:
    """Say whether a run that was stopped has left something to the next one."""
    left = {report.board.status(task_id) for task_id in report.asked}
    return report.is_merge_left or not left.isdisjoint({TaskStatus.PENDING, TaskStatus.FAILED})


def _has_failed(report: RunReport, task_id: str) -> bool:
    """Say whether the newest attempt at a task that is not over was made in this run, and failed."""
    result = report.board.results.get(task_id)
    if result is None or result.last is None or result.status is not TaskStatus.PENDING:
        return False
    return (result.last.run, result.last.status) == (report.run, Verdict.FAILED.value)


def _say_failures(report: RunReport) -> None:
    board, layout = report.board, report.layout
    failed = [task for task in board.plan.tasks.values() if board.status(task.id) is TaskStatus.FAILED]
    for task in failed[:_MOST]:
        last = board.results[task.id].last
        path = last.log_path(task.stem) if last else ""
        log = f" · {display_path(f'{layout.root}/{path}')}" if path else ""
        log += " · its fallback stands in for it" if board.is_covered(task.id) else ""
        talk(f"❌ {task.id} {one_line(board.standing[task.id].reason, limit=100)}{log}")
    if len(failed) > _MOST:
        more = f"… and {len(failed) - _MOST} more: orchestrator list --status failed"
        talk(f"   {with_program(more)}")
    failed = [task for task in failed if not board.is_covered(task.id)]
    idle, cut_off = _left(report)
    if failed and idle:
        talk(f"{ICONS[TaskStatus.WAITING]} not started: {join_first(idle, _MOST)}")
    for task_id in cut_off[:_MOST]:
        why = board.results[task_id].reason
        talk(f"{ICONS[TaskStatus.RETRYING]} not tried again: {task_id} {one_line(why, limit=100)}")
    left = _left_to_people(report)
    for status, text in left[:_MOST]:
        talk(f"{ICONS[status]} {one_line(text, limit=100)}")
    if len(left) > _MOST:
        more = f"… and {len(left) - _MOST} more: orchestrator list --status blocked,running,cancelled"
        talk(f"   {with_program(more)}")
    if report.failure is not None:
        talk(f"error: {report.failure}")
        if report.failure.hint:
            talk(f"  hint: {with_program(report.failure.hint)}")
    elif failed or report.held_back or (report.signal and _is_left(report)):
        talk(f"  hint: {with_program(_hint(report, failed))}")


def _hint(report: RunReport, failed: Sequence[Task]) -> str:
    if report.used_up is Kind.RUN_UNAFFORDABLE:
        return (
            "raise budget_usd in the plan, and run it again; --raise-budget holds for one run. What is completed stays"
        )
    if report.used_up is Kind.RUN_OVERSPENT:
        return (
            "raise budget_usd in the task file, or task_budget_usd in the plan, and run it again; "
            "what is completed stays"
        )
    if (report.signal or report.held_back) and (lift := _lift(report)):
        return lift
    if report.signal or report.held_back:
        return "run it again to go on; what is completed stays"
    if all(CAP_REACHED in report.board.standing[task.id].reason for task in failed):
        return (
            "raise budget_usd in the plan, or in the task files (task_budget_usd: for every task), and run it again; "
            "what is completed stays"
        )
    return "mend what failed, then run it again: failed tasks are tried anew, what is completed stays"


def _lift(report: RunReport) -> str:
    """Say what opens an account; empty when none is held any more."""
    now = time.time()
    for hold in held(report.board.everything()):
        if hold.lasts(now):
            return hold_advice(hold)
    return ""
