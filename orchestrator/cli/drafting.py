"""``plan``."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

import click

from orchestrator.cli.options import takes_json
from orchestrator.cli.sentence import sentence
from orchestrator.cli.templates import of_template, say_templates
from orchestrator.cli.texts import TakesProse
from orchestrator.commands.reply import (
    as_called,
    from_stdin,
    plan_directory,
    say_json,
    talk,
    terminal_width,
)
from orchestrator.commands.reply import write as say
from orchestrator.core.agent import Program
from orchestrator.core.cost import Spending, total_cost
from orchestrator.core.duration import format_duration
from orchestrator.core.graph import critical_path
from orchestrator.core.plan import Plan
from orchestrator.core.settings import Settings, read_setting, resolve
from orchestrator.core.text import join_first, pluralize
from orchestrator.errors import AgentError, NotFoundError, Problem, UsageError
from orchestrator.planner.draft_file import AUTO, FORMS, read_request
from orchestrator.planner.plan import Drawn, commands, draw, require_room, write
from orchestrator.planner.revise import Proposal, from_file, from_request
from orchestrator.planner.templates import LIST, draw_saved, plan_in_file
from orchestrator.runner.events import Event
from orchestrator.services.agent_choice import Known
from orchestrator.services.cells import of_a_size
from orchestrator.services.plugins import Plugins
from orchestrator.store.layout import Layout
from orchestrator.views import diagram
from orchestrator.wiring import plugins

#: What a planner may give tasks to besides sub-agents. A shell would run what it wrote without asking anybody.
_OFFERED = frozenset({Program.CLAUDE, Program.COMMAND})
#: Tasks that are drawn, and tasks that are named of a chain, at most.
_MOST_DRAWN, _MOST_NAMED = 60, 10
#: A request that is only such a word was meant as a file.
_FILES = (".md", ".markdown", ".txt", ".json")


@click.command("plan", cls=TakesProse)
@click.argument("request", metavar="[REQUEST]", default="")
@click.option("--from", "source", default="", metavar="FILE", help="Task list, plan, or JSON.")
@click.option(
    "--format",
    "form",
    default=AUTO,
    type=click.Choice(FORMS),
    metavar="FORM",
    help="What that is: " + ", ".join(FORMS) + ".",
)
@click.option("--template", default="", metavar="NAME", help="A plan to begin with; or `list`.")
@click.option("--param", "parameters", multiple=True, metavar="K=V", help="Of the template.")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print the plan; write nothing. A planner is asked, and costs the same.",
)
@click.option("--force", is_flag=True, help="Move an unfinished plan to archive/.")
@click.option("--model", metavar="M", help="Model asked of the planner.")
@click.option("--timeout", metavar="D", help="Time for one attempt to plan (default 300s).")
@click.option("--budget-usd", metavar="X", help="USD that planning may cost.")
@click.option("--claude-bin", default="", metavar="PATH", help="The claude program.")
@takes_json
def plan_command(
    request: str,
    source: str,
    template: str,
    parameters: tuple[str, ...],
    option: str | None,
    *,
    form: str,
    dry_run: bool,
    force: bool,
    model: str | None,
    timeout: str | None,
    budget_usd: str | None,
    claude_bin: str,
    as_json: bool,
) -> None:
    """Make a plan from a request: tasks, what they need, and a file for each.

    \b
    REQUEST is a text, a file, or - for standard input; an agent takes it apart.
    With --from or --template nobody is asked, and REQUEST is only what the plan
    says it is for. --from reads a checklist, and the task lists of Spec Kit, Kiro,
    superpowers, OpenSpec and Task Master; what is ticked is not planned again.

    A finished plan moves to archive/ with its results; an unfinished one only with --force.

    \b
      orchestrator plan "Review the shop for quality and security"
      orchestrator plan --from tasks.md
      orchestrator plan --template list
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    named = option or os.environ.get("ORCHESTRATOR_DIR")
    layout = plan_directory(None, named, must_exist=False, here=True)
    if template == LIST:
        say_templates(layout, as_json=as_json)
        return
    asked = {"model": model, "timeout": timeout, "budget_usd": budget_usd}
    _check(request, source, template, parameters, asked, form=form)
    chosen = plugins(claude_bin, layout)
    known = Known(chosen.registry, layout.workdir(""))
    text = _read(request)
    proposal, drawn, spent = None, None, total_cost([])
    if source:
        proposal, drawn = _of_file(source, form, text, known, chosen.registry.shells)
    elif template:
        proposal, drawn = of_template(layout, template, parameters, known, text)
    if not dry_run:
        require_room(layout, chosen.registry, force=force)
    if is_asked := not (proposal or drawn):
        settings = _settings(asked)
        of_project = [each for each in known if each not in chosen.registry]
        agents = {**dict.fromkeys(of_project, "a sub-agent of this project"), **_offered(chosen)}
        settings = settings._replace(workdir=layout.workdir(""))
        proposal, spent = _ask(
            text, layout, settings, chosen, agents, dry_run=dry_run, as_json=as_json
        )
    if proposal is not None:
        drawn = draw(proposal.draft, layout)
    assert drawn is not None  # every way to plan ends with one
    archived = ""
    if not dry_run:
        archived = write(layout, drawn, chosen.registry, force=force, is_asked=is_asked)
    warnings = proposal.warnings if proposal is not None else commands(drawn, known)
    read_as = proposal.form if proposal is not None else ""
    _say_plan(
        layout, warnings, drawn, archived, spent, form=read_as, dry_run=dry_run, as_json=as_json
    )


def _of_file(
    source: str, form: str, request: str, known: Known, shells: Sequence[str]
) -> tuple[Proposal | None, Drawn | None]:
    """Read a file: a task list makes a proposal, a plan of ours is taken over as it is.

    Raises:
        UsageError, NotFoundError, PlanError, StoreError: as their names say.
    """
    saved = plan_in_file(source) if form == AUTO else None
    if saved is None:
        return from_file(source, known, request, form=form, shells=shells), None
    if request:
        hint = "write it into the file, below `## Original Request`"
        raise UsageError(f"{source} is a plan, which says its request itself", hint=hint)
    return None, draw_saved(saved, {}, known)


def _offered(chosen: Plugins) -> dict[str, str]:
    """Return the agents that a planner may give tasks to, and what each is good for."""
    return {
        each.key: f"the default one; {each.best_for}" if each.key == "claude" else each.best_for
        for each in chosen.registry
        if each.runs in _OFFERED
    }


def _check(
    request: str,
    source: str,
    template: str,
    parameters: tuple[str, ...],
    asked: Mapping[str, str | None],
    *,
    form: str,
) -> None:
    if form != AUTO and not source:
        raise UsageError("--format is for a file", hint="name one with --from FILE")
    if source and template:
        raise UsageError("--from and --template are two ways to plan", hint="name one of them")
    if parameters and not template:
        raise UsageError(
            "--param is for a template",
            hint="name one with --template NAME, or see --template list",
        )
    if (source or template) and (meant := [name for name, value in asked.items() if value]):
        message = f"{', '.join(map(_option, meant))} is for the agent that is asked, and none is"
        raise UsageError(message, hint="leave it out, or leave out --from and --template")
    if not (request or source or template):
        raise UsageError(
            "there is no request",
            hint='orchestrator plan "…", or a file, or - for standard input; or --from FILE, or --template NAME',
        )


def _read(request: str) -> str:
    """Return the request itself: what was typed, or what stands in the file or on standard input.

    Raises:
        NotFoundError, UsageError, StoreError: as their names say.
    """
    if request == "-":
        text = from_stdin()
    elif (found := _in_file(request)) is not None:
        text = found
    elif request.endswith(_FILES) and not any(char.isspace() for char in request):
        raise NotFoundError(f"no such file: {request}", hint="a request in words has blanks in it")
    else:
        text = request
    if request and not text.strip():
        raise UsageError("the request is empty", hint="say what you want done")
    return of_a_size(text).strip()


def _in_file(request: str) -> str | None:
    if not request or "\0" in request:
        return None
    try:
        return read_request(request)
    except ValueError as error:
        raise UsageError(str(error), hint="a request is a text in UTF-8") from error


def _settings(given: Mapping[str, str | None]) -> Settings:
    flags: dict[str, Any] = {}
    for name, value in given.items():
        if value is not None:
            try:
                flags[name] = read_setting(name, value)
            except ValueError as error:
                hint = "orchestrator plan --help"
                raise UsageError(f"{_option(name)}: {error}", hint=hint) from error
    return resolve(flags)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _ask(
    request: str,
    layout: Layout,
    settings: Settings,
    chosen: Plugins,
    agents: Mapping[str, str],
    *,
    dry_run: bool,
    as_json: bool,
) -> tuple[Proposal, Spending]:
    from orchestrator.cli.output import queue_output
    from orchestrator.planner.ask import asking

    queue_output()

    def hear(happening: Event) -> None:
        if not as_json and (said := sentence(happening)):
            talk(said)

    with tempfile.TemporaryDirectory() as elsewhere:
        # What a question leaves behind belongs to the plan; where none is written it is nobody's.
        place = Layout(elsewhere) if dry_run else layout
        try:
            with asking(place, settings, chosen, hear, rejected=layout.rejected_draft) as planner:
                return from_request(request, planner, agents, layout.templates), planner.spent()
        except AgentError as error:
            if elsewhere in error.hint:
                error.hint = "without --dry-run its output is kept in logs/"
            raise


# ── what is said ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _say_plan(
    layout: Layout,
    warnings: Sequence[Problem],
    drawn: Drawn,
    archived: str,
    spent: Spending,
    *,
    form: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    plan, path = drawn.board.plan, critical_path(drawn.board.plan.tasks)
    batches = max(drawn.board.shape.batch.values(), default=0)
    size = f"{pluralize(len(plan.tasks), 'task')} in {pluralize(batches, 'batch', 'batches')}"
    if as_json:
        say_json(
            size if dry_run else f"planned {size}",
            plan=layout.plan,
            tasks=len(plan.tasks),
            batches=batches,
            critical_path=path,
            warnings=[each._asdict() for each in warnings],
            archived=archived,
            format=form,
            cost_usd=round(spent.known, 6),
            unknown_costs=spent.unknown,
            text=drawn.text if dry_run else "",
        )
        return
    if dry_run:
        say(drawn.text)
    else:
        say(f"{layout.plan}\n")
    if len(plan.tasks) <= _MOST_DRAWN:
        talk(diagram.text(drawn.board, terminal_width()))
    talk(f"{size}; longest chain: {diagram.chain_line(path)}{_time(plan, path)}")
    if form:
        talk(f"read as {form}")
    _say_warnings(warnings)
    if archived:
        talk(f"The plan before it is in {archived}")
    if not dry_run:
        talk(as_called("Look it over, then: orchestrator run"))
        talk(as_called("or, in the background: orchestrator run --detach"))


def _say_warnings(warnings: Sequence[Problem]) -> None:
    """Say each finding once, with all tasks it was found at."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in warnings:
        found.setdefault((each.message, each.hint), []).append(each.where)
    for (message, hint), tasks in found.items():
        talk(f"warning: {join_first(tasks, _MOST_NAMED)}: {message}")
        talk(f"  hint: {hint}")


def _time(plan: Plan, path: list[str]) -> str:
    estimates = [plan.tasks[task_id].estimate for task_id in path]
    if not all(estimates):
        return ""
    alone = [task.estimate for task in plan.tasks.values()]
    one_by_one = f", {format_duration(sum(filter(None, alone)))} one by one" if all(alone) else ""
    return f" (about {format_duration(sum(filter(None, estimates)))}{one_by_one})"
