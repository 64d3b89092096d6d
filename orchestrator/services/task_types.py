"""What the type of a task asks of it: its parameters, capabilities of its agent, and files that must be there."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.core.agent import AgentRegistry, Program
from orchestrator.core.params import HINT_FOR_SHELL, not_for_a_shell
from orchestrator.core.plan import Plan, Task
from orchestrator.core.settings import IN_A_TASK, Settings
from orchestrator.core.task_type import TaskType, as_texts, similar_type
from orchestrator.core.text import is_blank, one_line
from orchestrator.errors import PlanError, Problem, UsageError
from orchestrator.plan.task_file import TaskFile
from orchestrator.services.agent_choice import Known
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents

_SHORT = {long: short for short, long in IN_A_TASK.items()}


def line_of(name: str, found: TaskFile, file: str, plan: Plan, *, row: str = "", kind: TaskType | None = None) -> str:
    """Say where a setting stands: in the task file, else in the row, its type or the plan. *file* ends with a colon."""
    for written in (name, _SHORT.get(name, name)):
        if written in found.lines:
            return f"{file}{found.lines[written]}"
    if kind is not None and name in kind.lines and kind.file:
        return f"{kind.file}:{kind.lines[name]}"
    return row or f"{plan.file}:{plan.lines.get(name, 1)}"


def with_params(
    task: Task, found: TaskFile, settings: Settings, where: str, registry: AgentRegistry, *, problems: list[Problem]
) -> Settings:
    """Return the settings with the parameters of a task as its type takes them; what is wrong is a problem."""
    if (kind := registry.type_of(task)) is not None:
        try:
            values = kind.read_params(settings.task_params)
        except ValueError as error:
            message, hint = f"task {task.id}: {error}", "write `params: {NAME: value}` into its task file"
            problems.append(Problem(message, where, hint, "bad_param"))
            return settings
        if values != settings.task_params:
            settings = settings._replace(task_params=values)
    if settings.task_params and settings.agent in registry and registry[settings.agent].runs is Program.SHELL:
        problems += _unfillable(task, found, settings.task_params, where)
    return settings


def not_able(task: Task, missing: Collection[str], where: str, registry: AgentRegistry) -> Iterator[Problem]:
    """Yield that no agent can do what a task requires; nothing where *missing* is empty."""
    if not missing:
        return
    there = sorted({skill for member in registry for skill in member.capabilities})
    known = f"there are {', '.join(there)}" if there else "no agent has any"
    hint = f"add it to `capabilities:` of an agent in agents/ ({known}), or name an agent"
    if len(missing) == 1:
        message = f"task {task.id} requires the capability {next(iter(missing))}, which no agent has"
    else:
        message = f"task {task.id} requires the capabilities {', '.join(missing)}, and no agent has all it requires"
    yield Problem(message, where, hint, "no_agent")


def _unfillable(task: Task, found: TaskFile, values: Mapping[str, Any], where: str) -> Iterator[Problem]:
    """Yield that a parameter cannot stand in the command of a task: as more than a word it may be any command."""
    text = found.code or (task.description or task.name if is_blank(found.body) else found.body)
    if wrong := not_for_a_shell(text, as_texts(values)):
        yield Problem(f"task {task.id}: {wrong}", where, HINT_FOR_SHELL, "bad_param")


def require_type(layout: Layout, plan: Plan, task: Task, own: Mapping[str, Any], agents: Agents) -> str:
    """Make sure that a task that is about to be written is one that a run takes; return what is odd about its type.

    *own*: the settings of its task file.

    Raises:
        UsageError: its type does not take its parameters, or no agent can do what it requires.
        PlanError, StoreError: the agents or types cannot be read.
    """
    if not (task.type or own.get("required_capabilities")):
        return ""
    registry = agents(layout)
    kind, known = registry.type_of(task), Known(registry, layout.workdir(""))
    if kind is not None:
        try:
            kind.read_params(own.get("task_params", {}))
        except ValueError as error:
            raise UsageError(f"--param: {error}", hint="`orchestrator task types` shows all types") from None
    key = known.key_of(task)
    own = {**({"agent": key} if key else {}), **own}
    missing = known.lacking(task, own, known.settle(plan.settings, own, {}, known.type_of(task)))
    for problem in not_able(task, missing, "", registry):
        raise UsageError(problem.message, hint=problem.hint)
    return odd_type(task, registry)


def odd_type(task: Task, registry: AgentRegistry) -> str:
    """Return that the type of a task is nearly one that a person wrote a file for; empty: it is not."""
    close = similar_type(task.type, registry.types) if task.type else ""
    where = registry.types[close.casefold()].where if close else ""
    return (
        f"the type of {task.id}, {one_line(task.type, 60)!r}, is only a label; did you mean {close} ({where})?"
        if close
        else ""
    )


def require_inputs(
    workspace: Workspace, plan: Plan, policies: Mapping[str, Settings], task_ids: Iterable[str], registry: AgentRegistry
) -> None:
    """Make sure that the input files of these tasks are there.

    Raises:
        PlanError: one is not; names where it is asked for.
        StoreError: a task file cannot be read.
    """
    problems = []
    for task in map(plan.tasks.__getitem__, task_ids):
        gone = [path for path in policies[task.id].input_files if not os.path.isfile(path)]
        if not gone or task.children:
            continue
        found = workspace.assignments.read(task) or TaskFile()
        file, kind = f"{workspace.assignments.shown(task)}:", registry.type_of(task)
        where = line_of("input_files", found, file, plan, kind=kind)
        hint = "it must be there when the run starts; paths count from the plan directory"
        problems += [
            Problem(f"task {task.id}: there is no input file {path}", where, hint, "no_input_file") for path in gone
        ]
    if problems:
        raise PlanError(problems)
