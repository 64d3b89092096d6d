"""``template``: plans to begin with, those that come along and those that people keep."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

import click

from orchestrator.cli.agents import plan_directory_if_any
from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.commands.reply import as_called, plan_directory, program, say_json, talk, write
from orchestrator.core.agent import BUILT_IN
from orchestrator.core.text import one_line, pluralize
from orchestrator.errors import UsageError
from orchestrator.planner.plan import Drawn, draw
from orchestrator.planner.revise import Proposal, from_template
from orchestrator.planner.templates import (
    Parameter,
    PlanTemplate,
    SavedPlan,
    describe,
    draw_saved,
    places_of_saved,
    plan_templates,
    read_values,
    save_plan,
    saved_plan,
    saved_plans,
)
from orchestrator.store.layout import Layout


@click.group("template")
def template_command() -> None:
    """See plans to begin with, and keep one of your own.

    \b
      orchestrator template list
      orchestrator template show codebase-analysis
      orchestrator template save review
      orchestrator plan --template review --param "module=src/api"

    A template of yours is a directory with a master_plan.md and agent_tasks/. Write {{name}} anywhere in these files
    for what is to be filled in.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is


@template_command.command("list")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_json
def list_command(option: str | None, *, as_json: bool) -> None:
    """Name the templates, and what each has to be told.

    Those in templates/ of the plan directory, those in ~/.config/orchestrator/templates/, and those that come along.
    The nearest one with a name is meant.
    """
    say_templates(plan_directory_if_any(None, option), as_json=as_json)


@template_command.command("show")
@click.argument("name")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@takes_json
def show_command(name: str, option: str | None, *, as_json: bool) -> None:
    """Print the plan that a template makes.

    {{name}} stands where something is filled in.
    """
    layout = plan_directory_if_any(None, option)
    saved = saved_plan(layout, name, os.environ)
    if saved is not None:
        text, files, facts = saved.plan, dict(saved.task_files), _saved_facts(saved)
    else:
        text, files, facts = _example(name)
    if as_json:
        say_json(f"{facts['name']}: {facts['about']}", **facts, text=text, task_files=files)
        return
    write(text)
    if saved is not None:
        talk(f"{saved.where}, with {pluralize(len(files), 'task file')}")


@template_command.command("save")
@click.argument("name")
@takes_directory
@click.option(
    "--here", is_flag=True, help="In templates/ of the plan directory, for all who have it."
)
@click.option("--force", is_flag=True, help="Replace the one of that name.")
@takes_json
def save_command(
    name: str,
    directory: str | None,
    option: str | None,
    *,
    here: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Make a template of the plan in DIR.

    Its master_plan.md and agent_tasks/ are copied, without anything that came of them. Prints where the template is:
    write {{name}} there for what shall be filled in each time.
    """
    saved = save_plan(plan_directory(directory, option), name, os.environ, here=here, force=force)
    if as_json:
        say_json(f"saved {name}", **_saved_facts(saved))
        return
    write(f"{saved.where}\n")
    told = "".join(f' --param "{each}=…"' for each in saved.parameters)
    if here:  # only from this place it is found
        talk(as_called(f"once this plan is finished: orchestrator plan --template {name}{told}"))
    else:
        talk(f"next: {program()} plan --template {name}{told} --dir NEW")


def of_template(
    layout: Layout, name: str, parameters: Sequence[str], agents: Collection[str], request: str
) -> tuple[Proposal | None, Drawn | None]:
    """Fill a template: one that comes along makes a proposal, one that somebody keeps the files themselves.

    Raises:
        UsageError: there is none of that name, or it was told too much or too little.
        PlanError, StoreError: as their names say.
    """
    saved = saved_plan(layout, name, os.environ)
    if saved is None:
        mine = places_of_saved(layout, os.environ)
        return from_template(name, parameters, agents, request, mine=mine), None
    values = read_values(parameters)
    if request and "request" not in saved.parameters:
        raise UsageError(
            f"the template {name} has no place for a request",
            where=saved.where,
            hint="write {{request}} where it belongs, or leave it out",
        )
    if request:
        values["request"] = request
    return None, draw_saved(saved, values, agents)


def say_templates(layout: Layout | None, *, as_json: bool) -> None:
    """Name the templates there are."""
    mine = saved_plans(layout, os.environ, lambda text: talk(f"warning: {text}"))
    ours = [each for name, each in plan_templates().items() if name not in mine]
    if as_json:
        listed = [*map(_saved_facts, mine.values()), *map(_template_facts, ours)]
        say_json(pluralize(len(listed), "template"), templates=listed)
        return
    write("\n\n".join([*map(_described, mine.values()), *map(describe, ours)]) + "\n")


def _described(saved: SavedPlan) -> str:
    head = f"{saved.name}: {saved.title or 'a plan'} ({one_line(os.path.relpath(saved.where))})"
    return "\n".join([head, *(f"  {name}: required" for name in saved.parameters)])


def _saved_facts(saved: SavedPlan) -> dict[str, Any]:
    parameters = [Parameter(name, "") for name in saved.parameters]
    return {
        "name": saved.name,
        "about": saved.title,
        "parameters": [_parameter_facts(each) for each in parameters],
        "from": saved.where,
    }


def _template_facts(each: PlanTemplate) -> dict[str, Any]:
    return {
        "name": each.name,
        "about": each.about,
        "parameters": [_parameter_facts(one) for one in each.parameters.values()],
        "from": "built in",
    }


def _parameter_facts(one: Parameter) -> dict[str, Any]:
    return {"name": one.name, "about": one.about, "kind": one.kind, "default": one.default}


def _example(name: str) -> tuple[str, dict[str, str], dict[str, Any]]:
    """Return the plan that a template of ours makes when its parameters are left as they are called."""
    found = plan_templates().get(name)
    if found is None:
        raise UsageError(
            f"there is no template {one_line(name, 60)!r}",
            hint="`orchestrator template list` names them",
        )
    from orchestrator.planner.revise import example

    drawn = draw(example(found, [member.key for member in BUILT_IN]), Layout(os.getcwd()))
    return drawn.text, dict(drawn.task_files), _template_facts(found)
