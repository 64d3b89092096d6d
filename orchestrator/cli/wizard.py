"""``wizard``: asks for a plan on the terminal, and writes it when it was seen and agreed to."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import click

from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.templates import of_template
from orchestrator.commands.reply import (
    as_called,
    plan_directory,
    require_one,
    say_json,
    talk,
    terminal_width,
)
from orchestrator.commands.reply import write as say
from orchestrator.core.agent import AgentRegistry
from orchestrator.core.draft import Draft
from orchestrator.core.plan import Task, id_of
from orchestrator.core.redact import redact
from orchestrator.core.settings import Settings, read_setting
from orchestrator.core.text import one_line, pluralize, sanitize
from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.plan.columns import read_needs
from orchestrator.planner.draft import read_draft
from orchestrator.planner.plan import Drawn, agents_of, draw, require_room, write
from orchestrator.planner.templates import places_of_saved, plan_templates, saved_plans
from orchestrator.services.agent_choice import Known
from orchestrator.store.layout import Layout
from orchestrator.views.terminal import plain, table
from orchestrator.wiring import plugins

#: Bytes of an answer. A terminal hands over 4,095 of a line, and drops the rest without a word.
_MOST = 4000
_NAMED = 60


class _Parameter(NamedTuple):
    """What a template has to be told; without a default it is asked for again."""

    name: str
    about: str
    default: str


@click.command("wizard")
@takes_directory
@click.option("--force", is_flag=True, help="Move an unfinished plan to archive/.")
@takes_json
def wizard_command(
    directory: str | None, option: str | None, *, force: bool, as_json: bool
) -> None:
    """Ask for a plan, question by question.

    What it is for, a template or the tasks one by one with what they need and who does them, how many at once. The plan
    is shown, and written only when you say yes. Ctrl-C leaves everything as it is.

    \b
      orchestrator wizard
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "the wizard asks on a terminal, and there is none",
            hint='`orchestrator plan "REQUEST"` asks an agent, `init` and `add` ask nobody',
        )
    require_one(directory, option)
    named = directory or option or os.environ.get("ORCHESTRATOR_DIR")
    layout = plan_directory(None, named, must_exist=False, here=True)
    chosen = plugins(layout=layout)
    require_room(layout, chosen.registry, force=force)
    agents = Known(chosen.registry, layout.workdir(""))
    try:
        written = _ask_and_write(layout, agents, chosen.registry, force=force)
    except EOFError:
        talk("")  # behind what was asked
        written = None
    if written is None:
        message = "nothing was written"
        if as_json:
            say_json(message, plan="")
        else:
            talk(message)
        return
    drawn, archived = written
    tasks = len(drawn.board.plan.tasks)
    if as_json:
        say_json(
            f"planned {pluralize(tasks, 'task')}", plan=layout.plan, tasks=tasks, archived=archived
        )
        return
    say(f"{layout.plan}\n")
    if archived:
        talk(f"The plan before it is in {archived}")
    talk(as_called("next: orchestrator run"))


def _ask_and_write(
    layout: Layout, agents: Known, registry: AgentRegistry, *, force: bool
) -> tuple[Drawn, str] | None:
    """Return the plan that was agreed to, and where the one before it was moved; None when nobody agreed."""
    drawn = _ask_for_plan(layout, agents)
    talk(f"\n{_shown(drawn, agents)}")
    while _ask(f"Write it to {os.path.relpath(layout.root)}? [y/N]").lower() in {"y", "yes"}:
        try:
            return drawn, write(layout, drawn, registry, force=force)
        except OrchestratorError as error:
            _tell(error)  # it may be mended meanwhile, and what was typed is not lost for it
    return None


def _ask_for_plan(layout: Layout, agents: Known) -> Drawn:
    request = _ask_until("What is to be done?")
    parameters = _templates(layout)
    while True:
        name = _ask(f"A template to begin with: {', '.join(parameters)} (Enter: none):")
        if not name or name in parameters:
            break
        talk(f"  there is no template {one_line(name, _NAMED)!r}")
    if name:
        return _from_template(layout, name, parameters[name], agents, request)
    tasks = _ask_for_tasks(agents)
    settings = _ask_for_width()
    return draw(_draft(request, tasks, agents), layout, settings)


# ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _ask_for_tasks(agents: Known) -> list[dict[str, Any]]:
    """Ask for one task after the other; one that makes no sense is told and asked for again."""
    tasks: list[dict[str, Any]] = []
    talk("The tasks, one after the other; Enter alone: no more.")
    while True:
        task_id = f"T-{len(tasks) + 1:02d}"
        text = _ask(f"{task_id}, what is to be done?")
        if not text:
            if tasks:
                return tasks
            continue
        task: dict[str, Any] = {"id": task_id, "name": text, "description": text}
        if tasks:
            known = f"{tasks[0]['id']}…{tasks[-1]['id']}" if len(tasks) > 1 else "T-01"
            task["needs"] = _needs(
                _ask(f"  what does it need, of {known}? (Enter: nothing)"), tasks
            )
        task["agent"] = _ask(f"  who does it, of {', '.join(agents)}? (Enter: claude)")
        if task["agent"] in agents.shells:
            task["command"] = text
        _, problems = read_draft({"tasks": [*tasks, task]}, agents, shells=agents.shells)
        for each in problems:
            talk(f"  {each.message}" + (f" ({each.hint})" if each.hint else ""))
        if not problems:
            tasks.append(task)


def _needs(answer: str, tasks: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return what a cell of dependencies says, in which ``agent-01`` is T-01 as everywhere."""
    known = {each["id"]: Task(each["id"], "", "") for each in tasks}
    named, kinds = read_needs(answer)
    return [{"id": id_of(each, known), "kind": dict(kinds).get(each, "data")} for each in named]


def _draft(request: str, tasks: Sequence[Mapping[str, Any]], agents: Known) -> Draft:
    data = {"request": request, "goal": request, "tasks": tasks}
    draft, problems = read_draft(data, agents, shells=agents.shells)
    assert not problems  # each task was read with those before it
    return draft


def _ask_for_width() -> dict[str, Any]:
    """Return the setting, unless it is what it would be anyway."""
    usual = Settings().max_parallel
    while True:
        number = _ask(f"How many at the same time? (Enter: {usual})")
        try:
            return {"max_parallel": read_setting("max_parallel", number)} if number else {}
        except ValueError as error:
            talk(f"  {error}")


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _templates(layout: Layout) -> dict[str, list[_Parameter]]:
    """Return the templates there are, and what each has to be told."""
    found = {}
    for template in plan_templates().values():
        found[template.name] = [
            _Parameter(
                each.name,
                each.about,
                each.default if isinstance(each.default, str) else ", ".join(each.default or ()),
            )
            for each in template.parameters.values()
        ]
    for name, saved in saved_plans(layout, os.environ, lambda text: talk(f"  {text}")).items():
        found[name] = [_Parameter(each, "", "") for each in saved.parameters]
    return found


def _from_template(
    layout: Layout,
    name: str,
    parameters: Sequence[_Parameter],
    agents: Known,
    request: str,
) -> Drawn:
    """Ask for what a template has to be told, again as long as it makes no sense."""
    is_ours = name not in places_of_saved(layout, os.environ)
    has_place = is_ours or any(each.name == "request" for each in parameters)
    if not is_ours:  # what it is for was said already
        parameters = [each for each in parameters if each.name != "request"]
    while True:
        values = []
        for each in parameters:
            about = f" ({each.about})" if each.about else ""
            if each.default:
                value = _ask(f"  {each.name}{about}? (Enter: {each.default})")
            else:
                value = _ask_until(f"  {each.name}{about}?")
            values += [f"{each.name}={value}"] if value else []
        try:
            said = request if has_place else ""
            proposal, drawn = of_template(layout, name, values, agents, said)
            if proposal is not None:
                drawn = draw(proposal.draft, layout)
            assert drawn is not None  # one of the two is there
            return drawn
        except OrchestratorError as error:
            if not parameters:
                raise  # no other answer could mend it
            _tell(error)


# ── the terminal ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _ask_until(question: str) -> str:
    while True:
        if answer := _ask(question):
            return answer


def _ask(question: str) -> str:
    """Return a line as somebody types it, for it may be a command; the end of the terminal is as if they had left."""
    while True:
        sys.stderr.write(redact(sanitize(f"{question} ")))
        sys.stderr.flush()
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        if len(line) > _MOST:
            talk(
                f"  that is too long: a line has {_MOST:,} bytes at most; name a file that says more"
            )
            continue
        try:
            return sanitize(line.decode()).strip()
        except UnicodeDecodeError:
            talk("  that is no UTF-8")


def _tell(error: OrchestratorError) -> None:
    talk(f"  {error}" + (f" ({as_called(error.hint)})" if error.hint else ""))


def _shown(drawn: Drawn, agents: Known) -> str:
    rows = [("ID", "NEEDS", "AGENT", "TASK")]
    who = agents_of(drawn, agents)
    rows += [
        (task.id, plain(", ".join(task.own_needs)) or "-", plain(who[task.id]), plain(task.name))
        for task in drawn.board.plan.tasks.values()
    ]
    return table(rows, terminal_width(), 30)
