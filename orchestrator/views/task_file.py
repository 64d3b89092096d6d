"""``agent_tasks/agent-XX.md``: the assignment of a task that has no file yet (seed rows S2-21, S2-56 to S2-60)."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.plan import Task
from orchestrator.core.settings import Settings
from orchestrator.views.templating import render


def task_file(
    task: Task,
    settings: Settings,
    overrides: str | None,
    dependencies: Sequence[Task],
    *,
    shell: bool = False,
) -> str:
    """Return the whole file. *dependencies* are the tasks it needs; their results are its input.

    For a *shell* task the description is the command, so it stands in the file's first code block, which is what runs.
    """
    return render(
        "agent_task.md.j2",
        overrides,
        task=task,
        settings=settings,
        dependencies=dependencies,
        shell=shell,
    )
