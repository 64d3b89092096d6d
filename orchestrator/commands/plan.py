"""The command ``plan``: a plan from a request, a file or a template."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from orchestrator.commands.answer import print_answer
from orchestrator.commands.call import Call
from orchestrator.commands.live import event_text
from orchestrator.commands.output import queue_output
from orchestrator.commands.registry import Command, Facts, argument, flag, option
from orchestrator.commands.reply import from_stdin, talk, terminal_width, with_program
from orchestrator.commands.template import LIST_COMMAND, templates
from orchestrator.core.agent import Program
from orchestrator.core.cost import Spending, total_cost
from orchestrator.core.duration import format_duration
from orchestrator.core.graph import critical_path
from orchestrator.core.plan import Plan
from orchestrator.core.settings import Settings, read_setting, resolve
from orchestrator.core.text import join_first, pluralize
from orchestrator.errors import AgentError, NotFoundError, Problem, UsageError
from orchestrator.planner.ask import asking
from orchestrator.planner.draft_file import AUTO, FORMS, read_request
from orchestrator.planner.plan import Drawn, commands, draw, require_room, write
from orchestrator.planner.revise import Proposal, from_file, from_request, of_template
from orchestrator.planner.templates import LIST, draw_saved, plan_in_file
from orchestrator.runner.events import Event
from orchestrator.services.agent_choice import Known
from orchestrator.services.plugins import Plugins
from orchestrator.services.validation import of_a_size
from orchestrator.store.layout import Layout
from orchestrator.views import diagram
from orchestrator.wiring import plugins

#: What a planner may give tasks to besides sub-agents. A shell would run what it wrote without asking a person.
_OFFERED = frozenset({Program.CLAUDE, Program.COMMAND})
#: Tasks that are drawn, and tasks that are named of a chain, at most.
_MOST_DRAWN, _MOST_NAMED = 60, 10
#: A request that is only such a word was meant as a file.
_FILES = (".md", ".markdown", ".txt", ".json")


@dataclass(frozen=True)
class PlanParams:
    """What the plan is made from, and how."""

    request: str = argument("[REQUEST]", default="", dash="prose")
    source: str = option("Task list, plan, or JSON.", metavar="FILE", names=("--from",), default="")
    form: str = option(
        "What that is: " + ", ".join(FORMS) + ".", metavar="FORM", names=("--format",), choices=FORMS, default=AUTO
    )
    template: str = option("A plan to begin with; or `list`.", metavar="NAME", default="", completion="template")
    parameters: Sequence[str] = option("Of the template.", metavar="K=V", names=("--param",), is_repeated=True)
    dry_run: bool = flag("Print the plan; write nothing. A planner is asked, and costs the same.")
    force: bool = flag("Move an unfinished plan to archive/.")
    model: str | None = option("Model asked of the planner.", metavar="M")
    timeout: str | None = option("Time for one attempt to plan (default 300s).", metavar="D")
    budget_usd: str | None = option("USD that planning may cost.", metavar="X")
    claude_bin: str = option("The claude program.", metavar="PATH", default="")


class Planned(NamedTuple):
    """A plan that was made."""

    layout: Layout
    drawn: Drawn
    warnings: Sequence[Problem]
    archived: str
    """Where the plan before it is."""
    spent: Spending
    form: str
    """What the file was read as; empty: there was none."""
    is_dry: bool
    is_json: bool

    @property
    def batches(self) -> int:
        """How many batches it has."""
        return max(self.drawn.board.shape.batch.values(), default=0)

    @property
    def size(self) -> str:
        """Tasks and batches, in words."""
        tasks = pluralize(len(self.drawn.board.plan.tasks), "task")
        return f"{tasks} in {pluralize(self.batches, 'batch', 'batches')}"


def execute(call: Call, params: PlanParams) -> Planned:
    """Make a plan from a request: tasks, what they need, and a file for each.

    REQUEST is a text, a file, or - for standard input; an agent takes it apart. With --from or --template no one is
    asked, and REQUEST is only what the plan says it is for. --from reads a checklist, the task lists of Spec Kit, Kiro,
    superpowers, OpenSpec and Task Master, and workflow files (JSON, YAML); what is ticked is not planned again.

    A finished plan moves to archive/ with its results; an unfinished one only with --force.

    Examples:
      orchestrator plan "Review the shop for quality and security"
      orchestrator plan --from tasks.md
      orchestrator plan --template list
    """
    layout = layout_for_new(call)
    _check(params)
    chosen = plugins(params.claude_bin, layout)
    known = Known(chosen.registry, layout.workdir(""))
    request = _read(params.request)
    proposal, drawn, spent = None, None, total_cost([])
    if params.source:
        shells = chosen.registry.shells
        proposal, drawn = _of_file(params.source, params.form, request, known, shells)
    elif params.template:
        proposal, drawn = of_template(layout, params.template, params.parameters, known, request)
    if not params.dry_run:
        require_room(layout, chosen.registry, force=params.force)
    if is_asked := not (proposal or drawn):
        proposal, spent = _ask(call, params, request, layout, chosen=chosen, known=known)
    if proposal is not None:
        drawn = draw(proposal.draft, layout, proposal.settings)
    assert drawn is not None  # every way to plan ends with one
    archived = ""
    if not params.dry_run:
        archived = write(layout, drawn, chosen.registry, force=params.force, is_asked=is_asked)
    warnings = proposal.warnings if proposal is not None else commands(drawn, known)
    form = proposal.form if proposal is not None else ""
    return Planned(layout, drawn, warnings, archived, spent, form, params.dry_run, call.is_json)


def layout_for_new(call: Call) -> Layout:
    """Return where a new plan is made."""
    # Not one in a directory above: a new plan is for this directory, or for the named one.
    named = call.option or os.environ.get("ORCHESTRATOR_DIR")
    return replace(call, option=named).plan(must_exist=False, here=True)


def _of_file(
    source: str, form: str, request: str, known: Known, shells: Sequence[str]
) -> tuple[Proposal | None, Drawn | None]:
    """Read a file: a task list makes a proposal, a plan directory is copied.

    Raises:
        UsageError, NotFoundError, PlanError, StoreError: it cannot be read as one.
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


def _check(params: PlanParams) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: some do not.
    """
    source, template, asked = params.source, params.template, _asked(params)
    if params.form != AUTO and not source:
        raise UsageError("--format is for a file", hint="name one with --from FILE")
    if source and template:
        raise UsageError("--from and --template are two ways to plan", hint="name one of them")
    if params.parameters and not template:
        raise UsageError("--param is for a template", hint="name one with --template NAME, or see --template list")
    if (source or template) and (given := [name for name, value in asked.items() if value]):
        message = f"{', '.join(map(_option, given))} is for the agent that is asked, and none is"
        raise UsageError(message, hint="leave it out, or leave out --from and --template")
    if not (params.request or source or template):
        raise UsageError(
            "there is no request",
            hint='orchestrator plan "…", or a file, or - for standard input; or --from FILE, or --template NAME',
        )


def _read(request: str) -> str:
    """Return the request itself: what was typed, or what stands in the file or on standard input.

    Raises:
        NotFoundError, UsageError, StoreError: it cannot be read.
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


def _asked(params: PlanParams) -> dict[str, str | None]:
    """Return the options for the agent that is asked."""
    return {"model": params.model, "timeout": params.timeout, "budget_usd": params.budget_usd}


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
    call: Call, params: PlanParams, request: str, layout: Layout, *, chosen: Plugins, known: Known
) -> tuple[Proposal, Spending]:
    """Have an agent take the request apart; return its proposal, and what that cost."""
    queue_output()
    settings = _settings(_asked(params))._replace(workdir=layout.workdir(""))
    of_project = [each for each in known if each not in chosen.registry]
    agents = {**dict.fromkeys(of_project, "a sub-agent of this project"), **_offered(chosen)}

    def print_event(event: Event) -> None:
        if not call.is_json and (text := event_text(event)):
            talk(text)

    with tempfile.TemporaryDirectory() as elsewhere:
        # The files of an attempt to plan belong to the plan; without one they are thrown away.
        place = Layout(elsewhere) if params.dry_run else layout
        rejected = layout.rejected_draft
        try:
            with asking(place, settings, chosen, print_event, rejected=rejected) as planner:
                return from_request(request, planner, agents, layout.templates), planner.spent()
        except AgentError as error:
            if elsewhere in error.hint:
                error.hint = "without --dry-run its output is kept in logs/"
            raise


def main(call: Call, params: PlanParams) -> int:
    """Make the plan and print it, or list the templates."""
    if params.template == LIST:
        return print_answer(LIST_COMMAND, call, templates(layout_for_new(call)))
    return print_answer(COMMAND, call, execute(call, params))


def facts(planned: Planned) -> Facts:
    """Return the plan as JSON."""
    plan = planned.drawn.board.plan
    return {
        "message": planned.size if planned.is_dry else f"planned {planned.size}",
        "plan": planned.layout.plan,
        "tasks": len(plan.tasks),
        "batches": planned.batches,
        "critical_path": critical_path(plan.tasks),
        "warnings": [each._asdict() for each in planned.warnings],
        "archived": planned.archived,
        "format": planned.form,
        "cost_usd": round(planned.spent.known, 6),
        "unknown_costs": planned.spent.unknown,
        "text": planned.drawn.text if planned.is_dry else "",
    }


def text(planned: Planned) -> str:
    """Return the path of the plan; of one that is not written, its text."""
    return planned.drawn.text if planned.is_dry else f"{planned.layout.plan}\n"


def remarks(planned: Planned) -> Iterator[str]:
    """Yield the graph, the warnings and the next step; with ``--json`` nothing."""
    if planned.is_json:
        return
    board = planned.drawn.board
    path = critical_path(board.plan.tasks)
    if len(board.plan.tasks) <= _MOST_DRAWN:
        yield diagram.text(board, terminal_width())
    chain = diagram.chain_line(path)
    yield f"{planned.size}; longest chain: {chain}{_time(board.plan, path)}"
    if planned.form:
        yield f"read as {planned.form}"
    yield from _warnings(planned.warnings)
    if planned.archived:
        yield f"The plan before it is in {planned.archived}"
    if not planned.is_dry:
        yield with_program("Look it over, then: orchestrator run")
        yield with_program("or, in the background: orchestrator run --detach")


def notes(planned: Planned) -> Iterator[str]:
    """Yield what a user should know of a plan that is run as soon as it is made."""
    yield f"planned {planned.size}: {planned.layout.plan}"
    yield from _warnings(planned.warnings)
    if planned.archived:
        yield f"The plan before it is in {planned.archived}"


def _warnings(warnings: Sequence[Problem]) -> Iterator[str]:
    """Yield each finding once, with all tasks it was found at."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in warnings:
        found.setdefault((each.message, each.hint), []).append(each.where)
    for (message, hint), tasks in found.items():
        yield f"warning: {join_first(tasks, _MOST_NAMED)}: {message}"
        yield f"  hint: {hint}"


def _time(plan: Plan, path: list[str]) -> str:
    estimates = [plan.tasks[task_id].estimate for task_id in path]
    if not all(estimates):
        return ""
    alone = [task.estimate for task in plan.tasks.values()]
    one_by_one = f", {format_duration(sum(filter(None, alone)))} one by one" if all(alone) else ""
    return f" (about {format_duration(sum(filter(None, estimates)))}{one_by_one})"


COMMAND = Command(PlanParams, execute, facts, text, remarks=remarks, main=main)
