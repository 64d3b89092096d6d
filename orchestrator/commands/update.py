"""The command ``update``: other values in the row of a task."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, option
from orchestrator.commands.reply import with_program
from orchestrator.commands.task_command import task_command, waits
from orchestrator.commands.task_fields import criteria_of, field_options, tags_of
from orchestrator.core.plan import Plan, Task, unknown_task
from orchestrator.core.script import command_of
from orchestrator.core.snapshot import SIMULATED
from orchestrator.core.status import TaskStatus, Verb, parse_status
from orchestrator.core.text import one_line
from orchestrator.errors import UsageError
from orchestrator.plan.columns import Columns, read_needs
from orchestrator.plan.editor import PlanScan, ids, row_of, with_cells
from orchestrator.runner.task_commands import check_status, set_status
from orchestrator.services.task_texts import TaskInstructions, add_criteria, check_new, put_both, read_own, task_file_of
from orchestrator.services.task_types import require_type
from orchestrator.services.validation import (
    as_typed,
    check_parent,
    check_who,
    edited,
    explained,
    read_dependencies,
    readable,
    record_change,
    typed_cells,
    valid_plan,
    values_of,
    visible,
)
from orchestrator.store.atomic import sync_directory
from orchestrator.store.collection import no_plan
from orchestrator.store.compare_and_swap import Taken, exchanged
from orchestrator.store.layout import Layout
from orchestrator.store.lock import exclusive
from orchestrator.store.requests import Reply
from orchestrator.store.task_ids import resolve_ids
from orchestrator.store.workspace import Workspace
from orchestrator.views.templating import needs as needs_cell

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents

_DEPENDENCIES: Mapping[str, Any] = {"metavar": "IDS", "is_repeated": True, "completion": "tasks"}


@dataclass(frozen=True)
class UpdateParams:
    """Which task, and what is to be another one in its row."""

    task: str = argument("ID", completion="task")
    title: str | None = option("What it is called.", metavar="TEXT")
    desc: str | None = option("What is to be done.", metavar="TEXT")
    depends_on: Sequence[str] = option("All that comes before; '' for none.", **_DEPENDENCIES)
    add_deps: Sequence[str] = option("One more that comes before.", names=("--add-dep",), **_DEPENDENCIES)
    remove_deps: Sequence[str] = option("One less.", names=("--remove-dep",), **_DEPENDENCIES)
    values: Mapping[str, str] = field_options(is_change=True)
    tags: Sequence[str] = option(
        "One more word to find it by.", names=("--tag",), metavar="NAME", is_repeated=True, completion="tag"
    )
    untags: Sequence[str] = option("One less.", names=("--untag",), metavar="NAME", is_repeated=True, completion="tag")
    criteria: Sequence[str] = option(
        "One more success criterion.", names=("--criterion",), metavar="TEXT", is_repeated=True
    )
    status: str | None = option(
        "completed, blocked, pending …: as the command for it.", metavar="S", completion="status"
    )


#: A text that is taken away leaves nothing: ``-`` would be one.
_EMPTY = {"name": "", "description": ""}
_TEXTS = _EMPTY.keys()
#: What decides what its agent reads, and whether that is a command.
_INSTRUCTIONS = _TEXTS | {"agent", "assignee", "type"}

#: The status of a task that is not started again by itself.
_BEGUN = frozenset({TaskStatus.RUNNING, TaskStatus.COMPLETED})


class Changes(NamedTuple):
    """What is to be another one in a row; None leaves it unchanged, an empty text takes it away."""

    title: str | None = None
    description: str | None = None
    needs: str | None = None
    add_needs: str = ""
    remove_needs: str = ""
    tags: tuple[str, ...] = ()
    untags: tuple[str, ...] = ()
    values: Mapping[str, str] = {}
    """The other fields by name (``task_fields``), as they are typed."""
    criteria: tuple[str, ...] = ()
    """Success criteria, to be added to its task file."""


class Updated(NamedTuple):
    """A row that was changed."""

    id: str
    changed: Mapping[str, str]
    """What stands in the changed cells now, by what the columns mean."""
    task_file: str
    """The file that the agent of the task reads, when it says what to do and the row no longer does; else empty."""
    command: str
    """What the task runs now, when it is for a shell and ran something else before; else empty."""
    begun: TaskStatus | None = None
    """Its status, where an agent works on what it said before, or is done with that."""


def update(
    layout: Layout,
    task_id: str,
    changes: Changes,
    by: str,
    agents: Agents,
    *,
    check: Callable[[Plan], None] = lambda _: None,
) -> Updated:
    """Change a row of the plan; what it cannot say of what is to be done goes into the task file, as with ``add``.

    Args:
        layout: Where the plan is.
        task_id: Whose row.
        changes: What is to be another one.
        by: Who changes it.
        agents: The agents that there are; asked only where they make a difference.
        check: Raises what forbids the plan that is about to be written.

    Raises:
        NotFoundError, UsageError, PlanError: it is invalid, or the plan would make none; nothing was written.
        StoreError: it could not be written.
        What *check* raises; nothing was written either.
    """
    if not os.path.lexists(layout.plan):
        raise no_plan(layout)
    task_id, changes = resolve_ids(layout, task_id), _with_full_ids(layout, changes)
    with exclusive(layout.plan_lock):
        updated = exchanged(layout.plan, lambda before: _changed(layout, before, task_id, changes, agents, check=check))
    sync_directory(layout.root)
    changed = ", ".join(f"{role}: {text}" for role, text in updated.changed.items())
    record_change(layout, task_id, "updated", by, changed)
    return updated


def _changed(
    layout: Layout, before: Taken, task_id: str, changes: Changes, agents: Agents, *, check: Callable[[Plan], None]
) -> Updated | None:
    with explained(layout, before.data):
        places = readable(layout, before.data)
        values, intended, row = _cells(places, task_id, changes)
    if not (values or changes.criteria):
        raise UsageError("nothing is to be changed", hint="orchestrator update --help")
    named = changes.values
    check_who(layout, places, named.get("agent", ""), named.get("assignee", ""), agents)
    instructions = TaskInstructions()
    if _INSTRUCTIONS & values.keys():
        instructions = TaskInstructions.of(layout, row, intended, places.agent, agents)
    texts = {column: values[column] for column in _TEXTS if values.get(column)}
    if not instructions.is_command:  # that is taken verbatim; what people read is not
        texts = {column: visible(text) for column, text in texts.items()}
    values |= texts
    data, task = edited(lambda: with_cells(places, task_id, values), intended)
    plan = valid_plan(layout, data)
    if parent := changes.values.get("parent"):
        check_parent(layout, plan, parent)
    if "type" in changes.values:
        found = read_own(layout, task)
        require_type(layout, plan, task, found.settings if found else {}, agents)
    check(plan)
    more = changes.criteria
    task, file = _with_file(layout, plan, task, agents, instructions=instructions, texts=texts, criteria=more)
    if values and not put_both(layout, before, data, task, file):
        return None
    if changes.criteria:
        if not file:
            add_criteria(layout, task.stem, changes.criteria)
        values["criteria"] = "; ".join(changes.criteria)
    is_hidden = instructions.is_in_file and not file
    hidden = instructions.file if is_hidden and _TEXTS & values.keys() else ""
    begun = None if is_hidden or not texts else _begun(layout, task)
    return Updated(task_id, values, hidden, instructions.command(task.description), begun)


def _begun(layout: Layout, task: Task) -> TaskStatus | None:
    result = Workspace(layout).read_result(task.stem)
    is_real = result is not None and result.status in _BEGUN and result.agent != SIMULATED
    return result.status if result is not None and is_real else None


def _with_file(
    layout: Layout,
    plan: Plan,
    task: Task,
    agents: Agents,
    *,
    instructions: TaskInstructions,
    texts: Mapping[str, str],
    criteria: Sequence[str],
) -> tuple[Task, bytes]:
    """Return a task with all of what is to be done, and the task file for what its row cannot say of it.

    Raises:
        PlanError: it is to be a command, and says none.
        As ``TaskInstructions.unsaid``, ``task_file_of`` and ``check_new``.
    """
    if whole := instructions.unsaid(texts, task):
        task = task._replace(description=whole)
        return task, task_file_of(
            layout,
            task,
            plan.tasks,
            shell=instructions.is_command,
            settings=instructions.settings,
            criteria=[*instructions.criteria, *criteria],
        )
    if instructions.is_command and not instructions.is_in_file:
        command_of(task)
    if criteria:
        check_new(layout, plan, task, criteria, agents)
    return task, b""


def _with_full_ids(layout: Layout, changes: Changes) -> Changes:
    values = typed_cells(changes.values)
    if parent := values.get("parent"):
        values["parent"] = resolve_ids(layout, parent)
    return changes._replace(
        values=values,
        needs=changes.needs and read_dependencies(layout, changes.needs),
        add_needs=read_dependencies(layout, changes.add_needs),
        remove_needs=read_dependencies(layout, changes.remove_needs),
    )


def _cells(places: PlanScan, task_id: str, changes: Changes) -> tuple[dict[str, str], Task, Task]:
    """Return the new cells, the row as it reads then, and as it reads now."""
    try:
        columns, row = row_of(places, task_id)
    except KeyError:
        raise unknown_task(task_id, ids(places)) from None
    named = {**changes.values, **_texts(columns, changes)}
    values = {role: text or _EMPTY.get(role, "-") for role, text in named.items() if text is not None}
    intended = row._replace(**values_of(changes.values))
    needs, kinds = _needs(row, changes)
    if (needs, kinds) != (row.needs, row.need_kinds):
        intended = intended._replace(needs=needs, need_kinds=kinds)
        values["needs"] = needs_cell(intended)
    tags = tuple(dict.fromkeys((*row.tags, *changes.tags)))
    tags = tuple(tag for tag in tags if tag not in changes.untags)
    if tags != row.tags:
        intended, values["tags"] = intended._replace(tags=tags), ", ".join(tags) or "-"
    return values, intended, row


def _texts(columns: Columns, changes: Changes) -> dict[str, str | None]:
    title = "description" if columns.name is None else "name"
    if changes.description is not None and title == "description" and changes.title is not None:
        raise UsageError("the table has one column of text", hint="give --title or --desc")
    texts = {title: changes.title}
    if changes.description is not None:
        texts["description"] = changes.description
    for text in filter(None, texts.values()):
        visible(text)
    return {role: text and as_typed(text) for role, text in texts.items()}


def _needs(row: Task, changes: Changes) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    needs = dict.fromkeys(row.needs, "data") | dict(row.need_kinds)
    if changes.needs is not None:
        needs = _read(changes.needs)
    needs |= _read(changes.add_needs)
    for need in _read(changes.remove_needs):
        needs.pop(need, None)
    return tuple(needs), tuple((need, kind) for need, kind in needs.items() if kind != "data")


def _read(text: str) -> dict[str, str]:
    needs, kinds = read_needs(text)
    return dict.fromkeys(needs, "data") | dict(kinds)


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


class UpdateAnswer(NamedTuple):
    """What was changed, and the answers to a change of status."""

    id: str
    updated: Updated | None
    """None: only the status was to be changed."""
    replies: Sequence[Reply]


def execute(call: Call, params: UpdateParams) -> UpdateAnswer:
    """Change the row of a task, or where it stands.

    What would make the plan invalid is refused, and so is a status that the task cannot get to; then nothing is
    changed. A task that was started keeps what it was started with, but for its priority.

    Examples:
      orchestrator update T-03 --assignee ana --priority critical
      orchestrator update T-03 --add-dep T-01 --status blocked
      orchestrator update T-03 --criterion "The docs say so" --type docs
    """
    changes = Changes(
        title=params.title,
        description=params.desc,
        needs=",".join(params.depends_on) if params.depends_on else None,
        add_needs=",".join(params.add_deps),
        remove_needs=",".join(params.remove_deps),
        tags=tags_of(params.tags),
        untags=tags_of(params.untags, "--untag"),
        values=params.values,
        criteria=criteria_of(params.criteria),
    )
    status = None if params.status is None else _status(params.status)
    layout = call.plan()
    task_id = resolve_ids(layout, params.task)
    command = task_command(call, layout, Verb.START, task_id)

    def check(plan: Plan) -> None:
        if status is not None:
            check_status(layout, plan, status, command, changes.criteria)

    updated = None
    if changes != Changes() or status is None:
        updated = update(layout, task_id, changes, call.caller(), call.agents, check=check)
    replies: Sequence[Reply] = ()
    if status is not None:
        replies = set_status(layout, status, command, call.plugins, waits(call, layout))
    return UpdateAnswer(task_id, updated, replies)


def _status(word: str) -> TaskStatus:
    status = parse_status(word)
    if status is None:
        listed = ", ".join(each.value for each in TaskStatus)
        raise UsageError(f"--status: {word!r} is not a status", hint=f"one of {listed}")
    return status


def remarks(answer: UpdateAnswer) -> Iterator[str]:
    """Yield what else is to be changed, and what the change does not reach."""
    updated = answer.updated
    if updated is None:
        return
    if updated.task_file:
        yield f"its agent reads {os.path.relpath(updated.task_file)}: change that, too"
    if updated.begun is not None and not answer.replies:
        yield _begun_text(updated.id, updated.begun)
    elif updated.command:
        yield f"{updated.id} now runs: {one_line(' ↵ '.join(updated.command.splitlines()))}"


def _begun_text(task_id: str, status: TaskStatus) -> str:
    if status is TaskStatus.RUNNING:
        return f"{task_id} is at work on what it said before: the next attempt does this"
    again = with_program(f"`orchestrator retry {task_id}` does it again")
    return f"{task_id} is done with what it said before: {again}"


def facts(answer: UpdateAnswer) -> Facts:
    """Return what was changed as JSON."""
    updated, found = answer.updated, {"task": answer.id}
    messages = [reply.message for reply in answer.replies]
    more: dict[str, object] = {}
    if updated is not None:
        changed = ", ".join(f"{what}: {text}" for what, text in updated.changed.items())
        messages.insert(0, f"{updated.id}: {changed}")
        more["changed"] = dict(updated.changed)
        if updated.begun is not None and not answer.replies:
            more["begun"] = updated.begun
    if answer.replies:
        more["status"] = answer.replies[-1].status
    return {"message": "; ".join(messages), **found, **more}


COMMAND = Command(UpdateParams, execute, facts, remarks=remarks, takes=(DIR, CALLER, JSON))
