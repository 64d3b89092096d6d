"""What a plan would do that is not written yet: who does each task, and which commands run."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.core.plan import Task
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.plan.task_file import TaskFile, parse_task_file
from orchestrator.planner.plan import Drawn
from orchestrator.services.agent_choice import Known


def agents_of(drawn: Drawn, known: Known) -> Mapping[str, str]:
    """Return the agent of each task, as ``run`` will choose it: its row, its file and the plan may name one."""
    return {
        task.id: _agent(task, _file(drawn, task), drawn, known)
        for task in drawn.board.plan.tasks.values()
    }


def commands(drawn: Drawn, known: Known) -> list[Problem]:
    """Return a warning for each task that runs a command."""
    found = []
    for task in drawn.board.plan.tasks.values():
        file = _file(drawn, task)
        if _agent(task, file, drawn, known) in known.shells and not task.children:
            shown = one_line(file.code or file.body or task.description or task.name, 80)
            hint = "commands run without asking: read this one before the plan is run"
            found.append(Problem(f"it runs a command: {shown}", task.id, hint, "shell_command"))
    return found


def _agent(task: Task, file: TaskFile, drawn: Drawn, known: Known) -> str:
    key = known.key_of(task)
    own = {**({"agent": key} if key else {}), **file.settings}
    found = known.settle(drawn.board.plan.settings, own, {}, known.type_of(task))
    return found.subagent or found.agent


def _file(drawn: Drawn, task: Task) -> TaskFile:
    return parse_task_file(drawn.task_files.get(task.stem, "").encode(), "")
