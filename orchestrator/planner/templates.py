"""Templates that people keep: made of a plan, looked at, and made a plan again.

Those that come with the package are drafts to be drawn (``planner/templates.py``); these are files to be copied.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from orchestrator.core.graph import shape
from orchestrator.core.ids import is_name, suggestion
from orchestrator.core.notification import targets
from orchestrator.core.params import filled, places, read_pairs
from orchestrator.core.plan import Plan, stem
from orchestrator.core.plan_status import PlanState
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import cell, one_line, sanitize
from orchestrator.errors import PlanError, Problem, StoreError, UsageError
from orchestrator.ownership import make_directories, open_to_us
from orchestrator.plan.columns import read_id
from orchestrator.plan.document import own_text
from orchestrator.plan.editor import find_places, fits, without_field
from orchestrator.plan.front_matter import read_front_matter
from orchestrator.plan.header import DUE_KEYS, with_state
from orchestrator.plan.lines import LARGEST_PLAN, LARGEST_TEXT, Lines, oversized, unreadable
from orchestrator.plan.parser import parse_plan, read_plan, set_statuses
from orchestrator.plan.sections import without_sections
from orchestrator.plan.task_fields import DUE
from orchestrator.plan.task_file import parse_task_file, without_ticks
from orchestrator.planner.draft_file import SOURCE
from orchestrator.planner.plan import Drawn
from orchestrator.runner.render import status_cells
from orchestrator.store.atomic import atomic_write, io_errors, names_in, read_file, reject_symlinks, sync_directory
from orchestrator.store.collection import no_plan
from orchestrator.store.layout import Layout, templates_of_person
from orchestrator.views.templating import render

# ── plan templates ────────
#
# Plans that come with the package, with parameters: the scenarios of seed 002.
#
# Each is a template in ``templates/plans`` that yields the JSON of a draft; ``index.json.j2`` there says which there
# are. A parameter's value gets into it as a value and nothing else.


@dataclass(frozen=True, slots=True)
class TemplateParameter:
    """A parameter of a template."""

    name: str
    about: str
    kind: str = "text"
    """``text``; ``list``: separated by commas; ``files``: a pattern. The last two make one task for each."""
    default: str | tuple[str, ...] | None = None
    """None: it has to be given."""


@dataclass(frozen=True, slots=True)
class PlanTemplate:
    """A plan that comes with the package."""

    name: str
    about: str
    parameters: Mapping[str, TemplateParameter]


def plan_templates() -> dict[str, PlanTemplate]:
    """Return all of them, by name."""
    listed = json.loads(render("plans/index.json.j2", None))
    return {
        name: PlanTemplate(
            name, each["about"], {key: _parameter(key, value) for key, value in each["parameters"].items()}
        )
        for name, each in listed.items()
    }


def _parameter(name: str, value: Mapping[str, Any]) -> TemplateParameter:
    default = value.get("default")
    return TemplateParameter(
        name, value["about"], value.get("kind", "text"), tuple(default) if isinstance(default, list) else default
    )


def fill(template: PlanTemplate, values: Mapping[str, str | tuple[str, ...]]) -> Any:
    """Return the data of a draft; *values* has one for every parameter."""
    return json.loads(render(f"plans/{template.name}.json.j2", None, **values))


def describe(template: PlanTemplate) -> str:
    """Return a template and its parameters, for people."""
    lines = [f"{template.name}: {template.about}"]
    for each in template.parameters.values():
        shown = each.default if isinstance(each.default, str) else ", ".join(each.default or ())
        rest = "required" if each.default is None else f"default: {shown}"
        many = " (one task for each)" if each.kind != "text" else ""
        lines.append(f"  {each.name}: {each.about}{many}; {rest}")
    return "\n".join(lines)


# ── saved plan ────────
#
# Templates that people keep: plan directories without outcomes, found by name.
#
# ``templates/NAME/`` holds a ``master_plan.md`` and its ``agent_tasks/``, as they would lie in a plan directory: of the
# plan directory, of the one it lies in, of the person. The nearest one with a name has it. ``{{name}}`` in them is
# filled in when a plan is made of it.

#: Characters of a value in a plan, where it stands in a cell or a line.
MOST = 2000


class SavedPlan(NamedTuple):
    """A template: the texts of its files."""

    name: str
    where: str
    """Its directory."""
    plan: str
    task_files: Mapping[str, str]
    """By stem."""
    file: str = ""
    """The file of the plan, where it is called otherwise than in a plan directory."""

    @property
    def shown(self) -> str:
        """The file of the plan, as shown to people."""
        return os.path.relpath(self.file or Layout(self.where).plan)

    @property
    def title(self) -> str:
        """Its first heading."""
        heads = (line[2:] for line in self.plan.splitlines() if line.startswith("# "))
        return one_line(next(heads, ""), 80)

    @property
    def parameters(self) -> list[str]:
        """Its parameters."""
        return places([self.plan, *self.task_files.values()])

    def filled(self, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Return the plan and its task files with these values; no value leaves its cell, its line, or the body."""
        exclusive = {name: one_line(value, MOST) for name, value in values.items()}
        in_cell = {name: cell(value, MOST) for name, value in values.items()}
        shown = {name: sanitize(value) for name, value in values.items()}
        files = {stem: _filled(text, exclusive, shown) for stem, text in self.task_files.items()}
        return _filled(self.plan, exclusive, in_cell), files


def _filled(text: str, of_front: Mapping[str, str], of_body: Mapping[str, str]) -> str:
    lines = Lines.of(text.encode())
    body = read_front_matter(lines.bare(), "").body
    front = filled("".join(lines.lines[:body]), of_front)
    return front + filled("".join(lines.lines[body:]), of_body)


def find_saved(directories: tuple[str, ...]) -> dict[str, str]:
    """Return the directory of every template, by name, the nearest first.

    Raises:
        StoreError: a directory cannot be read.
    """
    found: dict[str, str] = {}
    for directory in directories:
        for name in _names(directory):
            found.setdefault(name, f"{directory}/{name}")
    return found


def _names(directory: str) -> Iterator[str]:
    for name in sorted(names_in(directory, (FileNotFoundError, NotADirectoryError))):
        if is_name(name) and os.path.isfile(Layout(f"{directory}/{name}").plan):
            yield name


def read_saved(name: str, directory: str) -> SavedPlan:
    """Return a template.

    Raises:
        PlanError: one of its files is no text, or too large.
        StoreError: one cannot be read.
    """
    place = Layout(directory)
    return SavedPlan(name, directory, _text(place.plan, LARGEST_PLAN), read_task_files(place))


def read_task_files(place: Layout) -> dict[str, str]:
    """Return the task files of a directory that looks like that of a plan, by stem.

    Raises:
        PlanError: one of its files is no text, or too large.
        StoreError: one cannot be read.
    """
    files = {}
    with io_errors("list", place.tasks):
        names = sorted(os.listdir(place.tasks)) if os.path.isdir(place.tasks) else []
    for each in names:
        if each.endswith(".md") and not each.startswith("."):
            files[each.removesuffix(".md")] = _text(f"{place.tasks}/{each}")
    return files


def _text(path: str, largest: int = LARGEST_TEXT) -> str:
    data, shown = read_file(path) or b"", os.path.relpath(path)
    if (problem := oversized(data, shown, largest) or unreadable(data, shown)) is not None:
        raise PlanError([problem])
    return data.decode()


def save(saved: SavedPlan, *, force: bool) -> None:
    """Write a template, as a whole or not at all.

    Raises:
        UsageError: that is no name, or there is one of that name and *force* does not say to replace it.
        StoreError: it could not be written; the one before it is as it was.
    """
    if not is_name(saved.name):
        raise UsageError(f"{one_line(saved.name, 80)!r} is not a name", hint=_NAME_RULE)
    above = os.path.dirname(saved.where)
    staged, before = Layout(f"{above}/.{saved.name}.tmp"), f"{above}/.{saved.name}.old"
    reject_symlinks(above, saved.where)
    with io_errors("write", saved.where):
        if os.path.lexists(before) and not os.path.lexists(saved.where):
            os.rename(before, saved.where)  # anyone who was replacing it died in between
    if os.path.lexists(saved.where) and not force:
        raise UsageError(
            f"there is a template {saved.name} already",
            where=saved.where,
            hint="take another name, or replace it with --force",
        )
    with io_errors("write", saved.where):
        _replace(saved, staged, before)
    sync_directory(above)


def _replace(saved: SavedPlan, staged: Layout, before: str) -> None:
    """Write a template into *staged*, then put it in its place; the one before it lies in *before* meanwhile."""
    for place in (staged.root, before):
        shutil.rmtree(place, ignore_errors=True)
    make_directories(staged.tasks)
    try:
        for stem, text in saved.task_files.items():
            atomic_write(staged.task_file(stem), text.encode())
        atomic_write(staged.plan, saved.plan.encode())
        if os.path.lexists(saved.where):
            os.rename(saved.where, before)
        try:
            os.rename(staged.root, saved.where)
        except OSError:
            if os.path.lexists(before):
                os.rename(before, saved.where)
            raise
    finally:
        shutil.rmtree(staged.root, ignore_errors=True)
    shutil.rmtree(before, ignore_errors=True)


_NAME_RULE = "1 to 64 letters, digits, '.', '_', '@' or '-', starting with a letter or digit"
#: What stands in the place of a template's name to see which there are.
LIST = "list"
#: What a task file says of one time, as it was written when its row said it.
_DEADLINE = re.compile(rb"^- \*\*Deadline\*\*: [0-9]{4}-.*\n", re.MULTILINE)
#: What a plan says of one time that it was made.
_OF_ONCE = ("created", SOURCE, *DUE_KEYS)


def places_of_saved(layout: Layout | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return where the templates are that people keep, by name: of the plan directory, then of the person.

    Raises:
        StoreError: a directory of them cannot be read.
    """
    of_person = open_to_us(templates_of_person(environment), environment)
    return find_saved((*(layout.own_templates if layout else ()), *of_person))


def saved_plan(layout: Layout | None, name: str, environment: Mapping[str, str]) -> SavedPlan | None:
    """Return a template that a user keeps; None when there is none of that name.

    Raises:
        PlanError, StoreError: it cannot be read.
    """
    place = places_of_saved(layout, environment).get(name)
    return None if place is None else read_saved(name, place)


def saved_plans(
    layout: Layout | None, environment: Mapping[str, str], damaged: Callable[[str], None]
) -> dict[str, SavedPlan]:
    """Return all templates that people keep, by name; *damaged* is called with each that cannot be read."""
    found = {}
    for name, place in places_of_saved(layout, environment).items():
        try:
            found[name] = read_saved(name, place)
        except (PlanError, StoreError) as error:
            damaged(f"the template {name} is left out: {error}")
    return found


def save_plan(layout: Layout, name: str, environment: Mapping[str, str], *, here: bool, force: bool) -> SavedPlan:
    """Make a template of a plan: its table and its task files, and nothing of its outcome.

    Args:
        layout: The plan.
        name: What it is to be called.
        environment: Says where the person's own templates are.
        here: In the plan directory, for anyone who else has it; else among those of the person.
        force: Also where there is one of that name.

    Raises:
        UsageError: it cannot be called so, it holds an address, or the place of the user's files is unknown.
        PlanError, NotFoundError, StoreError: as their names say.
    """
    if name == LIST:
        raise UsageError(f"--template {LIST} names the templates", hint="take another name")
    if name in plan_templates():
        raise UsageError(f"the template {name} comes along", hint="take another name")
    directories = (layout.templates,) if here else templates_of_person(environment)
    if not directories:
        raise UsageError("the place of your templates is unknown: there is no HOME", hint="add --here")
    shown = os.path.relpath(layout.plan)
    data = read_file(layout.plan)
    if data is None:
        raise no_plan(layout)
    before = read_plan(data, shown)
    _require_no_address(before, shown)
    text = _as_new(data, before, shown)
    plan = read_plan(text, shown)
    files = {
        task.stem: _file_as_new(found).decode()
        for task in plan.tasks.values()
        if (found := read_file(layout.task_file(task.stem))) is not None
    }
    saved = SavedPlan(name, f"{directories[0]}/{name}", text.decode(), files)
    save(saved, force=force)
    return saved


def _require_no_address(plan: Plan, shown: str) -> None:
    if any(target.is_secret for target in targets(plan.settings.get("notify") or ())):
        raise UsageError(
            "the plan holds the address of a webhook, which a template would give to others",
            where=f"{shown}:{plan.lines.get('notify', 1)}",
            hint="name the variable that holds it: {slack: $SLACK_WEBHOOK}",
        )


def _as_new(data: bytes, plan: Plan, shown: str) -> bytes:
    """Return a plan as it was before anything was done: without our sections, statuses and dates."""
    if plan.header.state is not None:
        data = with_state(data, PlanState.PLANNING, shown)
    lines = Lines.of(data)
    once = {plan.lines[name] - 1 for name in _OF_ONCE if name in plan.lines}
    data = lines.replaced([line for at, line in enumerate(lines.lines) if at not in once])
    if dated := {task.id for task in plan.tasks.values() if getattr(task, DUE.name)}:
        data = without_field(find_places(data), dated, DUE.name)
    board = PlanSnapshot(plan, shape(plan.tasks), {})
    return without_sections(set_statuses(data, partial(status_cells, board)))


def _file_as_new(data: bytes) -> bytes:
    """Return a task file without ticks and without a date; one that follows its row loses the date with it."""
    follows = parse_task_file(data, "").made
    return without_ticks(data if follows else _DEADLINE.sub(b"", data, count=1))


def plan_in_file(path: str) -> SavedPlan | None:
    """Return the plan in a file that has a table of tasks, without its outcome; None for any other file.

    Of a ``master_plan.md`` the task files beside it belong to it.

    Raises:
        PlanError: it is invalid; every problem with its place.
        StoreError: it cannot be read.
    """
    data = read_file(path) if os.path.isfile(path) and not path.endswith(".json") else None
    if data is None or unreadable(data, path) is not None:
        return None
    if not any(sheet.columns.is_task_table for sheet in own_text(Lines.of(data).bare()).tasks):
        return None
    place = Layout(os.path.dirname(os.path.abspath(path)))
    files = read_task_files(place) if os.path.basename(path) == os.path.basename(place.plan) else {}
    text = _as_new(data, read_plan(data, path), path).decode()
    new = {stem: _file_as_new(each.encode()).decode() for stem, each in files.items()}
    return SavedPlan(path, place.root, text, new, path)


def draw_saved(saved: SavedPlan, values: Mapping[str, str], agents: Collection[str]) -> Drawn:
    """Return the files of a plan made of a template, read as ``run`` will read them. Writes nothing.

    Raises:
        UsageError: a value is missing, or there is one too many.
        PlanError: with these values it is invalid; every problem with its place.
    """
    _check(saved, values)
    if altered := list(_altered(saved, values)):
        raise PlanError(altered)
    text, files = saved.filled(values)
    place = Layout(saved.where)
    plan, problems = parse_plan(text.encode(), saved.shown)
    if not problems:
        problems += _agent_problems(plan, agents)
    task_files = {task.stem: files[task.stem] for task in plan.tasks.values() if task.stem in files}
    for name, each in task_files.items():
        shown = os.path.relpath(place.task_file(name))
        found = parse_task_file(each.encode(), shown)
        problems += found.problems
        if (key := found.settings.get("agent")) and key not in agents:
            where = f"{shown}:{found.lines['agent']}"
            problems.append(_unknown_agent("the task file", key, where, agents))
    if problems:
        raise PlanError(problems)
    return Drawn(text=text, task_files=task_files, board=PlanSnapshot(plan, shape(plan.tasks), {}))


def read_values(given: Sequence[str]) -> dict[str, str]:
    """Return what ``k=v`` say.

    Raises:
        UsageError: one has no value, or is given twice.
    """
    values: dict[str, str] = {}
    for name, value in read_pairs(given):
        if name in values:
            raise UsageError(f"--param {name} is given twice", hint="give it once")
        values[name] = value
    return values


def _check(saved: SavedPlan, values: Mapping[str, str]) -> None:
    known = saved.parameters
    takes = f"it takes {', '.join(known)}" if known else "it takes none"
    for name in values:
        if name not in known:
            message = f"the template {saved.name} has no parameter {one_line(name, 60)!r}"
            raise UsageError(message, hint=suggestion(name, known, takes))
    if missing := [name for name in known if not values.get(name)]:
        message = f"the template {saved.name} needs a value for {', '.join(missing)}"
        raise UsageError(message, hint=" ".join(f'--param "{name}=…"' for name in missing))


def _altered(saved: SavedPlan, values: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what would stand in a row in other words than it was given, where no task file tells the agent."""
    found = find_places(saved.plan.encode())
    for sheet in found.sheets:
        column = sheet.columns.id
        assert column is not None
        for at, cells in sheet.table.rows(found.lines):
            own = stem(read_id(cells[column])) if column < len(cells) else ""
            if parse_task_file(saved.task_files.get(own, "").encode(), own).body.strip():
                continue
            for name in places([found.lines[at]]):
                if not fits(values[name], MOST):
                    message = f"a row of the plan cannot say the value of {name} as it is"
                    where = f"{saved.shown}:{at + 1}"
                    hint = f"write {{{{{name}}}}} into agent_tasks/{own}.md of the template: there it is the text it is"
                    yield Problem(message, where, hint, "bad_value")


def _agent_problems(plan: Plan, agents: Collection[str]) -> list[Problem]:
    asked = [(f"task {task.id}", task.agent_key, task.where) for task in plan.tasks.values()]
    if "agent" in plan.settings:
        where = f"{plan.file}:{plan.lines.get('agent', 1)}"
        asked.insert(0, ("the plan", plan.settings["agent"], where))
    return [_unknown_agent(who, key, where, agents) for who, key, where in asked if key and key not in agents]


def _unknown_agent(who: str, key: str, where: str, agents: Collection[str]) -> Problem:
    return Problem(
        f"{who} asks for the agent {one_line(key, 60)!r}, which is not known here",
        where,
        f"known are {', '.join(agents)}; `orchestrator agent register KEY` adds one",
        "unknown_agent",
    )
