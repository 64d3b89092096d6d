"""The command ``add``: one more task."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, flag, option
from orchestrator.commands.reply import with_program
from orchestrator.commands.task_fields import criteria_of, field_options, setting_options, settings_of, tags_of
from orchestrator.errors import UsageError
from orchestrator.planner.draft import vagueness
from orchestrator.services.new_task import Added, NewTask, add


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
    subtasks: str = option("Tasks under it, one after the other: gather,sort,tell.", metavar="A,B", default="")
    parallel: bool = flag("The subtasks run side by side.")
    id: str = option("Its id (default: the next one).", metavar="ID", default="")


class NewRow(NamedTuple):
    """A task that was added, and what the reply says of it."""

    added: Added
    plan: str
    vagueness: str
    """What is vague about its text; empty: nothing."""


def execute(call: Call, params: AddParams) -> NewRow:
    """Add a task to the plan, and print its id.

    Where there is no plan, one is made. An active run does the task, too.

    Examples:
      ID=$(orchestrator add "Write the API tests" --depends-on T-01 -p high)
      orchestrator add "make test" --agent shell --desc "Run the tests"
      orchestrator add "Plan the first quarter" --subtasks gather_requirements,create_timeline --parallel
      orchestrator add "Add a login" --criterion "All tests pass" --estimated-hours 8
    """
    subtasks = tuple(each.strip() for each in params.subtasks.split(",") if each.strip())
    if params.parallel and not subtasks:
        raise UsageError("--parallel is for subtasks", hint="name some with --subtasks A,B")
    task = NewTask(
        text=params.text,
        description=params.desc,
        needs=",".join(params.depends_on),
        tags=tags_of(params.tags),
        values=params.values,
        settings=settings_of(params.settings),
        criteria=criteria_of(params.criterion, params.criteria),
        id=params.id,
        subtasks=subtasks,
        is_parallel=params.parallel,
    )
    layout = call.plan(must_exist=False)
    added = add(layout, task, call.caller(), call.agents)
    words = " ".join(filter(None, (task.text, task.description)))
    return NewRow(added, layout.plan, "" if added.is_shell else vagueness(words))


def remarks(row: NewRow) -> Iterator[str]:
    """Yield what was made for the task, what runs it, and what should be better about it."""
    added = row.added
    if added.plan:
        queue = "a queue in which `shell` runs commands and claude, which costs money, does the rest"
        yield f"made {os.path.relpath(added.plan)}: {queue}"
    if added.subtasks:
        yield f"{added.id} is a group of {', '.join(added.subtasks)}"
    for warning in filter(None, (added.warning, added.too_long)):
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
        "subtasks": list(added.subtasks),
        "plan": row.plan,
        "workdir": added.workdir,
        "warnings": list(filter(None, (added.warning, added.too_long, note, row.vagueness))),
    }


def text(row: NewRow) -> str:
    """Return the id of the task."""
    return f"{row.added.id}\n"


COMMAND = Command(AddParams, execute, facts, text, remarks=remarks, takes=(DIR, CALLER, JSON))
