"""The command ``task``: ``create``, ``update`` and ``types``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands import add, update
from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, Group, WholeNumber, argument, flag, option
from orchestrator.commands.reply import terminal_width
from orchestrator.commands.task_fields import field_options, given_of, given_options, tags_of
from orchestrator.core.duration import parse_duration
from orchestrator.core.ids import suggestion
from orchestrator.core.settings import read_setting
from orchestrator.core.task_type import TaskType
from orchestrator.core.text import pluralize
from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.plan.task_fields import DUE
from orchestrator.services.custom_types import read_custom_types, without_agent
from orchestrator.services.new_task import NewTask
from orchestrator.store.agent_files import read_agents
from orchestrator.store.type_files import add_types
from orchestrator.views.listing import types_text

# ── create ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _milliseconds(word: str) -> float:
    text = f"{word}ms" if word.strip().isdecimal() else word
    return float(read_setting("timeout", f"{parse_duration(text)}s"))


@dataclass(frozen=True)
class TaskCreateParams:
    """The task, in the words of other task systems."""

    type: str = argument("TYPE")
    text: str = argument("TEXT", dash="prose")
    desc: str = option("More about it.", metavar="TEXT", default="")
    values: Mapping[str, str] = field_options("priority", DUE.name)
    tags: Sequence[str] = option("Words to find it by: a,b.", metavar="A,B", is_repeated=True, completion="tag")
    assign_to: str = option("Who does it: an agent, or a person.", metavar="NAME", default="", completion="assignee")
    dependencies: Sequence[str] = option(
        "What comes before, by id or name: a,b.", metavar="A,B", is_repeated=True, completion="tasks"
    )
    timeout: float | None = option("Time for one attempt, in milliseconds, or 30m.", metavar="MS", read=_milliseconds)
    retry_count: int | None = option("Repeats after the first attempt.", metavar="N", read=WholeNumber(0, 1000))
    given: Mapping[str, Any] = given_options()
    subtasks: Sequence[str] | None = option("Make it a group of these tasks.", metavar="A,B", read=add.subtask_names)
    parallel: bool = flag("With --subtasks: they need not wait for each other.")
    id: str = option("Its id (default: the next one).", metavar="ID", default="")


def _create(call: Call, params: TaskCreateParams) -> add.NewRow:
    """Add a task of a type to the plan, and print its id.

    As `add`, in the words of other task systems: a timeout without a unit is in milliseconds, and the type is one of
    those that `task types` lists.

    Examples:
      orchestrator task create research "Compare the providers" --priority high --tags "cloud,cost"
      orchestrator task create analysis "What the logs say" --input-file ./logs.json --output-dir ./reports/
    """
    layout = call.plan(must_exist=False)
    types = call.agents(layout).types
    if params.type.casefold() not in types:
        known = [each.key for each in types.values()]
        listed = f"types are {', '.join(known)}; a file types/KEY.md makes one more"
        hint = suggestion(params.type, known, listed)
        raise UsageError(f"there is no type of task {params.type!r}", hint=hint)
    settings = {"timeout": params.timeout, "retries": params.retry_count}
    task = NewTask(
        text=params.text,
        description=params.desc,
        needs=",".join(params.dependencies),
        tags=tags_of(params.tags, "--tags"),
        values={
            **params.values,
            "type": types[params.type.casefold()].key,
            **({"assignee": params.assign_to} if params.assign_to else {}),
        },
        settings={
            **{name: value for name, value in settings.items() if value is not None},
            **given_of(params.given, layout.root),
        },
        id=params.id,
        subtasks=tuple(params.subtasks or ()),
        is_parallel=params.parallel,
    )
    try:
        return add.add_row(call, layout, task)
    except OrchestratorError as error:
        error.message = error.message.replace("--depends-on: ", "--dependencies: ")
        raise


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TypesParams:
    """Whether types of another tool become files of the plan first."""

    source: str = option(
        "Write types/KEY.md for each of the customTaskTypes in a JSON file.",
        metavar="FILE",
        names=("--from",),
        default="",
    )


class _Types(NamedTuple):
    types: Sequence[TaskType]
    written: Sequence[str]
    lacking: Sequence[str]
    """Types that were written and that no agent can do as yet, and why."""


def _types(call: Call, params: TypesParams) -> _Types:
    """List the types of task: their settings, their parameters, and where they come from.

    Built in are research, analysis, implementation, coordination, design, review, planning and testing. One more is
    one more file, types/KEY.md in the plan directory, or in ~/.config/orchestrator/ for all plans.

    Examples:
      orchestrator task types
      orchestrator task types --from types.json
    """
    layout = call.plan() if params.source else call.plan_if_any()
    written: list[str] = []
    lacking: list[str] = []
    if params.source and layout is not None:
        found = read_custom_types(os.path.abspath(params.source))
        written = add_types(layout, found, os.environ)
        registry = read_agents(layout, os.environ)
        lacking = list(without_agent(found, frozenset(skill for each in registry for skill in each.skills)))
    types = read_agents(layout, os.environ).types
    return _Types([*types.values()], written, lacking)


def _types_facts(found: _Types) -> Facts:
    wrote = f"wrote {pluralize(len(found.written), 'type')}" if found.written else ""
    return {
        "message": wrote or pluralize(len(found.types), "type"),
        "types": [_type_facts(each) for each in found.types],
        **({"written": found.written} if found.written else {}),
        "warnings": found.lacking,
    }


def _type_facts(each: TaskType) -> dict[str, object]:
    return {
        "key": each.key,
        "description": each.description,
        "settings": dict(each.settings),
        "params": {
            name: {"schema": dict(param.schema), "required": param.is_required, "several": param.takes_several}
            for name, param in each.params.items()
        },
        "prefers": each.prefers,
        "text": each.text,
        "from": each.where,
    }


def _types_remarks(found: _Types) -> Iterator[str]:
    yield from (f"wrote {os.path.relpath(path)}" for path in found.written)
    for each in found.lacking:
        yield f"warning: {each}, which no agent can do: add it to `capabilities:` of an agent, or take it out"


COMMAND = Group(
    """Create a task of a type, change one, and see the types there are.

    Examples:
      orchestrator task create research "Compare the providers" --priority high
      orchestrator task update T-01 --priority urgent
      orchestrator task types

    `orchestrator add` adds a task with any type, or none.
    """,
    {
        "create": Command(
            TaskCreateParams, _create, add.facts, add.text, remarks=add.remarks, takes=(DIR, CALLER, JSON)
        ),
        "update": update.COMMAND,
        "types": Command(
            TypesParams,
            _types,
            _types_facts,
            lambda found: types_text(found.types, terminal_width()),
            remarks=_types_remarks,
            takes=(DIR, JSON),
        ),
    },
)
