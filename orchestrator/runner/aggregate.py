"""Write ``final_output.md``, now that nothing moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.agents.protocol import Agent
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import MERGER, MERGING, PlanSnapshot, as_merger
from orchestrator.core.status import TaskStatus
from orchestrator.errors import OrchestratorError, PlanError
from orchestrator.plan.safe_markdown import tagless, with_own_labels
from orchestrator.runner.auxiliary import Worker, put_off
from orchestrator.runner.events import Kind
from orchestrator.runner.launch import was_corrected
from orchestrator.services.assignments import CHANGED_ROW, done_for_another_row
from orchestrator.store.result_writer import results_time, write_final_output
from orchestrator.store.task_files import resolve_files
from orchestrator.store.workspace import Workspace, answers_shown
from orchestrator.views.final_output import final_output, merge_prompt

if TYPE_CHECKING:
    from orchestrator.runner.preview import RunPreview


# ── merge ────────
#
# ``aggregate: claude``: one more agent merges every answer into one.

#: Bytes of answers in the prompt, in all; what does not fit is read from the result files.
_CONTEXT = 512 * 1024


class Merged(NamedTuple):
    """The outcome of merging."""

    text: str = ""
    """The merged answer as safe markdown; empty when there is none."""
    note: str = ""
    """Why there is none."""
    is_left: bool = False
    """There is none yet, and the next run goes on with it."""
    ended_by: int = 0
    """The signal that ended it."""
    used_up: Kind | None = None
    """Whose budget did not let it go on, where it was one."""
    held_back: str = ""
    """The same in words; or which account it was."""


def merge(
    worker: Worker, board: PlanSnapshot, ahead: RunPreview, policies: Mapping[str, Settings], *, is_cut: bool
) -> Merged:
    """Merge the answers of everything that is completed, unless just these were merged before.

    What that cost is on the board from then on. Where it fails, the note says why: every answer is there all the same.

    Args:
        worker: What it is done with.
        board: Where everything stands.
        ahead: What the run set out to do.
        policies: The settings of its tasks, as they were in the end.
        is_cut: Whether it came to an end before its own: then nothing is paid for any more.
    """
    try:
        return _merge(worker, board, ahead, policies, is_cut=is_cut)
    except (OrchestratorError, ValueError) as error:
        # The second: a file that the settings name is gone.
        return Merged(note=f"Not merged: {error}")


def _merge(
    worker: Worker, board: PlanSnapshot, ahead: RunPreview, policies: Mapping[str, Settings], *, is_cut: bool
) -> Merged:
    asked, done = _answering(board)
    if len(done) < 2:
        return Merged(note="Not merged: there are not two answers to merge.")
    if text := _text_before(worker.workspace, worker.agents, board, policies):
        return Merged(text)
    if ahead.order.simulate:
        return Merged(note="Not merged: it was only simulated.")
    if is_cut:
        return Merged(note="Not merged: the run did not come to its own end.", is_left=True)
    missing = ", ".join(each for each in asked if each not in set(done))
    prompt = merge_prompt(board.plan, ahead.order.layout.templates, total=len(done), missing=missing)
    task = MERGING._replace(description=prompt, needs=tuple(done))
    how = resolve_files(as_merger(ahead.settings), worker.workspace.layout.root)
    how = how._replace(context_limit=max(ahead.settings.context_limit, _CONTEXT))
    result, runner = worker.do(task, how, board)
    if result is not None:
        board.beside = [*(each for each in board.beside if each.task != MERGER), result]
    if result is not None and result.status is TaskStatus.COMPLETED:
        return Merged(_shown(worker.workspace), ended_by=runner.ended_by)
    why = runner.held_back or (result.reason if result else str(put_off(runner)))
    return Merged(
        note=f"Not merged, the structured output follows: {why}",
        is_left=bool(runner.ended_by or runner.held_back),
        ended_by=runner.ended_by,
        used_up=runner.used_up,
        held_back=runner.held_back,
    )


def merged_before(
    workspace: Workspace, agents: Mapping[str, Agent], board: PlanSnapshot, policies: Mapping[str, Settings]
) -> Merged:
    """Return the merged answer that is there, if it was made from just these attempts and no person corrected one
    since; else nothing.
    """
    try:
        return Merged(_text_before(workspace, agents, board, policies))
    except OrchestratorError as error:
        return Merged(note=f"Without what was merged before: {error}")


def _text_before(
    workspace: Workspace, agents: Mapping[str, Agent], board: PlanSnapshot, policies: Mapping[str, Settings]
) -> str:
    before = workspace.read_result(MERGER)
    if before is None or before.task != MERGER or before.last is None:
        return ""
    made_from = {task_id: board.results[task_id].number for task_id in _answering(board)[1]}
    if before.status is not TaskStatus.COMPLETED or before.inputs != made_from:
        return ""
    is_corrected = any(
        was_corrected(
            workspace, board.plan.tasks[task_id], number, agents, policies[task_id], since=before.last.started
        )
        for task_id, number in made_from.items()
    )
    return "" if is_corrected else _shown(workspace)


def _answering(board: PlanSnapshot) -> tuple[list[str], list[str]]:
    """Return the tasks whose answers are to be merged, and those of them that are completed."""
    asked = [each for each in board.shape.order if not board.plan.tasks[each].children]
    return asked, [each for each in asked if board.status(each) is TaskStatus.COMPLETED]


def _shown(workspace: Workspace) -> str:
    return with_own_labels(workspace.read_shown_answer(MERGER), MERGER)


def aggregate(
    workspace: Workspace,
    board: PlanSnapshot,
    settings: Settings,
    *,
    started: float,
    ended: float,
    merged: Merged,
    asked: Iterable[str],
    held_back: str,
    outdated: Sequence[str],
    conflicts: Sequence[str],
    warn: Callable[[str], None],
) -> None:
    """Put the answers of all completed tasks together.

    Args:
        workspace: The plan directory.
        board: Where everything stands.
        settings: Those of the plan: how answers are put together, and what all of it may cost.
        started: When the run began, in seconds since the epoch.
        ended: When it was over.
        merged: What an agent made of all answers, or why it did not.
        asked: Tasks the run was to complete.
        held_back: Why tasks were not started although nothing they need is missing.
        outdated: Tasks that had been done for another row when the run began.
        conflicts: What is known of files that tasks changed at the same time.
        warn: Called when the person's template turns out to be broken: then ours takes its place.

    Raises:
        StoreError: an answer could not be read, or the file not be written.
    """
    timestamp = results_time(workspace.layout)
    tasks = board.plan.tasks.values()
    still = _still_outdated(workspace, board, outdated)
    notes = (held_back, _why_left(board, settings, asked), merged.note)
    changed = (f"{task_id}: {CHANGED_ROW}" for task_id in still)
    done = [task for task in tasks if board.status(task.id) is TaskStatus.COMPLETED]
    draw = partial(
        final_output,
        board,
        answers=answers_shown(workspace, done),
        safe=tagless,
        started=started,
        ended=ended,
        strategy=settings.aggregate,
        budget=settings.budget_usd,
        merged=merged.text,
        conflicts=conflicts,
        note=" · ".join(filter(None, (*notes, *changed))),
    )
    try:
        text = draw(overrides=workspace.layout.templates)
    except PlanError as error:
        # It could draw the plan as it was thought to end. What was answered is there, and is to be read.
        warn(f"{error}; final_output.md is drawn with the built-in template until that is corrected")
        text = draw()
    write_final_output(workspace.layout, text, timestamp)


def _why_left(board: PlanSnapshot, settings: Settings, asked: Iterable[str]) -> str:
    left = {board.status(task_id) for task_id in board.standing.keys() & asked}
    is_stopped = settings.on_failure == "stop" and {TaskStatus.FAILED, TaskStatus.PENDING} <= left
    return "a task failed, and `on_failure: stop` starts nothing more" if is_stopped else ""


def _still_outdated(workspace: Workspace, board: PlanSnapshot, outdated: Sequence[str]) -> Sequence[str]:
    """Return what is still done for another row; where no one can tell, what was so when the run began."""
    kept = [task_id for task_id in outdated if task_id in board.plan.tasks]
    try:
        return list(done_for_another_row(workspace, board, kept))
    except OrchestratorError:
        return kept  # a remark is no reason to put nothing together
