"""The task files of a plan: those that nobody wrote are made from the template, existing ones are used as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from orchestrator.core.plan import Task
from orchestrator.core.roster import Program, Roster
from orchestrator.core.settings import Settings
from orchestrator.core.umbrella import sources
from orchestrator.store.workspace import Workspace
from orchestrator.views.task_file import task_file


def write_missing_task_files(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    settings: Mapping[str, Settings],
    wanted: Iterable[str],
    roster: Roster,
) -> None:
    """Write the task file of each *wanted* task that has none, for the agent that will really do it.

    Raises:
        StoreError: one could not be written.
    """
    for task in map(tasks.__getitem__, wanted):
        if not workspace.has_task_file(task):
            text = task_file(
                task,
                settings[task.id],
                workspace.layout.templates,
                [tasks[need] for need in sources(task, tasks)],
                shell=roster[settings[task.id].agent].runs is Program.SHELL,
            )
            workspace.write_task_file(task.stem, text)
