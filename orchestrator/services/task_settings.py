"""With which settings each task of a plan is done; whatever is wrong with them is found in one look."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, cast

from orchestrator.core.agent import AgentRegistry, Program
from orchestrator.core.ids import suggestion
from orchestrator.core.json_schema import flaw
from orchestrator.core.plan import Plan, Task
from orchestrator.core.script import MARK, command_in, flaws, is_half_merged
from orchestrator.core.settings import Settings, read_setting
from orchestrator.core.snapshot import SIMULATED, simulated
from orchestrator.core.text import is_blank
from orchestrator.errors import AgentError, NotFoundError, OrchestratorError, PlanError, Problem, UsageError
from orchestrator.plan.task_file import TaskFile
from orchestrator.services.agent_choice import Known
from orchestrator.services.run_request import RunRequest
from orchestrator.services.task_types import line_of, not_able, with_params
from orchestrator.store.layout import Layout
from orchestrator.store.machine import free_memory
from orchestrator.store.task_files import resolve_files
from orchestrator.store.workspace import Workspace

# ── wording ────────
#
# What is wrong with the words of a task, before anything is paid for: there are none, or they are no command.

#: What a line begins with that opens a code block.
_BARS = ("```", "~~~")


def wordless(task: Task, found: TaskFile, file: str) -> Iterator[Problem]:
    """Yield that an agent would be paid for nothing."""
    if _is_row(task, found) and is_blank(task.description):
        message = f"task {task.id} does not say what is to be done"
        yield Problem(message, task.where, f"write it here, or into {file}", "no_text")


def no_command(task: Task, found: TaskFile, file: str, agent: str, registry: AgentRegistry) -> Iterator[Problem]:
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


#: Agents named to a user who asks for one that there is not.
_NAMED = 12


def both_settings(
    workspace: Workspace, plan: Plan, order: RunRequest, registry: AgentRegistry
) -> tuple[Mapping[str, Settings], Mapping[str, Settings]]:
    """Return the settings of every task, and those that are meant, as in ``RunPreview``; mostly they are the same.

    Raises:
        As ``task_settings``.
    """
    policies = meant = task_settings(workspace, plan, registry, order.flags)
    if order.flags.get("agent") == SIMULATED:
        flags = {name: value for name, value in order.flags.items() if name != "agent"}
        meant = task_settings(workspace, plan, registry, flags)
    return simulated(meant) if order.simulate else policies, meant


def task_settings(
    workspace: Workspace, plan: Plan, registry: AgentRegistry, given: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Settings]:
    """Resolve the settings of every task, as ``Known.settle``.

    Args:
        workspace: Where their task files are read.
        plan: The plan, or those of its tasks that are asked about.
        registry: Who there is to do them.
        given: Flags of ``run``; ``agent`` is only the default among them.

    Raises:
        PlanError: a task file is invalid, asks for an unknown agent, or names a file that is not there.
        UsageError: a flag does.
    """
    flags = dict(given)
    default_agent = {"agent": flags.pop("agent")} if "agent" in flags else {}
    common = {**plan.settings, **default_agent}
    known = Known(registry, work_directory(workspace.layout, plan, flags))
    if common.get("agent", "claude") not in known:
        raise _unknown_default(plan, default_agent, common["agent"], known.names)
    existing = workspace.assignments.existing()
    problems = [_misspelt(task, close) for task, close in known.misspelt(plan.tasks.values())]
    problems += workspace.assignments.misnamed(plan.tasks.values(), existing)
    policies: dict[str, Settings] = {}
    shared: dict[tuple[str, str], Settings] = {}
    pools = plan.settings.get("pools", {})
    for task in plan.tasks.values():
        key = known.key_of(task)
        row = {name: read_setting(name, text) for name, text in task.settings} | ({"agent": key} if key else {})
        type_key, kind = known.type_of(task), registry.type_of(task)
        has_file = workspace.assignments.has_file(task, existing)
        try:
            found = (workspace.assignments.read(task) if has_file else None) or TaskFile()
        except PlanError as error:
            problems += error.problems
            continue
        problems += wordless(task, found, shown := workspace.assignments.shown(task))
        # Most tasks of a big plan share their settings; one object serves them all.
        resolved = None if found.settings or task.settings else shared.get((key, type_key))
        if resolved is None:
            where = f"{shown}:" if has_file else task.where
            own = {**row, **found.settings}
            asked = known.settle(common, own, flags, type_key)
            try:
                resolved = _with_files(asked, workspace.layout.root)
            except ValueError as error:
                name = str(error).partition(":")[0]
                problems.append(_bad_setting(str(error), line_of(name, found, where, plan, kind=kind)))
                continue
            at = partial(line_of, found=found, file=where, plan=plan, kind=kind)
            if resolved.agent not in registry:
                asks = f"task {task.id} asks for the agent {asked.agent!r}"
                problems.append(_unknown_agent(asks, at("agent", row=task.where), known.names))
            elif not task.children:  # no agent works on a group
                problems += not_able(task, known.lacking(task, own, resolved), at("required_capabilities"), registry)
                line = at("task_params", row=task.where)
                resolved = with_params(task, found, resolved, line, registry, problems=problems)
            if not (found.settings or task.settings or resolved.task_params or task.children):
                shared[key, type_key] = resolved
            unknown = [name for name in resolved.task_pools if name not in pools]
            problems += [_unknown_pool(task, name, at("task_pools", row=task.where), pools) for name in unknown]
        problems += no_command(task, found, shown, resolved.agent, registry)
        policies[task.id] = resolved
    if problems:
        # What is wrong with the front matter of the plan is wrong for every task, and is said once.
        raise PlanError(list(dict.fromkeys(problems)))
    return policies


def unknown_agents(layout: Layout, registry: AgentRegistry) -> list[Problem]:
    """Return what is wrong with a plan because it asks for agents that there are not; nothing where it has no plan.

    Raises:
        StoreError: a file cannot be read.
    """
    workspace = Workspace(layout)
    try:
        task_settings(workspace, workspace.load_plan()[0], registry)
    except PlanError as error:
        return [problem for problem in error.problems if problem.code == "unknown_agent"]
    except NotFoundError:
        pass
    return []


def work_directory(layout: Layout, plan: Plan, flags: Mapping[str, Any]) -> str:
    """Return where agents work: it is there before any of them, so none of them can make it."""
    found = layout.workdir(str({**plan.settings, **flags}.get("workdir", "")))
    if os.path.isdir(found):
        return found
    message = f"workdir: there is no directory {found}"
    if "workdir" in flags:
        raise UsageError(f"--{message}", hint="make it, or name another one")
    where = f"{plan.file}:{plan.lines.get('workdir', 1)}"
    raise PlanError([_bad_setting(message, where)])


def _with_files(settings: Settings, root: str) -> Settings:
    """Return the settings with their files, as ``resolve_files``; a schema must be one that can be asked for."""
    resolved = resolve_files(settings, root)
    if resolved.memory and free_memory() is None:
        raise ValueError("memory: this system does not say how much of it is free")
    if resolved.schema and (wrong := flaw(cast("Mapping[str, Any]", resolved.schema))):
        raise ValueError(f"schema: {wrong}")
    return resolved


def _misspelt(task: Task, close: str) -> Problem:
    return Problem(
        f"task {task.id} is assigned to {task.role!r}, which looks like the agent {close!r} misspelt",
        task.where,
        f"write {close}; or, if another name is meant, a name that is further from it",
        "unknown_agent",
    )


def _bad_setting(message: str, where: str) -> Problem:
    is_missing = ": there is no " in message
    hint = "paths count from the plan directory" if is_missing else "correct or remove it"
    return Problem(message, where, hint, "bad_setting")


def _unknown_pool(task: Task, name: str, where: str, pools: Mapping[str, Any]) -> Problem:
    hint = suggestion(name, pools, f"write its size into the front matter of the plan: `pools: {{{name}: 1}}`")
    return Problem(
        f"task {task.id} asks for the pool {name}, which the plan does not have", where, hint, "unknown_pool"
    )


def _unknown_default(plan: Plan, flag: Mapping[str, Any], key: str, known: Sequence[str]) -> OrchestratorError:
    if flag:
        return UsageError(f"--agent: there is no agent {key!r}", hint=f"known are {', '.join(known)}")
    where = f"{plan.file}:{plan.lines.get('agent', 1)}"
    return PlanError([_unknown_agent(f"the plan asks for the agent {key!r}", where, known)])


def _unknown_agent(asks: str, where: str, known: Sequence[str]) -> Problem:
    listed = ", ".join([*known[:_NAMED], *(["…"] if len(known) > _NAMED else [])])
    return Problem(
        f"{asks}, which is not known",
        where,
        f"known are {listed}; a label such as Agent-01 or an empty cell means the default agent",
        "unknown_agent",
    )
