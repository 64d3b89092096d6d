"""Adding a task to the plan.

The plan that it would leave is read before it is written: no command may leave one that the next refuses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from itertools import chain, count
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from orchestrator.core.duration import above_timeout
from orchestrator.core.plan import TASK_ID, Plan, Task, stem, unknown_task
from orchestrator.core.script import BUILT_IN, command_of, is_command, program_of
from orchestrator.core.settings import resolve
from orchestrator.core.text import one_line, sanitize
from orchestrator.errors import OrchestratorError, StoreError, UsageError
from orchestrator.executors.spawn import find_program
from orchestrator.plan.columns import read_needs
from orchestrator.plan.editor import PlanScan, fits, ids, next_ids, with_row
from orchestrator.plan.task_fields import DUE, FIELD_OF
from orchestrator.services.task_texts import put_both, runs_commands, task_file_of
from orchestrator.services.task_types import require_type
from orchestrator.services.validation import (
    added_to,
    as_typed,
    check_parent,
    check_who,
    edited,
    explained,
    read_dependencies,
    readable,
    record_change,
    typed_cells,
    values_of,
    visible,
)
from orchestrator.store.atomic import atomic_write, sync_directory
from orchestrator.store.compare_and_swap import Taken, exchanged
from orchestrator.store.layout import Layout
from orchestrator.store.lock import exclusive
from orchestrator.store.plan_directory import make_plan_directory
from orchestrator.store.task_ids import resolve_ids
from orchestrator.views.master_plan import queue

if TYPE_CHECKING:
    from orchestrator.store.agent_files import Agents

#: Characters of a label that an id is made of; a number must find room behind them.
_LABEL = 56
#: Fields that the tasks of a group have from it.
_INHERITED = frozenset({"assignee", "agent", "type", "priority", DUE.name})


class NewTask(NamedTuple):
    """A task to be added. Everything but the text may be left open."""

    text: str
    description: str = ""
    needs: str = ""
    tags: tuple[str, ...] = ()
    values: Mapping[str, str] = {}
    """The other fields of its row by name (``task_fields``), as they are typed."""
    settings: Mapping[str, Any] = {}
    """Settings of its task file, already read: ``timeout``, ``retries``, ``retry_delay``."""
    criteria: tuple[str, ...] = ()
    """The checklist of its task file."""
    id: str = ""
    label: str = ""
    """What its id is made of; a number is put behind it where that id is taken."""
    subtasks: tuple[str, ...] = ()
    """What is done below it: with any it is a group, and they are its tasks."""
    is_parallel: bool = False
    """They need not wait for each other."""
    is_prompt: bool = False
    """The text is for an agent that reads, also in a plan of commands."""

    @property
    def agent(self) -> str:
        """The agent that runs it; empty: the default."""
        return self.values.get("agent", "")

    @property
    def assignee(self) -> str:
        """Who is responsible; empty: none is named."""
        return self.values.get("assignee", "")

    @property
    def type(self) -> str:
        """Its type."""
        return self.values.get("type", "")

    @property
    def parent(self) -> str:
        """The group it belongs to."""
        return self.values.get("parent", "")

    def by(self, agent: str) -> Self:
        """Return the task for an agent."""
        return self._replace(values={**self.values, "agent": agent})


class Added(NamedTuple):
    """A task that was added."""

    id: str
    is_shell: bool
    plan: str
    """The plan that was made for it; empty when there was one."""
    warning: str = ""
    """What went wrong once it was in the plan."""
    workdir: str = ""
    """Where its command will run; empty: it is none."""
    reads: str = ""
    """The agent that reads a text whose first word is a command of this machine; empty for every other text."""
    too_long: str = ""
    """That it is expected to take longer than an attempt may; empty: it is not."""
    odd: str = ""
    """That its type is nearly one of the person's; empty: it is not."""
    subtasks: tuple[str, ...] = ()
    """The ids of the tasks below it."""


def add(layout: Layout, new: NewTask, by: str, agents: Agents) -> Added:
    """Add a row to the plan, and a task file where a row cannot say everything; make the plan when there is none.

    Args:
        layout: Where the plan is, or is to be.
        new: The task.
        by: Who adds it.
        agents: The agents that there are; asked only when one is named.

    Raises:
        NotFoundError, UsageError, PlanError: it is invalid; nothing was written.
        StoreError: it could not be written. Once the row is, nothing is raised: who reads of a failure adds it again.
    """
    visible(new.text)
    values = typed_cells(new.values)
    new = new._replace(
        needs=read_dependencies(layout, new.needs), values={**values, "parent": resolve_ids(layout, new.parent)}
    )
    make_plan_directory(layout)
    with exclusive(layout.plan_lock):
        made = _make_plan(layout)
        try:
            draft = exchanged(layout.plan, lambda before: _drafted(layout, before, new, agents))
        except OrchestratorError:
            if made:
                os.unlink(made)
            raise
    warning = _settled(layout, draft.id, new.text, by, is_new=bool(made))
    return Added(
        id=draft.id,
        is_shell=draft.is_shell and not new.subtasks,
        plan=made,
        warning=warning,
        workdir=draft.workdir,
        reads=draft.reads,
        too_long=draft.too_long,
        odd=draft.odd,
        subtasks=draft.subtasks,
    )


def _settled(layout: Layout, task: str, text: str, by: str, *, is_new: bool) -> str:
    """Make the row of a task durable, and note it in the journal; return what did not work."""
    warning = ""
    try:
        sync_directory(layout.root)
        if is_new:
            sync_directory(os.path.dirname(layout.root))
    except StoreError as error:
        warning = f"{task} is added, but a power cut may lose it: {error}"
    try:
        record_change(layout, task, "added", by, text)
    except StoreError as error:
        warning = f"{task} is added, but the journal does not say so: {error}"
    return warning


def _begins_with_command(text: str) -> bool:
    """Whether the first word of a text is a program of this machine, or one that the shell knows."""
    if not (word := program_of(text)):
        return False
    if word in BUILT_IN:
        return True
    try:
        found = find_program(word, os.environb.get(b"PATH"))
    except (OSError, ValueError):
        return False
    return os.path.isfile(found) and os.access(found, os.X_OK)


def _drafted(layout: Layout, before: Taken, new: NewTask, agents: Agents) -> _Draft | None:
    with explained(layout, before.data):
        draft = _Draft(layout, readable(layout, before.data), new, agents)
    return draft if draft.is_written(before) else None


def _make_plan(layout: Layout) -> str:
    if os.path.lexists(layout.plan):
        return ""
    atomic_write(layout.plan, queue().encode())
    return layout.plan


class _Draft:
    """A row that is to be added to one version of the plan."""

    def __init__(self, layout: Layout, places: PlanScan, new: NewTask, agents: Agents) -> None:
        self._layout, self._places, self._new, self._agents = layout, places, new, agents
        self._known = ids(places)
        check_who(layout, places, new.agent, new.assignee, agents)
        row = Task("_", "_", "_", agent=new.agent, assignee=new.assignee, type=new.type)
        self.is_shell = runs_commands(layout, row, places.agent, agents, {})
        if self.is_shell and new.is_prompt and not new.agent:
            self._new, self.is_shell = new.by("claude"), False
        self.reads = self.too_long = self.odd = ""
        self.subtasks: tuple[str, ...] = ()
        if not (self.is_shell or new.is_prompt or new.agent) and _begins_with_command(new.text):
            self._take_command()
        self.workdir = ""
        self.id = self._id()

    def _take_command(self) -> None:
        """Give what is surely a command to the shell where no one named an agent; else remember who reads it."""
        new = self._new
        if self._places.agent or new.assignee or new.type or not is_command(new.text):
            self.reads = self._places.agent or new.assignee or "claude"
        else:
            self._new, self.is_shell = new.by("shell"), True

    def _too_long(self, estimate: float | None, plan: Plan) -> str:
        """Say that an attempt would end before the time that it is expected to take; mostly nothing."""
        if not estimate:
            return ""
        timeout = resolve(plan.settings, self._new.settings).timeout
        return above_timeout(self.id, estimate, timeout) if estimate > timeout else ""

    def is_written(self, before: Taken) -> bool:
        """Write it; False, and nothing done, when a user saved another version of the plan meanwhile."""
        self._check(read_needs(self._new.needs)[0])
        data, task, whole, is_said = self.drawn()
        plan = added_to(self._layout, before.data, data, self.id)
        self.odd = require_type(self._layout, plan, task, self._new.settings, self._agents)
        if self._new.subtasks:
            data = self._with_subtasks(before.data, data)
        self.too_long = self._too_long(task.estimate, plan)
        if self.is_shell and not self._new.subtasks:
            self.workdir = self._layout.workdir(str(plan.settings.get("workdir", "")))
        if self._new.parent:
            check_parent(self._layout, plan, self._new.parent)
        if self.is_shell and not self._new.subtasks:
            command_of(task._replace(description=whole))
        file = b""
        if not is_said or self._new.settings or self._new.criteria:
            file = self._task_file(task, whole, plan)
        return put_both(self._layout, before, data, task, file)

    def _with_subtasks(self, before: bytes, data: bytes) -> bytes:
        """Return the plan with the tasks below this one, which is in it already."""
        new, values = self._new, self._new.values
        if new.settings or new.criteria:
            hint = "a group is never started: add each task with --parent and its own settings"
            raise UsageError("--subtasks: the settings and criteria given beside it would mean nothing", hint=hint)
        for text in new.subtasks:
            places = readable(self._layout, data)
            columns, about = places.sheets[-1].columns, f"{text}, a part of: {one_line(new.text, 80)}"
            is_told = None not in {columns.name, columns.description} and fits(about) and not self.is_shell
            below = NewTask(
                text=text,
                description=about if is_told else "",
                needs="" if new.is_parallel else ",".join(self.subtasks[-1:]),
                tags=new.tags,
                values={**{name: values[name] for name in _INHERITED & values.keys()}, "parent": self.id},
                is_prompt=not self.is_shell,
            )
            draft = _Draft(self._layout, places, below, self._agents)
            data, task, _, is_said = draft.drawn()
            if not is_said:
                hint = "one line of at most 200 characters can be said, without tags and backticks"
                raise UsageError(f"--subtasks: a row of the plan cannot say {one_line(text, 80)!r}", hint=hint)
            if draft.is_shell:
                command_of(task)
            self.subtasks += (draft.id,)
        added_to(self._layout, before, data, self.id)
        return data

    def drawn(self) -> tuple[bytes, Task, str, bool]:
        """Return the plan with the row, its task, what a task file would say, and whether the row says all of it."""
        values, whole, is_said = self._row()
        needs, kinds = read_needs(self._new.needs)
        meant = Task(
            self.id, "", "", needs, need_kinds=kinds, tags=self._new.tags,
            **values_of({name: values.get(name, "") for name in FIELD_OF}),
        )  # fmt: skip
        data, task = edited(lambda: with_row(self._places, values), meant)
        return data, task, whole, is_said

    def _id(self) -> str:
        # Two ids that differ by case, or share a file, make a plan that every command refuses.
        known = {word.casefold() for each in self._known for word in (each, stem(each))}
        if not self._new.id:
            label = re.sub(r"[^A-Za-z0-9._-]+", "-", self._new.label).strip("-._")[:_LABEL]
            ids = chain([label], (f"{label}-{number}" for number in count(2)))
            return next(
                each
                for each in (ids if label else next_ids(self._known, self._places.word))
                if known.isdisjoint({each.casefold(), stem(each).casefold()}) and not self._is_used(each)
            )
        task_id = self._new.id
        if not TASK_ID.fullmatch(task_id):
            raise UsageError(
                f"--id: {one_line(task_id, 80)!r} is not an id",
                hint="1 to 64 letters, digits, '.', '_' or '-', starting with a letter or digit",
            )
        if not known.isdisjoint({task_id.casefold(), stem(task_id).casefold()}):
            other = next(
                each
                for each in self._known
                if {each.casefold(), stem(each).casefold()} & {task_id.casefold(), stem(task_id).casefold()}
            )
            raise UsageError(f"--id: there is a task {other} already", hint="take another id")
        if self._is_used(task_id):
            raise UsageError(
                f"--id: files of an earlier task {task_id} are still there",
                where=self._layout.root,
                hint="take another id, or remove them",
            )
        return task_id

    def _is_used(self, task_id: str) -> bool:
        """Whether an earlier task of this id left something that would be taken for this one's."""
        own = stem(task_id)
        paths = (self._layout.task_file(own), self._layout.result_file(own))
        return any(os.path.lexists(path) for path in paths)

    def _row(self) -> tuple[dict[str, str], str, bool]:
        """Return the cells, what a task file would say, and whether the cells say all of it."""
        new, columns = self._new, self._places.sheets[-1].columns
        has_both = columns.name is not None and columns.description is not None
        only = "description" if columns.name is None else "name"
        # A command is taken verbatim; what people read is not.
        text = as_typed(new.text) if self.is_shell else visible(new.text)
        about = sanitize(as_typed(new.description)).strip()
        if self.is_shell:
            # The command is what counts; what it is for is how people see it.
            cells = {"name": about, "description": text} if has_both else {only: about or text}
            is_said, whole = fits(text) and (has_both or not about), text
        else:
            cells = {"name": text, "description": about} if has_both else {only: text}
            is_said = fits(text) and (not about or (has_both and fits(about)))
            whole = f"{text}\n\n{about}".rstrip()
        values = {"id": self.id, "tags": ", ".join(new.tags), **new.values}
        needs = new.needs or ("None" if columns.needs is not None else "")
        row = {role: text for role, text in {**cells, **values, "needs": needs}.items() if text}
        return row, whole, is_said

    def _check(self, needs: Sequence[str]) -> None:
        known = set(self._known)
        for option, task_ids in (("--depends-on", needs), ("--parent", (self._new.parent,))):
            for task_id in filter(None, task_ids):
                if task_id not in known:
                    raise unknown_task(task_id, known, option)

    def _task_file(self, task: Task, body: str, plan: Plan) -> bytes:
        return task_file_of(
            self._layout,
            task._replace(description=body),
            plan.tasks,
            shell=self.is_shell,
            settings=self._new.settings,
            criteria=self._new.criteria,
        )
