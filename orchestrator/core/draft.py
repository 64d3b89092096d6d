"""What a planner proposes: a request taken apart into tasks, before there is a plan.

Anyone who plans (an agent, an outline, a template) ends here, and from here on everything is the same: it is checked
(``draft_check``), looked over (``draft_lint``) and drawn as ``master_plan.md`` and task files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from orchestrator.core.plan import Task, stem
from orchestrator.core.priority import NORMAL

#: Settings that a draft may give a task. None of them lets an agent do more than the plan allows.
DRAFT_SETTINGS = ("timeout", "retries", "required_capabilities", "concurrency", "task_pools")


class Need(NamedTuple):
    """A dependency on another task, and what it is for: one of ``core.plan.KINDS``."""

    id: str
    kind: str = "data"


class TaskInput(NamedTuple):
    """One thing a task works from: a row of its Input table."""

    name: str
    value: str
    type: str = "string"
    source: str = "Request"


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftTask:
    """One proposed task."""

    id: str
    name: str
    description: str
    needs: tuple[Need, ...] = ()
    inputs: tuple[TaskInput, ...] = ()
    expected: str = ""
    """What the answer or the files look like when it is done."""
    acceptance: tuple[str, ...] = ()
    """How another user can tell that it is done."""
    constraints: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    agent: str = ""
    """Key of the agent; empty: the default one."""
    command: str = ""
    """What its agent runs: only one that runs commands has any."""
    language: str = "sh"
    """What the command is written in."""
    type: str = ""
    """Kind of work, for people: research, analysis, implementation, …"""
    estimate: float | None = None
    """Seconds."""
    priority: int = NORMAL
    writes: tuple[str, ...] = ()
    """Paths it writes, relative to where agents work; a directory and a pattern mean everything they may."""
    parent: str = ""
    """The umbrella it stands under: another task of the draft, which is never launched itself."""
    condition: str = ""
    """When it runs, in the language of ``core/condition.py``; empty: always."""
    run_if: str = ""
    """Its trigger rule; empty: when all that it needs is completed."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """For the front matter of its task file; ``DRAFT_SETTINGS`` says which there may be."""

    @property
    def row(self) -> Task:
        """The task as its row of the plan says it; the rest stands in its task file."""
        own = stem(self.id)
        return Task(
            id=self.id,
            name=self.name,
            description=self.description,
            needs=tuple(need.id for need in self.needs),
            # A label per task means the default agent.
            agent=self.agent or ("" if own == self.id else own.capitalize()),
            priority=self.priority,
            estimate=self.estimate,
            expected=self.expected,
            parent=self.parent,
            condition=self.condition,
            run_if=self.run_if,
            need_kinds=tuple((need.id, need.kind) for need in self.needs if need.kind != "data"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A whole proposal."""

    tasks: tuple[DraftTask, ...]
    title: str = ""
    request: str = ""
    goal: str = ""
    """The primary goal: what is there in the end."""
    goals: tuple[str, ...] = ()
    """Secondary goals."""
    success: tuple[str, ...] = ()
    """How to tell that the goal is reached."""
    has_types: bool = False
    """Whether the rows say the types of the tasks, which may decide who does them. Otherwise a type is a word for
    people in the task file."""

    def rows(self) -> Mapping[str, Task]:
        """The graph, as the plan's table will say it."""
        rows = {task.id: task.row for task in self.tasks}
        if not self.has_types:
            return rows
        return {task.id: rows[task.id]._replace(type=task.type) for task in self.tasks}

    @property
    def groups(self) -> frozenset[str]:
        """The tasks that others stand under."""
        return frozenset(task.parent for task in self.tasks if task.parent)

    def with_need(self, task_id: str, need: Need) -> Draft:
        """Return the draft with one dependency more."""
        return replace(
            self,
            tasks=tuple(
                replace(task, needs=(*task.needs, need)) if task.id == task_id else task for task in self.tasks
            ),
        )
