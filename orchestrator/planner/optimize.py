"""Plans that are looked at for a better one: in a plan directory, in a file, or a task list of another form."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from typing import Any

from orchestrator.core.agent import AgentRegistry
from orchestrator.core.critical_path import given_up
from orchestrator.core.draft import Draft, DraftTask
from orchestrator.core.optimize import Edge, Model
from orchestrator.core.plan import Plan, Task
from orchestrator.core.pools import Limits, globs_of
from orchestrator.core.priority import format_priority
from orchestrator.core.settings import Settings, resolve
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.timestamp import iso
from orchestrator.errors import UsageError
from orchestrator.plan.columns import read_needs
from orchestrator.plan.dependencies import Dependencies
from orchestrator.plan.editor import find_places, with_field
from orchestrator.plan.parser import parse_plan, read_plan
from orchestrator.plan.task_file import TaskFile
from orchestrator.planner.draft import read_draft
from orchestrator.planner.plan import draw, file_of, settings_of
from orchestrator.planner.revise import from_file
from orchestrator.planner.templates import draw_saved, plan_in_file
from orchestrator.runner.scheduler_setup import plan_limits
from orchestrator.runner.warnings import validate
from orchestrator.services.agent_choice import Known
from orchestrator.store.atomic import atomic_write, read_file, sync_directory
from orchestrator.store.collection import no_plan
from orchestrator.store.compare_and_swap import Taken, exchanged, put
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import exclusive, locked
from orchestrator.views.templating import needs as needs_cell


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A plan that is looked at, and how one with fewer dependencies is made of it."""

    file: str
    """Where it stands."""
    layout: Layout | None = None
    """Its plan directory; None: it is a file of its own."""
    board: PlanSnapshot
    model: Model
    commands: Collection[str]
    """Tasks that run a command."""
    without: Callable[[Collection[Edge]], Mapping[str, Task]]
    data: Callable[[Collection[Edge]], bytes]
    """What is written: the file without these dependencies."""
    is_task_list: bool = False
    """It is written as JSON, which `plan --from` reads."""


def of_directory(layout: Layout, registry: AgentRegistry) -> Subject:
    """Return the plan in a plan directory.

    Raises:
        PlanError: it is not valid; every problem with file and line.
        NotFoundError, StoreError: as their names say.
    """
    data = read_file(layout.plan)
    if data is None:
        raise no_plan(layout)
    ahead = validate(layout, registry)
    plan, read = ahead.board.plan, ahead.workspace.assignments.read
    texts = {task.id: _text(task, read(task) or TaskFile()) for task in plan.tasks.values()}
    subject = _of_markdown(layout.plan, data, ahead.board, policies=ahead.policies, texts=texts, registry=registry)
    return replace(subject, layout=layout)


def of_file(path: str, layout: Layout, registry: AgentRegistry) -> Subject:
    """Return the plan in a file, as ``plan --from`` reads it. *layout* says where agents are looked for.

    Raises:
        PlanError: it is not valid; every problem with its place.
        NotFoundError, UsageError, StoreError: as their names say.
    """
    known = Known(registry, layout.workdir(""))
    if (saved := plan_in_file(path)) is not None:
        drawn = draw_saved(saved, {}, known)
        texts = {task.id: _text(task, file_of(drawn, task)) for task in drawn.board.plan.tasks.values()}
        board, settings = drawn.board, settings_of(drawn, known)
        data = read_file(path) or b""
        return _of_markdown(path, data, board, policies=settings, texts=texts, registry=registry)
    draft = from_file(path, known, shells=registry.shells).draft
    drawn = draw(draft, layout)
    settings = settings_of(drawn, known)
    writes = {task.id: task.writes for task in draft.tasks}
    policies = {each: found._replace(writes=writes.get(each, found.writes)) for each, found in settings.items()}
    texts = {task.id: _draft_text(task) for task in draft.tasks}
    return Subject(
        file=path,
        board=drawn.board,
        model=_model(drawn.board, policies, texts, registry),
        commands={each for each, found in policies.items() if found.agent in registry.shells},
        without=lambda edges: draw(_draft_without(draft, edges), layout).board.plan.tasks,
        data=lambda edges: _as_json(_draft_without(draft, edges), known, registry),
        is_task_list=True,
    )


def _of_markdown(
    path: str,
    data: bytes,
    board: PlanSnapshot,
    *,
    policies: Mapping[str, Settings],
    texts: Mapping[str, str],
    registry: AgentRegistry,
) -> Subject:
    shown = display_path(path)

    def without(edges: Collection[Edge]) -> Mapping[str, Task]:
        plan, problems = parse_plan(_less(data, board.plan, edges), shown)
        return {} if problems else plan.tasks

    return Subject(
        file=path,
        board=board,
        model=_model(board, policies, texts, registry),
        commands={each for each, found in policies.items() if found.agent in registry.shells},
        without=without,
        data=lambda edges: _less(data, board.plan, edges),
    )


def _model(
    board: PlanSnapshot, policies: Mapping[str, Settings], texts: Mapping[str, str], registry: AgentRegistry
) -> Model:
    found = plan_limits(board.plan, policies)
    crews = {each: registry.pool(policies[each].agent) if policies[each].agent in registry else () for each in policies}
    return Model(
        limits=Limits(
            {each: (*crews[each], *names) for each, names in found.of_task.items()}, {**registry.widths, **found.sizes}
        ),
        slots=resolve(board.plan.settings).max_parallel,
        measured=_measured(board),
        given_up=given_up(board),
        writes={each: globs_of(policy.writes) for each, policy in policies.items()},
        texts=texts,
    )


def _measured(board: PlanSnapshot) -> dict[str, float]:
    """Return how long the tasks took that are done; what was only simulated took no time that counts."""
    found = {}
    for task_id in board.plan.tasks:
        if board.status(task_id) is TaskStatus.COMPLETED and not board.is_simulated(task_id):
            took = board.lasted(task_id, 0.0)
            if took:
                found[task_id] = took
    return found


def _text(task: Task, file: TaskFile) -> str:
    """Return what tells a task what is to be done, and all that it sets: a task may be named there as well."""
    own = "" if file.made else file.body  # one that was made from its row says no more than that
    settings = (str(value) for name, value in (*task.settings, *file.settings.items()) if name != "writes")
    inputs = (value for _, value in task.inputs)
    return "\n".join([task.name, task.description, task.expected, *inputs, *settings, own])


def _draft_text(task: DraftTask) -> str:
    inputs = (text for each in task.inputs for text in (each.value, each.source))
    said = (*task.acceptance, *task.constraints, *task.hints, task.command)
    return "\n".join([task.name, task.description, task.expected, *inputs, *said])


# ── the better plan ──────────────────────────────────────────────────────────────────────────────────────────────────


def _less(data: bytes, plan: Plan, edges: Collection[Edge]) -> bytes:
    """Return a plan whose rows no longer say these dependencies; every other byte is as it was."""
    gone: defaultdict[str, set[str]] = defaultdict(set)
    for edge in edges:
        gone[edge.task].add(edge.need)
    said = Dependencies(list(plan.tasks.values()))

    def change(task_id: str, text: str) -> str:
        if task_id not in gone:
            return text
        needs, kinds = read_needs(text)
        if not plan.tasks.keys() >= set(needs):
            needs, kinds = said.read(text, task_id) or ((), ())
        left = tuple(need for need in needs if need not in gone[task_id])
        if left == needs:
            return text
        loose = tuple((need, kind) for need, kind in kinds if need in left)
        return needs_cell(Task(task_id, "", "", left, need_kinds=loose))

    return with_field(find_places(data), "needs", change)


def _draft_without(draft: Draft, edges: Collection[Edge]) -> Draft:
    tasks = tuple(
        replace(task, needs=tuple(need for need in task.needs if Edge(need.id, task.id) not in edges))
        for task in draft.tasks
    )
    return replace(draft, tasks=tasks)


def _as_json(draft: Draft, known: Known, registry: AgentRegistry) -> bytes:
    """Return a draft as a file that is read as the very same one.

    Raises:
        UsageError: there is something in it that such a file cannot say.
    """
    data = {name: value for name, value in asdict(draft).items() if value and name != "tasks"}
    data["tasks"] = [_task_facts(task) for task in draft.tasks]
    text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
    again, problems = read_draft(json.loads(text), known, shells=registry.shells)
    if problems or again != draft:
        raise UsageError(
            "this task list says more than a file of tasks in JSON can",
            hint="make a plan of it with `orchestrator plan --from`, and optimize that",
        )
    return text.encode()


def _task_facts(task: DraftTask) -> dict[str, Any]:
    facts = {name: value for name, value in asdict(task).items() if value not in (None, "", ())}
    language = facts.pop("language")
    if task.command and language != "sh":
        facts["command"] = f"````{language}\n{task.command}\n````"
    facts["priority"] = format_priority(task.priority)
    if task.needs:
        facts["needs"] = [need.id if need.kind == "data" else need._asdict() for need in task.needs]
    if task.inputs:
        facts["inputs"] = [each._asdict() for each in task.inputs]
    return facts


def write(subject: Subject, edges: Collection[Edge], output: str, by: str, now: float) -> None:
    """Write the better plan to a new file, or in the place of the plan itself.

    Raises:
        UsageError: there is another file already, or the name does not fit what is written.
        BusyError: the plan itself is meant, and a run is active on it.
        StoreError: it could not be written.
    """
    path = os.path.abspath(output)
    if os.path.lexists(path):
        _write_itself(subject, edges, path, by, now)
        return
    if subject.layout is not None and os.path.realpath(path).startswith(os.path.realpath(subject.layout.root) + os.sep):
        message = "a plan directory holds the files of the plan and no others"
        raise UsageError(message, where=output, hint="name a file somewhere else, or the plan itself")
    is_json = path.lower().endswith(".json")
    if is_json != subject.is_task_list:
        form, name = ("JSON", ".json") if subject.is_task_list else ("markdown", ".md")
        message = f"what is written is {form}, and this name says something else"
        raise UsageError(message, where=output, hint=f"name a file that ends with {name}")
    if not os.path.isdir(os.path.dirname(path)):
        raise UsageError("there is no such directory", where=os.path.dirname(output), hint="make it, or name another")
    atomic_write(path, subject.data(edges), is_durable=True)


def _write_itself(subject: Subject, edges: Collection[Edge], path: str, by: str, now: float) -> None:
    if os.path.isdir(path) or not os.path.samefile(path, subject.file) or subject.is_task_list:
        hint = "name a new file" if subject.is_task_list else "name a new file, or the plan itself"
        raise UsageError("it exists, and is not written over", where=display_path(path), hint=hint)
    layout, data = subject.layout, subject.data(edges)
    if data == subject.data(()):
        return

    def change(before: Taken) -> Taken | None:
        if before.data != subject.data(()):
            raise UsageError("it was changed meanwhile", where=path, hint="call again")
        return None if put(path, before, data) is None else before

    if layout is None:
        read_plan(data, path)
        exchanged(path, change)
    else:
        with locked(layout.queue, layout.lock), exclusive(layout.plan_lock):
            exchanged(layout.plan, change)
            with closing(Journal(layout.journal)) as journal:
                for edge in edges:
                    text = f"no longer waits for {edge.need}"
                    journal.append(f"{iso(now)} · {edge.task} · updated · by {by} · {text}")
    sync_directory(os.path.dirname(path))
