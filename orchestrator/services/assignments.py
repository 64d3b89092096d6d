"""The task files of a plan: those that no one wrote are made from the template, a person's are used as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from orchestrator.core.agent import AgentRegistry, Program
from orchestrator.core.plan import Task, sources
from orchestrator.core.result import Attempt
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.errors import NotAFileError
from orchestrator.plan.lines import LARGEST_TEXT
from orchestrator.services.run_request import asked_for
from orchestrator.services.task_types import require_inputs
from orchestrator.store.atomic import read_file
from orchestrator.store.workspace import Workspace
from orchestrator.views.task_file import SECTION, TASK_FILE, says_what_row_says, task_file

if TYPE_CHECKING:
    from orchestrator.runner.preview import RunPreview

#: What is said of a task that was done for another row.
CHANGED_ROW = "its row says something else than when it was done"


def changed_rows(ahead: RunPreview, most: int) -> list[str]:
    """Return tasks that a run is asked for and does not do again although their rows say something else now.

    Raises:
        PlanError: a task file is invalid.
        StoreError: one could not be read.
    """
    to_run = frozenset(ahead.to_run)
    kept = [each for each in asked_for(ahead.order, ahead.board) if each not in to_run]
    return list(islice(done_for_another_row(ahead.workspace, ahead.board, kept), most))


def done_for_another_row(workspace: Workspace, board: PlanSnapshot, asked: Iterable[str]) -> Iterator[str]:
    """Yield the tasks among *asked* whose rows say something else than when they were done (decision 20).

    What is to be done, that is, which it is unknown of a task file that a person wrote, or that comes from a person's
    template; or what it is made from: a dependency that was added counts once the task is done again.

    Raises:
        PlanError: one is invalid.
        StoreError: one could not be read.
    """
    candidates = list(asked)
    if not candidates:
        return
    has_template = _has_template(workspace)
    for task_id in candidates:
        task, result = board.plan.tasks[task_id], board.results.get(task_id)
        if board.status(task_id) is not TaskStatus.COMPLETED or result is None:
            continue
        if result.last is None or result.is_manual:
            continue
        made_from = {need for need in sources(task, board.plan.tasks) if board.status(need) is TaskStatus.COMPLETED}
        is_fed = result.inputs.keys() >= made_from
        if not is_fed or not (has_template or _says_the_same(workspace, task, result.last)):
            yield task_id


def _says_the_same(workspace: Workspace, task: Task, last: Attempt) -> bool:
    found = workspace.assignments.read(task)
    if found is None or not found.made:
        return True
    return says_what_row_says(_given(workspace, task, last) or found.body, task)


def _given(workspace: Workspace, task: Task, attempt: Attempt) -> str:
    """Return what an attempt was given, where the file of its task was made again since; else nothing.

    Nothing also where that is gone, and of a session that was gone on with: an earlier attempt was given it.
    """
    if not workspace.assignments.is_newer(task, attempt.started):
        return ""

    files = workspace.layout.attempt(task.stem, attempt.number)
    try:
        script, prompt = read_file(files.script, LARGEST_TEXT), read_file(files.stdin, LARGEST_TEXT)
    except NotAFileError:
        return ""
    text = (script or prompt or b"").decode(errors="replace")
    return text if script or SECTION in text else ""


def make_task_files(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    settings: Mapping[str, Settings],
    task_ids: Iterable[str],
    registry: AgentRegistry,
) -> None:
    """Make the task file of each of *task_ids*, for the agent that will really do it, unless it is a person's.

    Raises:
        PlanError: a file that is there is invalid, or the template for those that are not.
        StoreError: one could not be read or written.
    """
    for task, draw in _to_be_drawn(workspace, tasks, settings, task_ids, registry):
        workspace.assignments.make(task, draw)


def require_files(ahead: RunPreview, task_ids: Iterable[str]) -> None:
    """Make sure that the task files of *task_ids* and the final output could be made, and that no input is missing.

    Nothing is written.

    Raises:
        PlanError: a template of the person's is broken, an input file is not there, or as ``require_final_output``.
        StoreError: as there.
    """
    workspace, tasks = ahead.workspace, ahead.board.plan.tasks
    to_run = set(ahead.to_run).intersection(task_ids := list(task_ids))
    require_inputs(workspace, ahead.board.plan, ahead.policies, sorted(to_run), ahead.registry)
    if _has_template(workspace):  # our own never fails
        for _, draw in _to_be_drawn(workspace, tasks, ahead.meant, task_ids, ahead.registry):
            draw()
    ahead.require_final_output()


def _has_template(workspace: Workspace) -> bool:
    return os.path.lexists(os.path.join(workspace.layout.templates, TASK_FILE))


def _to_be_drawn(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    settings: Mapping[str, Settings],
    task_ids: Iterable[str],
    registry: AgentRegistry,
) -> Iterator[tuple[Task, Callable[[], str]]]:
    existing = workspace.assignments.existing()
    for task in map(tasks.__getitem__, task_ids):
        if task.is_batch:
            continue  # its tasks have files of their own
        if workspace.assignments.has_file(task, existing) and workspace.assignments.is_of_a_person(task):
            continue  # its settings were read a moment ago; of a thousand files each look counts

        def draw(task: Task = task) -> str:
            # Not at the top: most big plans come with their files.

            return task_file(
                task,
                settings[task.id],
                workspace.layout.templates,
                [tasks[need] for need in sources(task, tasks)],
                shell=registry[settings[task.id].agent].runs is Program.SHELL,
            )

        yield task, draw
