"""``agent_tasks/agent-XX.md``: the assignment of a task that has no file yet (seed rows S2-21, S2-56 to S2-60)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.core.plan import Task
from orchestrator.core.settings import Settings
from orchestrator.core.text import without_backticks
from orchestrator.views.templating import render

if TYPE_CHECKING:
    from orchestrator.core.draft import DraftTask

#: The name of its template.
TASK_FILE = "agent_task.md.j2"


def task_file(
    task: Task,
    settings: Settings,
    overrides: str | None,
    dependencies: Sequence[Task],
    *,
    shell: bool = False,
    draft: DraftTask | None = None,
) -> str:
    """Return the whole file. *dependencies* are the tasks whose results are its input (S2-72).

    For a *shell* task the description is the command, so it stands in the file's first code block, which is what runs;
    backticks around the whole of it are no part of it.
    *draft* is what a planner said of the task beyond its row: inputs, acceptance, constraints, hints, and the command.
    """
    if shell and draft is None:
        task = task._replace(description=without_backticks(task.description or task.name))
    return render(
        TASK_FILE,
        overrides,
        task=task,
        settings=settings,
        dependencies=dependencies,
        shell=shell,
        draft=draft,
    )
