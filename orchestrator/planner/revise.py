"""Take a request apart into tasks: by asking an agent, from a file, or from a plan that comes with the package."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from orchestrator.core.draft import Draft
from orchestrator.core.ids import suggestion
from orchestrator.core.params import read_pairs
from orchestrator.core.text import one_line
from orchestrator.errors import (
    DraftError,
    NotAFileError,
    NotFoundError,
    OrchestratorError,
    PlanError,
    Problem,
    StoppedError,
    UsageError,
)
from orchestrator.planner.ask import SCHEMA, planner_prompt
from orchestrator.planner.draft import lint, order_writers, read_draft
from orchestrator.planner.draft_file import AUTO, load_draft, matching_files
from orchestrator.planner.plan import Drawn
from orchestrator.planner.templates import (
    PlanTemplate,
    TemplateParameter,
    draw_saved,
    fill,
    places_of_saved,
    plan_templates,
    read_values,
    saved_plan,
)
from orchestrator.store.layout import Layout

if TYPE_CHECKING:
    from orchestrator.planner.ask import Ask

#: Findings that another answer could mend; the others are mended here, or are for people to look at.
_MENDABLE = frozenset({"vague_description", "too_large", "too_small", "no_expected_output"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A draft without problems, and what should be looked at all the same."""

    draft: Draft
    warnings: tuple[Problem, ...] = ()
    form: str = ""
    """Of a file: the form of plan that it was read as."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of a file: what stands in the front matter of the plan."""


def from_request(request: str, ask: Ask, agents: Mapping[str, str], overrides: str | None = None) -> Proposal:
    """Have an agent take *request* apart. *agents*: those a task may ask for, and what each is good for.

    A draft with problems goes back once, with everything that is wrong with it; so does one that is only badly cut.

    Raises:
        DraftError: the second draft has problems too, and lists them.
        StoppedError: a user ended it, also while a draft was mended that would have done.
        OrchestratorError: what ``ask`` raises.
    """
    first = ask(planner_prompt(request, agents, overrides), SCHEMA)
    draft, problems = read_draft(first, agents)
    findings = [] if problems else lint(draft)
    if wrong := [*problems, *(each for each in findings if each.code in _MENDABLE)]:
        prompt = planner_prompt(
            request,
            agents,
            overrides,
            first=json.dumps(first, ensure_ascii=False, indent=1, default=str),
            problems=wrong,
        )
        try:
            answer = ask(prompt, SCHEMA)
            second, worse = read_draft(answer, agents)
        except OrchestratorError as error:
            if problems or isinstance(error, StoppedError):
                raise
        else:
            if not worse:
                draft, problems = second, []
            elif problems:
                problems, first = worse, answer
    if problems:
        raise DraftError([_of_planner(each) for each in problems], {**first, "request": request})
    return _settled(replace(draft, request=request))


def from_file(
    path: str, agents: Collection[str], request: str = "", *, form: str = AUTO, shells: Collection[str] = ("shell",)
) -> Proposal:
    """Read a plan that a user keeps in another form. *shells* are the agents that run commands.

    Raises:
        NotFoundError: there is no such file.
        UsageError: it is none that can be read as a whole.
        PlanError: it is invalid; every problem with its place.
        StoreError: it cannot be read.
    """
    try:
        found = load_draft(path, form)
    except NotAFileError as error:
        hint = "--from takes a file of a usual size: no directory, and no pipe"
        raise UsageError(error.message, where=path, hint=hint) from None
    if found is None:
        raise NotFoundError(
            f"no such file: {path}",
            hint="--from takes a task list in markdown, or JSON; a request itself is the first word",
        )
    problems = list(found.problems)
    draft = Draft(tasks=())
    if found.data or not found.problems:  # null and {} say nothing, and are no plan
        draft, of_draft = read_draft(found.data, agents, found.places, shells=shells)
        problems += of_draft if found.places else [_in_file(each, path) for each in of_draft]
    if problems:
        raise PlanError(problems)
    proposal = _settled(replace(draft, request=request or draft.request))
    warnings = (*found.warnings, *proposal.warnings)
    return replace(proposal, warnings=warnings, form=found.form, settings=found.settings)


def from_template(
    name: str, parameters: Sequence[str], agents: Collection[str], request: str = "", *, mine: Collection[str] = ()
) -> Proposal:
    """Fill a plan that comes with the package; *parameters* are ``k=v``, one with several values may come again.

    *mine* are the templates that people keep, which are named where there is none of that name.

    Raises:
        UsageError: no such template or parameter, one that is missing, or no file matches a pattern.
        StoreError: files could not be looked for.
    """
    template = _template(name, mine)
    draft, problems = read_draft(fill(template, _values(template, parameters)), agents)
    if problems:
        raise PlanError(problems)
    return _settled(replace(draft, request=request or draft.request))


def example(template: PlanTemplate, agents: Collection[str]) -> Draft:
    """Return what a plan that is built in proposes when every parameter is its own name, as ``{{name}}``."""
    values: dict[str, str | tuple[str, ...]] = {}
    for name, parameter in template.parameters.items():
        shown = f"{{{{{name}}}}}"
        values[name] = shown if parameter.kind == "text" else (shown,)
    draft, problems = read_draft(fill(template, values), agents)
    if problems:
        raise PlanError(problems)
    return draft


def _settled(draft: Draft) -> Proposal:
    ordered, notes = order_writers(draft)
    return Proposal(draft=ordered, warnings=(*lint(ordered), *notes))


def _of_planner(problem: Problem) -> Problem:
    place = f"the planner's draft, {problem.where}" if problem.where else "the planner's draft"
    return problem._replace(where=place)


def _in_file(problem: Problem, path: str) -> Problem:
    return problem._replace(where=f"{path}: {problem.where}" if problem.where else path)


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _template(name: str, mine: Collection[str]) -> PlanTemplate:
    templates = plan_templates()
    if name in templates:
        return templates[name]
    starts = [each for each in templates if name and each.startswith(name)]
    if len(starts) == 1:
        return templates[starts[0]]
    raise UsageError(
        f"there is no template {one_line(name, 60)!r}",
        hint=f"there are {', '.join(dict.fromkeys((*mine, *templates)))}; --template list says what each takes",
    )


def _values(template: PlanTemplate, given: Sequence[str]) -> dict[str, str | tuple[str, ...]]:
    known = template.parameters
    given_values: dict[str, list[str]] = {}
    for name, value in read_pairs(given):
        if name not in known:
            message = f"the template {template.name} has no parameter {one_line(name, 60)!r}"
            hint = f"{suggestion(name, known, '')} {_listed(template)}".lstrip()
            raise UsageError(message, hint=hint)
        given_values.setdefault(name, []).append(value)
    values = {
        name: _value(parameter, given_values[name]) if name in given_values else parameter.default
        for name, parameter in known.items()
    }
    if missing := [name for name, value in values.items() if not value and known[name].default is None]:
        message = f"the template {template.name} needs a value for {', '.join(missing)}"
        raise UsageError(message, hint=_listed(template))
    return {name: value if value is not None else "" for name, value in values.items()}


def _value(parameter: TemplateParameter, given_values: Sequence[str]) -> str | tuple[str, ...]:
    if parameter.kind == "text":
        if len(given_values) > 1:
            raise UsageError(f"--param {parameter.name} is given {len(given_values)} times", hint="give it once")
        return given_values[0]
    parts = [part.strip() for value in given_values for part in value.split(",") if part.strip()]
    if parameter.kind == "list":
        return tuple(dict.fromkeys(parts))
    files: dict[str, None] = {}
    for pattern in parts:
        found = matching_files(pattern)
        if not found:
            hint = "patterns count from the current directory; quote them, or the shell takes them apart"
            raise UsageError(f"no file matches {one_line(pattern, 200)!r}", hint=hint)
        files.update(dict.fromkeys(found))
    return tuple(files)


def _listed(template: PlanTemplate) -> str:
    names = (
        name if parameter.default is not None else f"{name} (required)"
        for name, parameter in template.parameters.items()
    )
    return f"it takes {', '.join(names)}; --template list says what each is"


def of_template(
    layout: Layout, name: str, parameters: Sequence[str], agents: Collection[str], request: str
) -> tuple[Proposal | None, Drawn | None]:
    """Fill a template: a built-in one makes a proposal, a saved one the files themselves.

    Raises:
        UsageError: there is none of that name, or a parameter is unknown or missing.
        PlanError, StoreError: it cannot be read.
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
