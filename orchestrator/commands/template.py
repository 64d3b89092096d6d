"""The command ``template``: plans to begin with; ``list``, ``show`` and ``save``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, Group, argument, flag
from orchestrator.commands.reply import program, talk, with_program
from orchestrator.core.agent import BUILT_IN
from orchestrator.core.text import one_line, pluralize
from orchestrator.errors import UsageError
from orchestrator.planner.plan import draw
from orchestrator.planner.revise import example
from orchestrator.planner.templates import (
    PlanTemplate,
    SavedPlan,
    TemplateParameter,
    describe,
    plan_templates,
    save_plan,
    saved_plan,
    saved_plans,
)
from orchestrator.store.layout import Layout

# ── list ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class TemplateListParams:
    """Nothing besides the plan directory."""


class _Templates(NamedTuple):
    saved: Sequence[SavedPlan]
    built_in: Sequence[PlanTemplate]


def templates(layout: Layout | None) -> _Templates:
    """Return the templates that there are; one that cannot be read is a warning."""
    mine = saved_plans(layout, os.environ, lambda text: talk(f"warning: {text}"))
    return _Templates(list(mine.values()), [each for name, each in plan_templates().items() if name not in mine])


def _list(call: Call, params: TemplateListParams) -> _Templates:  # noqa: ARG001 - there are none
    """Name the templates, and the parameters of each.

    Those in templates/ of the plan directory, those in ~/.config/orchestrator/templates/, and those that are built in.
    The nearest one with a name is meant.
    """
    return templates(call.plan_if_any())


def _list_facts(found: _Templates) -> Facts:
    listed = [*map(_saved_facts, found.saved), *map(_template_facts, found.built_in)]
    return {"message": pluralize(len(listed), "template"), "templates": listed}


def _list_text(found: _Templates) -> str:
    return "\n\n".join([*map(_described, found.saved), *map(describe, found.built_in)]) + "\n"


LIST_COMMAND = Command(TemplateListParams, _list, _list_facts, _list_text)


def _described(saved: SavedPlan) -> str:
    head = f"{saved.name}: {saved.title or 'a plan'} ({one_line(os.path.relpath(saved.where))})"
    return "\n".join([head, *(f"  {name}: required" for name in saved.parameters)])


def _saved_facts(saved: SavedPlan) -> Mapping[str, Any]:
    parameters = [TemplateParameter(name, "") for name in saved.parameters]
    return {
        "name": saved.name,
        "about": saved.title,
        "parameters": [_parameter_facts(each) for each in parameters],
        "from": saved.where,
    }


def _template_facts(each: PlanTemplate) -> Mapping[str, Any]:
    return {
        "name": each.name,
        "about": each.about,
        "parameters": [_parameter_facts(one) for one in each.parameters.values()],
        "from": "built in",
    }


def _parameter_facts(one: TemplateParameter) -> Mapping[str, Any]:
    return {"name": one.name, "about": one.about, "kind": one.kind, "default": one.default}


# ── show ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class NameParams:
    """Which one."""

    name: str = argument("NAME", completion="template")


class _ShownTemplate(NamedTuple):
    text: str
    task_files: Mapping[str, str]
    facts: Mapping[str, Any]
    where: str
    """The directory of a saved one."""


def _show(call: Call, params: NameParams) -> _ShownTemplate:
    """Print the plan that a template makes.

    {{name}} stands where something is filled in.
    """
    saved = saved_plan(call.plan_if_any(), params.name, os.environ)
    if saved is not None:
        return _ShownTemplate(saved.plan, dict(saved.task_files), _saved_facts(saved), saved.where)
    found = plan_templates().get(params.name)
    if found is None:
        raise UsageError(
            f"there is no template {one_line(params.name, 60)!r}", hint="`orchestrator template list` names them"
        )
    drawn = draw(example(found, [member.key for member in BUILT_IN]), Layout(os.getcwd()))
    return _ShownTemplate(drawn.text, dict(drawn.task_files), _template_facts(found), "")


def _show_facts(shown: _ShownTemplate) -> Facts:
    facts = shown.facts
    return {
        "message": f"{facts['name']}: {facts['about']}",
        **facts,
        "text": shown.text,
        "task_files": shown.task_files,
    }


def _show_remarks(shown: _ShownTemplate) -> Iterator[str]:
    if shown.where:
        yield f"{shown.where}, with {pluralize(len(shown.task_files), 'task file')}"


# ── save ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class SaveParams:
    """Its name, and where it is kept."""

    name: str = argument("NAME")
    here: bool = flag("In templates/ of the plan directory, for all who have it.")
    force: bool = flag("Replace the one of that name.")


class _Saved(NamedTuple):
    saved: SavedPlan
    is_here: bool
    is_json: bool


def _save(call: Call, params: SaveParams) -> _Saved:
    """Make a template of the plan in DIR.

    Its master_plan.md and agent_tasks/ are copied, without anything that came of them. Prints where the template is:
    write {{name}} there for what shall be filled in each time.
    """
    saved = save_plan(call.plan(), params.name, os.environ, here=params.here, force=params.force)
    return _Saved(saved, params.here, call.is_json)


def _save_remarks(found: _Saved) -> Iterator[str]:
    saved = found.saved
    parameters = "".join(f' --param "{each}=…"' for each in saved.parameters)
    if found.is_json:
        return
    if found.is_here:  # it is only found from this directory
        command = f"orchestrator plan --template {saved.name}{parameters}"
        yield with_program(f"once this plan is finished: {command}")
    else:
        yield f"next: {program()} plan --template {saved.name}{parameters} --dir NEW"


COMMAND = Group(
    """See plans to begin with, and keep one of your own.

    Examples:
      orchestrator template list
      orchestrator template show codebase-analysis
      orchestrator template save review
      orchestrator plan --template review --param "module=src/api"

    A template of yours is a directory with a master_plan.md and agent_tasks/. Write {{name}} anywhere in these files
    for what is to be filled in.
    """,
    {
        "list": LIST_COMMAND,
        "show": Command(NameParams, _show, _show_facts, lambda shown: shown.text, remarks=_show_remarks),
        "save": Command(
            SaveParams,
            _save,
            lambda found: {"message": f"saved {found.saved.name}", **_saved_facts(found.saved)},
            lambda found: f"{found.saved.where}\n",
            remarks=_save_remarks,
            takes=(DIRECTORY, DIR, JSON),
        ),
    },
)
