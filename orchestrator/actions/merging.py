"""``aggregate: claude``: one more agent merges every answer into one (seed row S2-81U)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.actions.worker import Worker, put_off
from orchestrator.core.beside import MERGER, MERGING, as_merger
from orchestrator.core.board import Board
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.runtime.as_answered import was_corrected
from orchestrator.runtime.happening import Kind
from orchestrator.store.link_labels import with_own_labels
from orchestrator.store.references import resolve_files
from orchestrator.views.merger_prompt import merge_prompt

if TYPE_CHECKING:
    from orchestrator.actions.prospect import Prospect

#: Bytes of answers in the prompt, in all; what does not fit is read from the result files.
_CONTEXT = 512 * 1024


class Merged(NamedTuple):
    """What came of merging."""

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


def merge(worker: Worker, board: Board, ahead: Prospect, *, is_cut: bool) -> Merged:
    """Merge the answers of everything that is completed, unless just these were merged before.

    What that cost is on the board from then on.

    Args:
        worker: What it is done with.
        board: Where everything stands.
        ahead: What the run set out to do.
        is_cut: Whether it came to an end before its own: then nothing is paid for any more.

    Raises:
        ValueError: a file that the settings name is missing.
        StoreError, AgentError: as their names say.
    """
    tasks = board.plan.tasks
    wanted = [each for each in board.shape.order if not tasks[each].children]
    done = [each for each in wanted if board.status(each) is TaskStatus.COMPLETED]
    if len(done) < 2:
        return Merged(note="Not merged: there are not two answers to merge.")
    if _is_merged(worker, board, ahead.policies, done):
        return Merged(_shown(worker))
    if ahead.order.simulate:
        return Merged(note="Not merged: it was only simulated.")
    if is_cut:
        return Merged(note="Not merged: the run did not come to its own end.", is_left=True)
    missing = ", ".join(each for each in wanted if each not in set(done))
    prompt = merge_prompt(
        board.plan, ahead.order.layout.templates, total=len(done), missing=missing
    )
    task = MERGING._replace(description=prompt, needs=tuple(done))
    how = resolve_files(as_merger(ahead.settings), worker.workspace.layout.root)
    how = how._replace(context_limit=max(ahead.settings.context_limit, _CONTEXT))
    result, runner = worker.do(task, how, board)
    if result is not None:
        board.beside = [*(each for each in board.beside if each.task != MERGER), result]
    if result is not None and result.status is TaskStatus.COMPLETED:
        return Merged(_shown(worker), ended_by=runner.ended_by)
    why = runner.held_back or (result.reason if result else str(put_off(runner)))
    return Merged(
        note=f"Not merged, the structured output follows: {why}",
        is_left=bool(runner.ended_by or runner.held_back),
        ended_by=runner.ended_by,
        used_up=runner.used_up,
        held_back=runner.held_back,
    )


def _is_merged(
    worker: Worker, board: Board, policies: Mapping[str, Settings], done: Sequence[str]
) -> bool:
    """Say whether the merged answer that is there was made from these attempts, and no person corrected one since."""
    before = worker.workspace.read_result(MERGER)
    if before is None or before.task != MERGER or before.last is None:
        return False
    made_from = {task_id: board.results[task_id].number for task_id in done}
    if before.status is not TaskStatus.COMPLETED or before.inputs != made_from:
        return False
    return not any(
        was_corrected(
            worker.workspace,
            board.plan.tasks[task_id],
            number,
            worker.agents,
            policies[task_id],
            since=before.last.started,
        )
        for task_id, number in made_from.items()
    )


def _shown(worker: Worker) -> str:
    return with_own_labels(worker.workspace.read_shown_answer(MERGER), MERGER)
