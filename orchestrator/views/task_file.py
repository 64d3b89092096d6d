"""``agent_tasks/agent-XX.md``: the assignment of a task that has no file yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.core.params import is_filled_from
from orchestrator.core.plan import Task
from orchestrator.core.script import command_of, script_of
from orchestrator.core.settings import Settings
from orchestrator.core.text import fence, sanitize
from orchestrator.views.templating import render

if TYPE_CHECKING:
    from orchestrator.core.draft import DraftTask

#: The name of its template.
TASK_FILE = "agent_task.md.j2"
#: What stands in it above what is to be done.
SECTION = "\n## Task Description\n"


def task_file(
    task: Task,
    settings: Settings,
    overrides: str | None,
    dependencies: Sequence[Task],
    *,
    shell: bool = False,
    draft: DraftTask | None = None,
) -> str:
    """Return the whole file. *dependencies* are the tasks whose results are its input.

    For a *shell* task the description is the command, so it stands in the file's first code block, which is what runs;
    the marks around it are no part of it.
    *draft* is what a planner said of the task beyond its row: inputs, acceptance, constraints, hints, and the command.

    Raises:
        PlanError: the description is no command; one that fits into a row always is.
    """
    language = draft.language if draft else "sh"
    if shell and draft is None:
        command, language = command_of(task)
        task = task._replace(description=command)
    return render(
        TASK_FILE,
        overrides,
        task=task,
        settings=settings,
        dependencies=dependencies,
        shell=shell,
        language=language,
        draft=draft,
    )


def says_what_row_says(given: str, task: Task) -> bool:
    """Say whether what was made from the row of a task asks for what the row asks for now.

    *given* is its file, or what an attempt got of it: a prompt, or the bare command. The whole of that section is
    compared, and nothing else: the settings, the tasks it needs and the words of the template may have changed since,
    and so may who does it, a shell or an agent.
    """
    text = task.description or task.name
    try:
        command = script_of(task.command or text).code
    except ValueError:
        command = ""  # an agent reads it
    asked = fence(command, "sh"), f"{sanitize(text)}\n\n## Expected Output"  # a fence ends itself
    is_command = bool(command) and (given.strip() == command.strip() or _is_filled_command(command, given))
    return is_command or any(is_filled_from(f"{SECTION}{each}\n", given) for each in asked)


def _is_filled_command(command: str, given: str) -> bool:
    # A plain word for each parameter: the same number of lines.
    is_same_size = len(command.strip().splitlines()) == len(given.strip().splitlines())
    return "{{" in command and is_same_size and is_filled_from(command.strip(), given)
