"""The task files of a plan: those that nobody wrote are made from the template, a person's are used as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.core.plan import Task
from orchestrator.core.roster import Program, Roster
from orchestrator.core.settings import Settings
from orchestrator.core.umbrella import sources
from orchestrator.store.workspace import Workspace
from orchestrator.views.task_file import task_file


def make_task_files(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    settings: Mapping[str, Settings],
    wanted: Iterable[str],
    roster: Roster,
) -> None:
    """Make the task file of each *wanted* task, for the agent that will really do it, unless it is a person's.

    Raises:
        PlanError: a file that is there makes no sense.
        StoreError: one could not be read or written.
    """
    for task in map(tasks.__getitem__, wanted):

        def draw(task: Task = task) -> str:
            return task_file(
                task,
                settings[task.id],
                workspace.layout.templates,
                [tasks[need] for need in sources(task, tasks)],
                shell=roster[settings[task.id].agent].runs is Program.SHELL,
            )

        workspace.assignments.make(task, draw)
