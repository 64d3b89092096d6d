"""What is wrong with the words of a task, before anything is paid for: there are none, or they are no command."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.core.agent import AgentRegistry, Program
from orchestrator.core.plan import Task
from orchestrator.core.script import MARK, command_in, flaws, is_half_merged
from orchestrator.core.text import is_blank
from orchestrator.errors import AgentError, Problem
from orchestrator.plan.task_file import TaskFile

#: What a line begins with that opens a code block.
_BARS = ("```", "~~~")


def wordless(task: Task, found: TaskFile, file: str) -> Iterator[Problem]:
    """Yield that an agent would be paid for nothing."""
    if _is_row(task, found) and is_blank(task.description):
        message = f"task {task.id} does not say what is to be done"
        yield Problem(message, task.where, f"write it here, or into {file}", "no_text")


def no_command(
    task: Task, found: TaskFile, file: str, agent: str, registry: AgentRegistry
) -> Iterator[Problem]:
    """Yield that a task has nothing that its shell would run, as the launch would say."""
    if task.children or agent not in registry or registry[agent].runs is not Program.SHELL:
        return
    if _is_row(task, found):
        yield from flaws(task)
        return
    try:
        command_in(found.body, found.code, found.language)
    except AgentError as error:
        is_half = is_half_merged(found.code)
        begins, code = (MARK, "conflict") if is_half else (_BARS, "bad_command")
        lines = enumerate(found.body.splitlines(), found.begins)
        line = next((at for at, text in lines if text.lstrip().startswith(begins)), found.begins)
        yield Problem(error.message, f"{file}:{line}", error.hint, code)


def _is_row(task: Task, found: TaskFile) -> bool:
    """Whether a task is what its row says: a file that was made from the row adds nothing."""
    return not task.children and (bool(found.made) or is_blank(found.body))
