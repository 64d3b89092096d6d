"""The command ``wizard``: a plan, question by question on the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from orchestrator.commands.answer import print_answer
from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, flag
from orchestrator.commands.reply import require_one, say_json, talk, terminal_width, with_program
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
from orchestrator.planner.revise import of_template
from orchestrator.planner.templates import places_of_saved, plan_templates, saved_plans
from orchestrator.services.agent_choice import Known
from orchestrator.store.layout import Layout
from orchestrator.views.terminal import plain, table

#: Bytes of an answer. A terminal hands over 4,095 of a line, and drops the rest without a word.
_MOST = 4000
_NAMED = 60


class _Parameter(NamedTuple):
    """A parameter of a template; without a default it is asked for until it is given."""

    name: str
    about: str
    default: str


@dataclass(frozen=True)
class WizardParams:
    """Whether an unfinished plan may be moved away."""

    force: bool = flag("Move an unfinished plan to archive/.")


class _Written(NamedTuple):
    layout: Layout
    tasks: int
    archived: str
    is_json: bool


def execute(call: Call, params: WizardParams) -> _Written | None:
    """Ask for a plan, question by question.

    What it is for, a template or the tasks one by one with what they need and who does them, how many at once. The plan
    is shown, and written only when you say yes. Ctrl-C leaves everything as it is.

    Examples:
      orchestrator wizard
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "the wizard asks on a terminal, and there is none",
            hint='`orchestrator plan "REQUEST"` asks an agent, `init` and `add` ask nobody',
        )
    require_one(call.directory, call.option)
    named = call.directory or call.option or os.environ.get("ORCHESTRATOR_DIR")
    layout = replace(call, directory=None, option=named).plan(must_exist=False, here=True)
    chosen = call.plugins(layout)
    require_room(layout, chosen.registry, force=params.force)
    agents = Known(chosen.registry, layout.workdir(""))
    try:
        written = _ask_and_write(layout, agents, chosen.registry, force=params.force)
    except EOFError:
        talk("")  # behind the question
        return None
    if written is None:
        return None
    drawn, archived = written
    return _Written(layout, len(drawn.board.plan.tasks), archived, call.is_json)


def main(call: Call, params: WizardParams) -> int:
    """Ask, and print where the plan is."""
    written = execute(call, params)
    if written is not None:
        return print_answer(COMMAND, call, written)
    message = "nothing was written"
    if call.is_json:
        say_json(message, plan="")
    else:
        talk(message)
    return 0


def facts(written: _Written) -> Facts:
    """Return the plan as JSON."""
    return {
        "message": f"planned {pluralize(written.tasks, 'task')}",
        "plan": written.layout.plan,
        "tasks": written.tasks,
        "archived": written.archived,
    }


def remarks(written: _Written) -> Sequence[str]:
    """Return where the plan before it is, and the next step."""
    if written.is_json:
        return ()
    before = [f"The plan before it is in {written.archived}"] if written.archived else []
    return [*before, with_program("next: orchestrator run")]


def _ask_and_write(layout: Layout, agents: Known, registry: AgentRegistry, *, force: bool) -> tuple[Drawn, str] | None:
    """Return the plan that was agreed to, and where the one before it was moved; None: they did not agree."""
    drawn = _ask_for_plan(layout, agents)
    talk(f"\n{_shown(drawn, agents)}")
    while _ask(f"Write it to {os.path.relpath(layout.root)}? [y/N]").lower() in {"y", "yes"}:
        try:
            return drawn, write(layout, drawn, registry, force=force)
        except OrchestratorError as error:
            _print_error(error)  # it may be mended meanwhile, and what was typed is not lost for it
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
    """Ask for one task after the other; one that is invalid is reported, and asked for again."""
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
            task["needs"] = _needs(_ask(f"  what does it need, of {known}? (Enter: nothing)"), tasks)
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
    """Return the templates there are, and the parameters of each."""
    found = {}
    for template in plan_templates().values():
        found[template.name] = [
            _Parameter(
                each.name, each.about, each.default if isinstance(each.default, str) else ", ".join(each.default or ())
            )
            for each in template.parameters.values()
        ]
    for name, saved in saved_plans(layout, os.environ, lambda text: talk(f"  {text}")).items():
        found[name] = [_Parameter(each, "", "") for each in saved.parameters]
    return found


def _from_template(layout: Layout, name: str, parameters: Sequence[_Parameter], agents: Known, request: str) -> Drawn:
    """Ask for what a template needs, again as long as it is invalid."""
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
            words = request if has_place else ""
            proposal, drawn = of_template(layout, name, values, agents, words)
            if proposal is not None:
                drawn = draw(proposal.draft, layout, proposal.settings)
            assert drawn is not None  # one of the two is there
            return drawn
        except OrchestratorError as error:
            if not parameters:
                raise  # no other answer could mend it
            _print_error(error)


# ── the terminal ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _ask_until(question: str) -> str:
    while True:
        if answer := _ask(question):
            return answer


def _ask(question: str) -> str:
    """Return a line as typed, for it may be a command; the end of the terminal ends the wizard."""
    while True:
        sys.stderr.write(redact(sanitize(f"{question} ")))
        sys.stderr.flush()
        line = sys.stdin.buffer.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        if len(line) > _MOST:
            talk(f"  that is too long: a line has {_MOST:,} bytes at most; name a file that says more")
            continue
        try:
            return sanitize(line.decode()).strip()
        except UnicodeDecodeError:
            talk("  that is no UTF-8")


def _print_error(error: OrchestratorError) -> None:
    talk(f"  {error}" + (f" ({with_program(error.hint)})" if error.hint else ""))


def _shown(drawn: Drawn, agents: Known) -> str:
    rows = [("ID", "NEEDS", "AGENT", "TASK")]
    who = agents_of(drawn, agents)
    rows += [
        (task.id, plain(", ".join(task.own_needs)) or "-", plain(who[task.id]), plain(task.name))
        for task in drawn.board.plan.tasks.values()
    ]
    return table(rows, terminal_width(), 30)


COMMAND: Command[WizardParams, Any] = Command(
    WizardParams,
    execute,
    facts,
    lambda written: f"{written.layout.plan}\n",
    remarks=remarks,
    main=main,
    takes=(DIRECTORY, DIR, JSON),
)
