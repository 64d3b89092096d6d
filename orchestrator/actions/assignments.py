"""The task files of a plan: those that nobody wrote are made from the template, a person's are used as they are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from orchestrator.core.board import SIMULATED, Board
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt
from orchestrator.core.roster import Program, Roster
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.core.umbrella import sources
from orchestrator.errors import UnfitError
from orchestrator.store.atomic import read_file
from orchestrator.store.lines import LARGEST_TEXT
from orchestrator.store.workspace import Workspace


def done_otherwise(
    workspace: Workspace, board: Board, meant: Mapping[str, Settings], asked: Iterable[str]
) -> Iterator[tuple[str, str]]:
    """Yield the tasks among *asked* that were simulated as it was asked for and no longer is (*meant*), or whose rows
    say something else (decision 20): each with what is to be read before "when it was done".

    What rows say counts for nothing beside a task file that a person wrote, or that comes from a person's template.

    Raises:
        PlanError: one makes no sense.
        StoreError: one could not be read.
    """
    candidates = list(asked)
    if not candidates:
        return
    from orchestrator.views.task_file import says_what_row_says

    has_template = _has_template(workspace)
    for task_id in candidates:
        task, result = board.plan.tasks[task_id], board.results.get(task_id)
        last = result.last if result is not None else None
        if board.status(task_id) is not TaskStatus.COMPLETED or last is None or last.is_by_hand:
            continue
        if last.is_only_simulated is False and meant[task_id].agent != SIMULATED:
            yield task_id, "it was to be simulated"
            continue
        found = None if has_template else workspace.assignments.read(task)
        if found is None or not found.made:
            continue
        if not says_what_row_says(_given(workspace, task, last) or found.body, task):
            yield task_id, "its row says something else than"


def _given(workspace: Workspace, task: Task, attempt: Attempt) -> str:
    """Return what an attempt was given, where the file of its task was made again since; else nothing.

    Nothing also where that is gone, and of a session that was gone on with: it was told by an earlier attempt.
    """
    if not workspace.assignments.is_newer(task, attempt.started):
        return ""
    from orchestrator.views.task_file import SECTION

    files = workspace.layout.attempt(task.stem, attempt.number)
    try:
        script, prompt = read_file(files.script, LARGEST_TEXT), read_file(files.stdin, LARGEST_TEXT)
    except UnfitError:
        return ""
    text = (script or prompt or b"").decode(errors="replace")
    return text if script or SECTION in text else ""


def make_task_files(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    settings: Mapping[str, Settings],
    wanted: Iterable[str],
    roster: Roster,
) -> None:
    """Make the task file of each *wanted* task, for the agent that will really do it, unless it is a person's.

    Raises:
        PlanError: a file that is there makes no sense, or the template for those that are not.
        StoreError: one could not be read or written.
    """
    for task, draw in _to_be_drawn(workspace, tasks, settings, wanted, roster):
        workspace.assignments.make(task, draw)


def check_task_files(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    settings: Mapping[str, Settings],
    wanted: Iterable[str],
    roster: Roster,
) -> None:
    """Make sure that the task files could be made; nothing is written. Our own template never fails.

    Raises:
        PlanError: the person's template is broken.
    """
    if _has_template(workspace):
        for _, draw in _to_be_drawn(workspace, tasks, settings, wanted, roster):
            draw()


def _has_template(workspace: Workspace) -> bool:
    from orchestrator.views.task_file import TASK_FILE  # most runs are of plans that were never run

    return os.path.lexists(os.path.join(workspace.layout.templates, TASK_FILE))


def _to_be_drawn(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    settings: Mapping[str, Settings],
    wanted: Iterable[str],
    roster: Roster,
) -> Iterator[tuple[Task, Callable[[], str]]]:
    existing = workspace.assignments.existing()
    for task in map(tasks.__getitem__, wanted):
        if task.stem in existing and workspace.assignments.is_of_a_person(task):
            continue  # its settings were read a moment ago; of a thousand files each look counts

        def draw(task: Task = task) -> str:
            # Not at the top: most big plans come with their files.
            from orchestrator.views.task_file import task_file

            return task_file(
                task,
                settings[task.id],
                workspace.layout.templates,
                [tasks[need] for need in sources(task, tasks)],
                shell=roster[settings[task.id].agent].runs is Program.SHELL,
            )

        yield task, draw
