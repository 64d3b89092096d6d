"""What a task tells the worker: whether that is a command, and the task file that says what its row cannot."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.agent import Program
from orchestrator.core.criteria import Criterion
from orchestrator.core.plan import Plan, Task
from orchestrator.core.settings import IN_A_TASK, resolve
from orchestrator.core.text import from_cell
from orchestrator.errors import PlanError, StoreError, UsageError
from orchestrator.ownership import make_directories
from orchestrator.plan.editor import fits
from orchestrator.plan.lines import LARGEST_TEXT, oversized
from orchestrator.plan.safe_markdown import without_merge
from orchestrator.plan.task_file import criteria_in, made_from_typed, parse_task_file, with_criteria, with_ticks
from orchestrator.services.agent_choice import Known
from orchestrator.services.assignments import make_task_files
from orchestrator.services.task_settings import task_settings
from orchestrator.store.atomic import atomic_write, io_errors, read_file, reject_symlinks, sync_directory
from orchestrator.store.compare_and_swap import Taken, exchanged, put, require_closed, take
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import exclusive
from orchestrator.store.task_files import Assignments
from orchestrator.store.workspace import Workspace
from orchestrator.views.task_file import task_file

if TYPE_CHECKING:
    from orchestrator.plan.task_file import TaskFile
    from orchestrator.store.agent_files import Agents

#: Whether a built-in agent runs commands; no file of an agent can change that.
_BUILT_IN = {"": False, "claude": False, "simulated": False, "shell": True}
_NOTHING: Mapping[str, Any] = MappingProxyType({})
#: What a setting of a task is called in its file, where that is another word.
_SHORT = {long: short for short, long in IN_A_TASK.items()}
_DAY = 86400.0


class TaskInstructions(NamedTuple):
    """The instructions for the worker, and where they stand."""

    file: str = ""
    """Its task file, when a user wrote one."""
    is_in_file: bool = False
    """Whether that file says what is to be done, and not the row."""
    is_typed: bool = False
    """Whether that file is as it was made from a command that a user typed."""
    settings: Mapping[str, Any] = _NOTHING
    """Those in such a file; the criteria likewise."""
    criteria: Sequence[str] = ()
    before: str = ""
    """The command that the row is; empty when it is none."""
    is_command: bool = False
    """Whether the row is to be one."""

    @classmethod
    def of(cls, layout: Layout, row: Task, meant: Task, default: str, agents: Agents) -> TaskInstructions:
        """Look at a task whose row is to be another one.

        Args:
            layout: The plan.
            row: Its row.
            meant: The row with who is to do it; its texts do not count.
            default: As for ``runs_commands``; so is the next one.
            agents: The agents that there are.

        Raises:
            PlanError, StoreError: its file or the agents cannot be read.
        """
        found = read_own(layout, row)
        own = found.settings if found is not None else _NOTHING
        path = layout.task_file(row.stem)
        is_typed = found is not None and found.is_typed and not os.path.islink(path)
        return cls(
            file=path if found is not None else "",
            is_in_file=found is not None and bool(found.body.strip()),
            is_typed=is_typed,
            settings=own if is_typed else _NOTHING,
            criteria=_criteria(layout, row) if is_typed else (),
            before=row.description if runs_commands(layout, row, default, agents, own) else "",
            is_command=runs_commands(layout, meant, default, agents, own),
        )

    def unsaid(self, texts: Mapping[str, str], task: Task) -> str:
        """Return what the task file is to say of what is to be done; empty when the row says all of it.

        Args:
            texts: The new texts, by column.
            task: The row with them, as read.

        Raises:
            UsageError: there is no other place for it.
        """
        is_only_text = not texts.get("description") and task.name == from_cell(task.description)
        for column, is_read in (("name", is_only_text), ("description", True)):
            text = texts.get(column, "")
            if is_read and text and self.is_typed:
                return text
            is_hidden = is_read and self.is_command and self.is_in_file
            if not text or (fits(text) and not is_hidden):
                continue
            if is_read and not self.file:
                return text
            message, where = f"a row of the plan cannot say this {column}", ""
            if is_hidden and fits(text):
                message = f"what is run stands here, and this {column} would only seem to be it"
            hint = "one line of at most 200 characters can be said that opens no tag, no ` and has no secret in it"
            if is_read:
                where = display_path(self.file)
                hint = "its agent reads this file" if self.is_in_file else "it has settings already"
                hint = f"{hint}: write it there"
            raise UsageError(message, where=where, hint=hint)
        return ""

    def command(self, text: str) -> str:
        """Return the command that a task with this text runs, if that is another one than before; else empty."""
        is_told = self.is_typed or not self.is_in_file
        is_new = self.is_command and is_told and text != self.before
        return text if is_new else ""


def _criteria(layout: Layout, task: Task) -> Sequence[str]:
    found = criteria_in(read_file(layout.task_file(task.stem), LARGEST_TEXT) or b"")
    return [criterion.text for criterion in found]


def runs_commands(layout: Layout, task: Task, default: str, agents: Agents, own: Mapping[str, Any]) -> bool:
    """Say whether who does a task runs it as a command. The agents are looked up only where they make a difference.

    Args:
        layout: The plan.
        task: Its row.
        default: The agent that the plan names; may be empty.
        agents: The agents that there are.
        own: Settings of its task file.

    Raises:
        PlanError, StoreError: the agents cannot be read.
    """
    named = own.get("agent") or task.agent_key
    key = named or default
    if key in _BUILT_IN and (named or not (task.role or task.type)):
        return _BUILT_IN[key]

    registry = agents(layout)
    known = Known(registry, layout.workdir(""))
    asked = known.key_of(task)
    row, plan = ({"agent": each} if each else {} for each in (asked, default))
    doer = known.settle(plan, {**row, **own}, {}, known.type_of(task)).agent
    return doer in registry and registry[doer].runs is Program.SHELL


def read_own(layout: Layout, task: Task) -> TaskFile | None:
    """Return the task file of a task; None when there is none, or only what was made from the row.

    Raises:
        StoreError: it cannot be read.
    """
    path = layout.task_file(task.stem)
    if (data := read_file(path, LARGEST_TEXT)) is None:
        return None

    found = parse_task_file(data, display_path(path))
    return None if found.made and not os.path.islink(path) else found


def task_file_of(
    layout: Layout,
    task: Task,
    tasks: Mapping[str, Task],
    *,
    shell: bool,
    settings: Mapping[str, Any],
    criteria: Sequence[str],
) -> bytes:
    """Return a task file that says all of what is to be done, which is the description of *task*.

    As long as no one changes one of a *shell*, another command may take its place.

    Raises:
        UsageError: criteria would not be read as such below that text.
        PlanError: a template of the plan directory is invalid.
    """
    needs = [tasks[need] for need in task.data_needs if need in tasks]
    if not shell:
        task = task._replace(description=without_merge(task.description))
    text = task_file(task, resolve(settings), layout.templates, needs, shell=shell)
    front = [f"{_SHORT.get(name, name)}: {_flow(value)}" for name, value in settings.items()]
    head = "\n".join(["---", *front, "---", ""]) if front else ""
    data = _with_criteria(f"{head}{text}".encode(), criteria)
    _require_kept(data, settings)
    if not shell:
        return data

    return made_from_typed(data.decode()).encode()


def _flow(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and value > _DAY:
        return f"{value:.0f}s"  # so long, a bare number is asked which unit is meant
    if isinstance(value, bool | str | Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=dict)
    return str(value)


def _require_kept(data: bytes, settings: Mapping[str, Any]) -> None:
    """Make sure that a task file says the settings that it was made with.

    Raises:
        UsageError: front matter cannot say one of them.
    """
    if not settings:
        return
    found = parse_task_file(data, "")
    if found.problems:
        raise UsageError(found.problems[0].message, hint=found.problems[0].hint)
    for name, value in settings.items():
        if found.settings.get(name) != value:
            option = f"--{_SHORT.get(name, name).replace('_', '-')}"
            hint = "write what is odd about it as a text, or into a file that --input-file names"
            raise UsageError(f"{option}: the value cannot be kept as it is in a task file", hint=hint)


def _with_criteria(data: bytes, criteria: Sequence[str]) -> bytes:
    if not criteria:
        return data

    try:
        return with_criteria(data, criteria, "")
    except UsageError:
        message = "no success criterion can stand below this text"
        hint = "close what it opens, such as ``` or <!--, and give no criterion that it has already"
        raise UsageError(message, hint=hint) from None


def put_both(layout: Layout, before: Taken, plan: bytes, task: Task, file: bytes) -> bool:
    """Put a plan in place, with the task file that says what a row of it cannot, or is empty: both, or neither.

    The file comes first: what is run must never be a row that says only a part of it. False, and nothing done, when
    a user saved another version of the plan meanwhile.

    Raises:
        UsageError: a user has the task file open for writing.
        StoreError: it could not be written.
    """
    if not file:
        return put(layout.plan, before, plan) is not None
    path = layout.task_file(task.stem)
    require_closed(path)
    with io_errors("make", layout.tasks):
        make_directories(layout.tasks)
    there = read_file(path, LARGEST_TEXT)
    atomic_write(path, file, is_durable=True)
    try:
        is_in = put(layout.plan, before, plan) is not None
    except StoreError:
        _put_back(path, there)
        raise
    if not is_in:
        _put_back(path, there)
    return is_in


def _put_back(path: str, there: bytes | None) -> None:
    if there is None:
        os.unlink(path)
    else:
        atomic_write(path, there)


# ── criteria ────────
#
# Success criteria of a task: looked at, added, confirmed. They are in its task file.


def criteria_of(layout: Layout, stem: str) -> tuple[Criterion, ...]:
    """Return the success criteria of a task; none when it has no task file.

    Raises:
        PlanError: the file is too large for any agent.
        StoreError: it cannot be read.
    """
    path = layout.task_file(stem)
    data = read_file(path, LARGEST_TEXT) or b""
    if (problem := oversized(data, display_path(path))) is not None:
        raise PlanError([problem])
    return criteria_in(data)


def is_asked_for(layout: Layout, plan: Plan, task: Task) -> bool:
    """Say whether the plan or the task wants criteria to be met before anybody completes it by hand.

    Raises:
        PlanError: the task file is invalid, so it is unknown.
        StoreError: it cannot be read.
    """
    found = Assignments(layout, display_path(layout.root)).read(task)
    own = found.settings if found is not None else {}
    return bool({**plan.settings, **own}.get("validate"))


def check_new(layout: Layout, plan: Plan, task: Task, texts: Sequence[str], agents: Agents) -> None:
    """Make sure that criteria can be added to a task of *plan*, which is about to be written. In line for the plan.

    A file that no one wrote is made from the row, as a run would make it.

    Raises:
        UsageError: they are there already, or its file cannot take them.
        PlanError: a template of the plan directory, or a setting of the task, is invalid.
        StoreError: the file cannot be read or made.
    """
    if read_own(layout, task) is None:
        _make_file(layout, plan, task, agents)
    path = layout.task_file(task.stem)
    with_criteria(read_file(path, LARGEST_TEXT) or b"", texts, display_path(path))


def add_criteria(layout: Layout, stem: str, texts: Sequence[str]) -> None:
    """Add criteria to the file of a task, after ``check_new``. In line for the plan.

    Raises:
        UsageError, StoreError: as there.
    """
    path = layout.task_file(stem)
    _change(path, lambda data: with_criteria(data, texts, display_path(path)))


def check_ticks(layout: Layout, stem: str, numbers: Collection[int]) -> None:
    """Do nothing if these criteria can be ticked; raises as ``tick``."""
    path = layout.task_file(stem)
    reject_symlinks(layout.tasks)
    with_ticks(take(path).data, numbers, display_path(path))


def tick(layout: Layout, stem: str, numbers: Collection[int]) -> None:
    """Tick criteria in the file of a task; they count from 1.

    Raises:
        UsageError: the file does not let it.
        StoreError: it cannot be read or written.
    """
    path = layout.task_file(stem)
    with exclusive(layout.plan_lock):
        _change(path, lambda data: with_ticks(data, numbers, display_path(path)))


def _change(path: str, edit: Callable[[bytes], bytes]) -> None:
    def change(before: Taken) -> os.stat_result | None:
        return put(path, before, edit(before.data))

    exchanged(path, change)
    sync_directory(os.path.dirname(path))


def _make_file(layout: Layout, plan: Plan, task: Task, agents: Agents) -> None:
    workspace, registry = Workspace(layout), agents(layout)
    alone = plan._replace(tasks={task.id: plan.tasks[task.id]})
    settings = task_settings(workspace, alone, registry)
    workspace.make_directories()
    make_task_files(workspace, plan.tasks, settings, [task.id], registry)
