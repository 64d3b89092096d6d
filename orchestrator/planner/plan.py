"""Begin a plan: an example to edit, or one drawn from a draft."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from orchestrator.core.agent import AgentRegistry
from orchestrator.core.cost import cost_statistics
from orchestrator.core.draft import Draft, DraftTask
from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task, with_umbrellas
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.script import LANGUAGES
from orchestrator.core.settings import Settings, read_setting
from orchestrator.core.snapshot import PLANNER, PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.errors import NotFoundError, PlanError, Problem, UsageError
from orchestrator.plan.parser import parse_plan
from orchestrator.plan.safe_markdown import closed
from orchestrator.plan.task_file import TaskFile, parse_task_file
from orchestrator.runner.preview import preview_run
from orchestrator.services.agent_choice import Known
from orchestrator.services.run_request import RunRequest
from orchestrator.store.archive import has_plan, put_plan
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import busy, lock_owner, locked
from orchestrator.store.plan_directory import make_plan_directory
from orchestrator.store.result_file import render_result
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace
from orchestrator.views.master_plan import new_plan, queue
from orchestrator.views.task_file import task_file


def init(layout: Layout, request: str, agent: str) -> str:
    """Make a plan directory with a ``master_plan.md`` to start from.

    With *agent* it is a queue: no tasks yet, and that agent does those that are added. What is left
    of a plan that is gone would be taken for the answers to this one: return where it was moved, or an empty text.

    Raises:
        UsageError: there is a plan already; it is left unchanged.
        BusyError: a run is under way, whose plan is away.
        PlanError: a template of the plan directory is invalid.
        StoreError: it could not be written.
    """
    _refuse_plan(layout)
    text = queue(agent, request) if agent else new_plan(request, layout.templates)
    make_plan_directory(layout)
    if not has_plan(layout):  # no one is active here, and there is no reason to leave a lock file
        return put_plan(layout, text, {})
    with locked(layout.queue, layout.lock):
        _refuse_plan(layout)
        return put_plan(layout, text, {})


def _refuse_plan(layout: Layout) -> None:
    if os.path.lexists(layout.plan):
        raise UsageError("there is a plan here already", where=layout.plan, hint="edit it, or name another directory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A draft as the files it becomes, read back: what is written is what was checked."""

    text: str
    task_files: Mapping[str, str]
    """By stem."""
    board: PlanSnapshot


def draw(draft: Draft, layout: Layout, settings: Mapping[str, Any] = MappingProxyType({})) -> Drawn:
    """Return the files of a plan, after they were read as ``run`` will read them. Writes nothing.

    *settings* of the plan go into its front matter; they were read already.

    Raises:
        PlanError: they do not say what the draft says; a template of the plan directory may be the reason.
    """
    rows = draft.rows()
    front = [f"{name}: {value if isinstance(value, str) else _in_front(value)}\n" for name, value in settings.items()]
    text = new_plan(draft.request, layout.templates, draft=draft)
    text = "".join(["---\n", *front, "---\n", text]) if front else text
    files = {task.row.stem: _file(task, rows, layout) for task in draft.tasks}
    plan, problems = parse_plan(text.encode(), f"{display_path(layout.root)}/master_plan.md")
    problems += _differences(draft, plan, layout)
    problems += _bad_files(draft, files)
    if problems:
        raise PlanError(problems)
    return Drawn(text=text, task_files=files, board=PlanSnapshot(plan, shape(plan.tasks), {}))


def _file(task: DraftTask, rows: Mapping[str, Task], layout: Layout) -> str:
    # A code block that a user forgot to close would hide the criteria below it, and they would count as met.
    task = replace(task, description=closed(task.description), expected=closed(task.expected))
    text = task_file(
        task.row,
        Settings(),
        layout.templates,
        [rows[need] for need in task.row.data_needs],
        shell=bool(task.command),
        draft=task,
    )
    front = [f"{name}: {_in_front(value)}\n" for name, value in task.settings.items()]
    return "".join(["---\n", *front, "---\n", text]) if front else text


def _in_front(value: object) -> str:
    """Return a value of a front matter; JSON is YAML, and a duration reads better without quotes."""
    is_duration = isinstance(value, str) and re.fullmatch(r"[0-9]+[smhd]", value)
    return str(value) if is_duration else json.dumps(value, ensure_ascii=False)


def _differences(draft: Draft, plan: Plan, layout: Layout) -> list[Problem]:
    rows = with_umbrellas(draft.rows())
    hint = "take another word: in a table of tasks one of its words has a meaning of its own"
    if layout.templates and os.path.exists(os.path.join(layout.templates, "master_plan.md.j2")):
        hint = "correct templates/master_plan.md.j2 of the plan directory, or delete it to use the built-in one"
    if list(rows) != list(plan.tasks):
        return [Problem("the tasks of the draft are not those of the plan drawn from it", plan.file, hint)]
    return [
        Problem(f"{row.id} is not in the plan as in the draft", plan.tasks[row.id].where, hint)
        for row in rows.values()
        if _essence(row) != _essence(plan.tasks[row.id])
    ]


def _essence(task: Task) -> tuple[object, ...]:
    who = task.agent, task.type
    return task.needs, task.need_kinds, task.priority, who, task.parent, task.condition, task.run_if


def _bad_files(draft: Draft, files: Mapping[str, str]) -> list[Problem]:
    problems: list[Problem] = []
    for task in draft.tasks:
        name = f"agent_tasks/{task.row.stem}.md"
        found = parse_task_file(files[task.row.stem].encode(), name)
        problems += found.problems
        is_it = LANGUAGES.get(found.language), found.code.strip()
        if task.command and is_it != (task.language, task.command.strip()):
            hint = "correct templates/agent_task.md.j2 of the plan directory"
            problems.append(Problem(f"{task.id}: the first code block is not its command", name, hint))
    return problems


def require_room(layout: Layout, registry: AgentRegistry, *, force: bool) -> None:
    """Make sure that a new plan may take the place of what is there: nothing, or a plan that is finished.

    Raises:
        BusyError: a run is under way.
        UsageError: there is a plan that is not finished, and *force* does not say to move it aside.
        StoreError: what is there could not be read.
    """
    if (holder := lock_owner(layout.lock)) is not None:
        raise busy(holder)
    if not force:
        _refuse_unfinished(layout, registry)


def _refuse_unfinished(layout: Layout, registry: AgentRegistry) -> None:
    if not has_plan(layout):
        return
    if found := _unfinished(layout, registry):
        what, way = found
        raise UsageError(
            f"there is a plan here that {what}",
            where=layout.plan,
            hint=f"{way}, name another directory with --dir, or move it aside with --force",
        )


def _unfinished(layout: Layout, registry: AgentRegistry) -> tuple[str, str] | None:
    """Return what keeps a plan from being finished, and what helps; what was only simulated is not done."""
    try:
        board = preview_run(RunRequest(layout=layout), registry).board
    except (PlanError, NotFoundError) as error:
        if error.code == "empty_plan":
            return "has no tasks yet", "add some with `orchestrator add TEXT`"
        return "cannot be read, or files of one", "correct what `orchestrator validate` finds"
    completed, total = board.counts()[TaskStatus.COMPLETED], len(board.plan.tasks)
    if completed == total:
        return None
    what = f"is not finished: {completed} of {total} tasks are completed"
    return what, "finish it with `orchestrator run`"


def write(layout: Layout, drawn: Drawn, registry: AgentRegistry, *, force: bool, is_asked: bool = False) -> str:
    """Put a plan in place; return where the one before it was moved, or an empty text.

    *is_asked*: a worker was asked for it here; what it was asked this time belongs to the new plan and stays.

    Raises:
        BusyError: a run is under way; nothing was written.
        UsageError: there is an unfinished plan, and *force* does not say to move it aside.
        StoreError: it could not be written; the plan before it is in place, or whole in the archive.
    """
    make_plan_directory(layout)
    with locked(layout.queue, layout.lock):
        # Asked again: until the lock was ours, another user may have been active.
        if not force:
            _refuse_unfinished(layout, registry)
        asked = Workspace(layout).read_result(PLANNER) if is_asked else None
        if asked is None or asked.last is None:
            return put_plan(layout, drawn.text, drawn.task_files)
        logs = [f"{PLANNER}.attempt-{each.number}." for each in _of_this_time(asked)]
        spare = (f"{PLANNER}-result", *logs)
        archived = put_plan(layout, drawn.text, drawn.task_files, spare)
        if archived:
            _part(layout, Layout(archived), asked)
        return archived


def _of_this_time(asked: Result) -> tuple[Attempt, ...]:
    return tuple(each for each in asked.attempts if each.run == asked.attempts[-1].run)


def _part(layout: Layout, archived: Layout, asked: Result) -> None:
    """Leave each plan the planning that was paid for it: one result has grown over all of them."""
    now = _of_this_time(asked)
    if before := tuple(each for each in asked.attempts if each not in now):
        is_done = before[-1].status == Verdict.COMPLETED.value
        status = TaskStatus.COMPLETED if is_done else TaskStatus.FAILED
        answer = Workspace(layout).read_shown_answer(PLANNER)
        was = asked._replace(attempts=before, status=status)
        _keep(archived, was, "What it answered is in its log.")
        _keep(layout, asked._replace(attempts=now), answer)


def _keep(layout: Layout, result: Result, answer: str) -> None:
    workspace, files = Workspace(layout), layout.attempt(PLANNER, result.number)
    workspace.make_directories()
    text = render_result(
        result,
        label=PLANNER,
        answer=answer,
        log=f"../{result.attempts[-1].log_path(PLANNER)}",
        statistics=cost_statistics(result),
    )
    workspace.commit([Commit(stem=PLANNER, result=result, text=text, files=files)])


# ── write ────────
#
# What a plan would do that is not written yet: who does each task, and which commands run.


def agents_of(drawn: Drawn, known: Known) -> Mapping[str, str]:
    """Return the agent of each task, as ``run`` will choose it: its row, its file and the plan may name one."""
    return {task_id: found.subagent or found.agent for task_id, found in settings_of(drawn, known).items()}


def settings_of(drawn: Drawn, known: Known) -> Mapping[str, Settings]:
    """Return the settings of each task, as ``run`` will resolve them; an agent that there is not stays."""
    return {task.id: _settings(task, file_of(drawn, task), drawn, known) for task in drawn.board.plan.tasks.values()}


def commands(drawn: Drawn, known: Known) -> list[Problem]:
    """Return a warning for each task that runs a command."""
    found = []
    for task in drawn.board.plan.tasks.values():
        file = file_of(drawn, task)
        asked = _settings(task, file, drawn, known)
        if (asked.subagent or asked.agent) in known.shells and not task.children:
            shown = one_line(file.code or file.body or task.description or task.name, 80)
            hint = "commands run without asking: read this one before the plan is run"
            found.append(Problem(f"it runs a command: {shown}", task.id, hint, "shell_command"))
    return found


def _settings(task: Task, file: TaskFile, drawn: Drawn, known: Known) -> Settings:
    key = known.key_of(task)
    row = {name: read_setting(name, text) for name, text in task.settings}
    own = {**row, **({"agent": key} if key else {}), **file.settings}
    return known.settle(drawn.board.plan.settings, own, {}, known.type_of(task))


def file_of(drawn: Drawn, task: Task) -> TaskFile:
    """Return the task file of a task; an empty one where there is none."""
    return parse_task_file(drawn.task_files.get(task.stem, "").encode(), "")
