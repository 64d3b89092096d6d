"""The command ``add``: one more task."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, comma_list, flag, option
from orchestrator.commands.reply import with_program
from orchestrator.commands.task_fields import (
    criteria_of,
    field_options,
    given_of,
    given_options,
    missing_files,
    setting_options,
    settings_of,
    tags_of,
)
from orchestrator.core.text import join_first
from orchestrator.errors import UsageError
from orchestrator.planner.draft import vagueness
from orchestrator.services.new_task import Added, NewTask, add
from orchestrator.store.layout import Layout


def subtask_names(text: str) -> list[str]:
    """Read ``--subtasks``: the texts of tasks."""
    names = comma_list(text)
    if not names:
        raise ValueError(f"{text!r} names no task")
    return names


@dataclass(frozen=True)
class AddParams:
    """The task."""

    text: str = argument("TEXT", dash="prose")
    desc: str = option("More about it; of a command, its name.", metavar="TEXT", default="")
    depends_on: Sequence[str] = option(
        "What comes before: T-01,T-02.", metavar="IDS", is_repeated=True, completion="tasks"
    )
    values: Mapping[str, str] = field_options()
    tags: Sequence[str] = option(
        "A word to find it by.", metavar="NAME", names=("--tag",), is_repeated=True, completion="tag"
    )
    criterion: Sequence[str] = option("When it is done: one criterion.", metavar="TEXT", is_repeated=True)
    criteria: str = option("""The same: '["all tests pass"]'.""", metavar="JSON", default="")
    settings: Mapping[str, str] = setting_options()
    given: Mapping[str, Any] = given_options()
    subtasks: Sequence[str] | None = option("Make it a group of these tasks.", metavar="A,B", read=subtask_names)
    parallel: bool = flag("With --subtasks: they need not wait for each other.")
    id: str = option("Its id (default: the next one).", metavar="ID", default="")


class NewRow(NamedTuple):
    """A task that was added, and what the reply says of it."""

    added: Added
    plan: str
    vagueness: str
    """What is vague about its text; empty: nothing."""
    missing: str = ""
    """That input files are not there yet; empty: they are."""


def execute(call: Call, params: AddParams) -> NewRow:
    """Add a task to the plan, and print its id.

    Where there is no plan, one is made. An active run does the task, too.

    Examples:
      ID=$(orchestrator add "Write the API tests" --depends-on T-01 -p high)
      orchestrator add "make test" --agent shell --desc "Run the tests"
      orchestrator add "Add a login" --criterion "All tests pass" --estimated-hours 8
      orchestrator add "Compare the providers" --type research --param depth=basic --input-file data/list.csv
    """
    layout = call.plan(must_exist=False)
    return add_row(
        call,
        layout,
        NewTask(
            text=params.text,
            description=params.desc,
            needs=",".join(params.depends_on),
            tags=tags_of(params.tags),
            values=params.values,
            settings={**settings_of(params.settings), **given_of(params.given, layout.root)},
            criteria=criteria_of(params.criterion, params.criteria),
            id=params.id,
            subtasks=tuple(params.subtasks or ()),
            is_parallel=params.parallel,
        ),
    )


def add_row(call: Call, layout: Layout, task: NewTask) -> NewRow:
    """Add a task, and return what the reply says.

    Raises:
        As ``add`` of ``services/new_task.py``.
    """
    if task.is_parallel and not task.subtasks:
        raise UsageError("--parallel says how --subtasks are done", hint="tasks run side by side unless they depend")
    added = add(layout, task, call.caller(), call.agents)
    words = " ".join(filter(None, (task.text, task.description)))
    vague = "" if added.is_shell or added.subtasks else vagueness(words)
    gone = missing_files(task.settings, layout.root)
    missing = f"there is no {join_first(gone, 3)} yet: it must be there when the run starts" if gone else ""
    return NewRow(added, layout.plan, vague, missing)


def remarks(row: NewRow) -> Iterator[str]:
    """Yield what was made for the task, what runs it, and what should be better about it."""
    added = row.added
    if added.plan:
        queue = "a queue in which `shell` runs commands and claude, which costs money, does the rest"
        yield f"made {os.path.relpath(added.plan)}: {queue}"
    if added.subtasks:
        yield f"{added.id} is a group of {', '.join(added.subtasks)}"
    for warning in filter(None, (added.warning, added.too_long, added.odd, row.missing)):
        yield f"warning: {warning}"
    if note := _note(added):
        yield with_program(f"{added.id}: {note}")
    if row.vagueness:
        yield f"warning: {added.id} is vague: {row.vagueness}"
        yield "  hint: say what to do, with what, and what comes out of it"


def _note(added: Added) -> str:
    """Return what runs a command, where, and how to change that; or that an agent is going to read it."""
    if added.is_shell:
        return (
            f"a command; `shell` runs it in {added.workdir}, with the environment of the run "
            f"(`orchestrator update {added.id} --agent claude` has an agent read it)"
        )
    if added.reads:
        return (
            f"begins like a command, but {added.reads} reads it as a request, which may cost money "
            f"(`orchestrator update {added.id} --agent shell` runs it)"
        )
    return ""


def facts(row: NewRow) -> Facts:
    """Return the task as JSON, with the warnings."""
    added = row.added
    note = _note(added) if added.reads else ""
    return {
        "message": f"added {added.id}",
        "id": added.id,
        "plan": row.plan,
        "workdir": added.workdir,
        **({"subtasks": added.subtasks} if added.subtasks else {}),
        "warnings": list(filter(None, (added.warning, added.too_long, added.odd, row.missing, note, row.vagueness))),
    }


def text(row: NewRow) -> str:
    """Return the id of the task."""
    return f"{row.added.id}\n"


COMMAND = Command(AddParams, execute, facts, text, remarks=remarks, takes=(DIR, CALLER, JSON))
