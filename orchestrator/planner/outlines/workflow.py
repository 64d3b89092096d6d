"""Workflow files in JSON or YAML: tasks, or phases with tasks and streams, and when the whole is complete.

A phase or a stream becomes a group. Between phases, and inside a phase that is not parallel, tasks only wait for each
other; a result is handed over only where a task names another one. ``workflow.schema.json`` is the JSON Schema of the
format, and docs/workflows.md describes it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from orchestrator.core.condition import compile_condition
from orchestrator.core.condition_syntax import ConditionError, translate
from orchestrator.core.ids import as_name, suggestion
from orchestrator.core.notification import read_notify
from orchestrator.core.params import places, read_params
from orchestrator.core.plan import stem
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.lazy import LazyModule
from orchestrator.plan.columns import is_none
from orchestrator.plan.data_file import DataFile, Steps, path_of
from orchestrator.plan.row import is_total
from orchestrator.planner.outlines import taskmaster_json
from orchestrator.planner.outlines.items import Item, OutlineResult, comes_after, drafted_items
from orchestrator.store.atomic import read_file

if TYPE_CHECKING:
    from jsonschema import validators
else:
    validators = LazyModule("jsonschema.validators")

FORM = "workflow"
_SCHEMA = os.path.join(os.path.dirname(__file__), "workflow.schema.json")
_INSIDE = "workflow"
#: Keys that a list of tasks in another form does not have.
_OWN_KEYS = frozenset({"name", "phases", "completion"})
#: What `completion.criteria` says where nothing else is asked for than what a run does anyway.
_ALL = "all_tasks_completed"
_MOST_PROBLEMS = 50


def recognises(data: Any) -> bool:
    """Whether there is a workflow, alone or under its name."""
    if not isinstance(data, Mapping):
        return False
    if isinstance(inside := data.get(_INSIDE), Mapping):
        return not _OWN_KEYS.isdisjoint(inside) or not taskmaster_json.recognises(data)
    return "phases" in data or ("name" in data and "tasks" in data)


def read(found: DataFile, file: str) -> OutlineResult:
    """Return the tasks of a workflow, in groups, and what the plan says of the whole."""
    if problems := list(_flaws(found, file)):
        return OutlineResult(problems=tuple(problems), form=FORM)
    base: Steps = (_INSIDE,) if _INSIDE in found.data else ()
    return _WorkflowReader(found, file, base).read(found.data[_INSIDE] if base else found.data)


def _flaws(found: DataFile, file: str) -> Iterator[Problem]:
    """Yield what the schema does not allow, each with its line and its path."""
    schema = json.loads(read_file(_SCHEMA) or b"")
    errors = sorted(validators.Draft202012Validator(schema).iter_errors(found.data), key=lambda each: each.path)
    for error in errors[:_MOST_PROBLEMS]:
        steps, hint = tuple(error.absolute_path), str(error.schema.get("description", ""))
        if error.validator == "additionalProperties":
            known = error.schema["properties"]
            for name in (each for each in error.instance if each not in known):
                listed = f"the keys are {', '.join(known)}"
                where = _place(found, file, (*steps, str(name)))
                yield Problem("there is no such key", where, suggestion(str(name), known, listed), "bad_draft")
            continue
        message = one_line(error.message.replace("is a required property", "is missing"), 200)
        yield Problem(
            message, _place(found, file, steps), hint or "docs/workflows.md describes the format", "bad_draft"
        )


def _place(found: DataFile, file: str, steps: Steps) -> str:
    line = f":{found.line(steps)}" if found.lines else ""
    path = path_of(steps[1:] if steps[:1] == (_INSIDE,) else steps)
    return f"{file}{line}: {path}" if path else f"{file}{line or ':1'}"


class _WorkflowReader:
    """Makes tasks and groups of a workflow that its schema allows."""

    def __init__(self, found: DataFile, file: str, base: Steps) -> None:
        self._found, self._file, self._base = found, file, base
        self._items: dict[str, Item] = {}
        self._problems: list[Problem] = []
        self._warnings: list[Problem] = []
        self._tasks: frozenset[str] = frozenset()
        self._used: set[str] = set()
        """Names of files of tasks, which no group may have."""
        self._groups: dict[tuple[str, str], str] = {}
        """(phase of a stream, or nothing; name) → id."""
        self._named: list[tuple[Item, str, Steps, str]] = []
        """A task or group, what it names as a dependency, where, and the phase it stands in."""
        self._rows: list[list[list[Item]]] = []
        """Stages that follow each other, of each phase that is not parallel."""

    def read(self, data: Mapping[str, Any]) -> OutlineResult:
        ids = [str(task["id"]) for _, task in _all_tasks(data)]
        self._tasks = frozenset(ids)
        self._used = {stem(each).casefold() for each in ids}
        self._name_groups(data)
        for at, task in enumerate(data.get("tasks", ())):
            self._task(task, (*self._base, "tasks", at))
        for at, phase in enumerate(data.get("phases", ())):
            self._phase(phase, (*self._base, "phases", at))
        for item, name, steps, phase in self._named:
            self._need(item, name, steps, phase)
        self._put_in_order()
        names, addresses = self._notified(data)
        about, settings = self._whole(data, names), self._settings(data, addresses)
        if "version" in data:
            about["title"] = f"{about['title'] or 'Workflow'} (version {data['version']})"
        found = drafted_items(
            self._file, [*self._items.values()], FORM, self._problems, warnings=self._warnings, about=about
        )
        return found._replace(settings=settings)

    def _blame(self, steps: Steps, message: str, hint: str, code: str = "bad_draft") -> None:
        self._problems.append(Problem(message, _place(self._found, self._file, steps), hint, code))

    def _note(self, steps: Steps, message: str, hint: str) -> None:
        self._warnings.append(Problem(message, _place(self._found, self._file, steps), hint, "kept_as_text"))

    # ── groups ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _name_groups(self, data: Mapping[str, Any]) -> None:
        for at, phase in enumerate(data.get("phases", ())):
            steps: Steps = (*self._base, "phases", at)
            self._name_group("", phase["name"], "phase", steps)
            for to, stream in enumerate(phase.get("streams", ())):
                self._name_group(phase["name"], stream["name"], "stream", (*steps, "streams", to))

    def _name_group(self, phase: str, name: str, kind: str, steps: Steps) -> None:
        if (phase, name) in self._groups:
            message = f"there are two {kind}s with the name {one_line(name, 60)!r}"
            self._blame((*steps, "name"), message, "give one of them another name")
            return
        word = as_name(name).replace("@", "_").strip("_.-")[:50]
        spellings = [word, f"{kind}-{word}"] if word else []
        numbered = (f"{word or kind}-{number}" for number in range(1, 10**6))
        is_free = (each for each in (*spellings, *numbered) if stem(each).casefold() not in self._used)
        id = next(each for each in is_free if not _means_another_thing(each))
        self._used.add(stem(id).casefold())
        self._groups[phase, name] = id

    def _phase(self, phase: Mapping[str, Any], steps: Steps) -> None:
        name, is_parallel = phase["name"], phase.get("parallel", False)
        group = self._group("phase", phase, steps)
        if not (phase.get("tasks") or phase.get("streams")):
            message = f"the phase {one_line(name, 60)!r} has neither tasks nor streams"
            self._blame(steps, message, "add some, or take the phase out")
        members = [
            self._task(task, (*steps, "tasks", at), group.id, name) for at, task in enumerate(phase.get("tasks", ()))
        ]
        for at, stream in enumerate(phase.get("streams", ())):
            below = (*steps, "streams", at)
            inner = self._group("stream", stream, below, group.id, name)
            if not stream["tasks"]:
                message = f"the stream {one_line(stream['name'], 60)!r} has no tasks"
                self._blame(below, message, "add some, or take the stream out")
            tasks = [self._task(task, (*below, "tasks", to), inner.id, name) for to, task in enumerate(stream["tasks"])]
            members.append(inner)
            if not is_parallel:
                self._rows.append(_stages(tasks))
        if not is_parallel:
            self._rows.append(_stages(members))

    def _group(self, kind: str, data: Mapping[str, Any], steps: Steps, parent: str = "", phase: str = "") -> Item:
        id = self._groups[phase, data["name"]]
        item = Item(
            id=id,
            where=_place(self._found, self._file, steps),
            text=data.get("description") or f"The {kind} {data['name']}: it is over when all tasks under it are.",
            name=data["name"],
            fields={"parent": parent},
        )
        self._items.setdefault(id, item)
        self._named += [
            (item, name, (*steps, "dependencies", at), phase) for at, name in enumerate(data.get("dependencies", ()))
        ]
        return item

    # ── tasks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _task(self, task: Mapping[str, Any], steps: Steps, parent: str = "", phase: str = "") -> Item:
        item = Item(
            id=task["id"],
            where=_place(self._found, self._file, steps),
            text=task["description"],
            name=task.get("title", ""),
            is_parallel=task.get("parallel", False),
            fields={"parent": parent, "type": task.get("type", ""), "priority": task.get("priority", "")},
        )
        if item.id in self._items:
            first = self._items[item.id].where
            self._blame((*steps, "id"), f"there are two tasks {item.id}, the first at {first}", "rename one of them")
        for key in ("id", "type"):
            if _means_another_thing(word := task.get(key, "") or "x"):
                message = f"in a table of tasks {word!r} has a meaning of its own"
                self._blame((*steps, key), message, "take another word")
        self._items.setdefault(item.id, item)
        self._named += [
            (item, name, (*steps, "dependencies", at), phase) for at, name in enumerate(task.get("dependencies", ()))
        ]
        item.fields["condition"] = self._condition(item, task.get("conditions", ()), (*steps, "conditions"))
        item.fields["settings"] = _task_settings(task)
        item.fields["inputs"] = [
            {"name": name, "value": value if isinstance(value, str) else _json(value), "source": source}
            for key, source in (("inputData", "input data"), ("metadata", "metadata"))
            for name, value in task.get(key, {}).items()
        ]
        criteria = task.get("assignmentCriteria", {})
        item.fields["agent"] = criteria.get("preferredAgent", "")
        if criteria.get("loadBalancing"):
            at = (*steps, "assignmentCriteria", "loadBalancing")
            self._note(at, "agents are not chosen by their load", "the first agent with the capabilities does the task")
        if gates := [name for name, is_asked in task.get("qualityGates", {}).items() if is_asked]:
            item.fields["acceptance"] = [f"Quality gate: {name}" for name in gates]
            message = f"kept as success criteria of {item.id}, which nothing checks by itself: {', '.join(gates)}"
            self._note((*steps, "qualityGates"), message, "`orchestrator check` and `complete --validate` look at them")
        return item

    def _condition(self, item: Item, conditions: Sequence[Mapping[str, Any]], steps: Steps) -> str:
        """Return the conditions of a task as one; what each is about becomes a need of the task."""
        parts: dict[str, list[str]] = {"execute": [], "skip": []}
        for at, each in enumerate(conditions):
            dependency = each["dependency"]
            if dependency not in self._tasks:
                message = f"{item.id} has a condition on {one_line(dependency, 60)}, which is no task of this file"
                hint = suggestion(dependency, self._tasks, "correct it, or take it out")
                self._blame((*steps, at, "dependency"), message, hint, "unknown_dependency")
                continue
            item.needs[dependency] = "data"
            try:
                parts[each.get("action", "execute")].append(_about(each["condition"], dependency))
            except ConditionError as error:
                hint = "write it as in result.marketSize > 1000000"
                self._blame((*steps, at, "condition"), str(error), hint, "bad_condition")
        runs, skips = parts["execute"], [f"!({each})" for each in parts["skip"]]
        if not skips and len(runs) == 1:
            return runs[0]
        one = " || ".join(f"({each})" for each in runs)
        return " && ".join([*([f"({one})" if len(runs) > 1 and skips else one] if runs else []), *skips])

    # ── order ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _need(self, item: Item, name: str, steps: Steps, phase: str) -> None:
        is_group = item.id not in self._tasks
        if name in self._tasks:
            item.needs[name] = "order" if is_group else "data"
        elif id := self._groups.get((phase, name)) or self._groups.get(("", name)):
            item.needs.setdefault(id, "order")
        else:
            known = [*self._tasks, *(each for _, each in self._groups)]
            message = f"{item.id} depends on {one_line(name, 60)}, which is no task, phase or stream of this file"
            self._blame(steps, message, suggestion(name, known, "correct it, or take it out"), "unknown_dependency")

    def _put_in_order(self) -> None:
        """Let stages follow each other. What a task names itself counts more than its place."""
        begins = "begin of "  # with a blank, which no id has: what everything in a group waits for
        waits: dict[str, set[str]] = {}
        for item in self._items.values():
            waits[begins + item.id] = set(item.needs)
            waits.setdefault(item.id, set()).add(begins + item.id)
            if parent := item.fields["parent"]:
                waits[begins + item.id].add(begins + parent)
                waits.setdefault(parent, set()).add(item.id)
        for stages in self._rows:
            before: list[Item] = []
            for stage in stages:
                for item in stage:
                    for other in before:
                        if not comes_after(waits, other.id, item.id):
                            item.needs.setdefault(other.id, "order")
                            waits[begins + item.id].add(other.id)
                before = stage

    # ── the whole ────────────────────────────────────────────────────────────────────────────────────────────────

    def _whole(self, data: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
        steps: Steps = (*self._base, "completion")
        completion = data.get("completion", {})
        success = []
        for each in _listed(completion.get("criteria")):
            if each == _ALL:
                success.append("All tasks are completed.")
            else:
                success.append(each)
                hint = f"a run is complete when all tasks are: {_ALL}"
                self._note((*steps, "criteria"), f"kept as a success criterion, which nothing checks: {each}", hint)
        success += [f"Deliverable: {each}" for each in _listed(completion.get("deliverables"))]
        if names:
            message = f"{', '.join(names)}: a name and no address, so nobody is told; kept as a goal of the plan"
            hint = "name an address there, such as desktop or {slack: $TEAM_WEBHOOK, name: content_team}"
            self._note((*steps, "notifications"), message, hint)
        goals = [f"Tell {', '.join(names)} when it is complete"] if names else []
        return {
            "title": data.get("name", ""),
            "goal": data.get("description", ""),
            "goals": goals,
            "success": success,
            "has_types": True,
        }

    def _notified(self, data: Mapping[str, Any]) -> tuple[list[str], list[Any]]:
        """Return whom to tell: names of groups, and addresses."""
        names, addresses = [], []
        for at, each in enumerate(data.get("completion", {}).get("notifications", ())):
            try:
                read_notify(each)
                addresses.append(each)
            except ValueError as error:
                if isinstance(each, str) and "=" not in each and ":" not in each:
                    names.append(each)
                else:
                    steps = (*self._base, "completion", "notifications", at)
                    self._blame(steps, str(error), "write desktop, or {slack: $TEAM_WEBHOOK}")
        return names, addresses

    def _settings(self, data: Mapping[str, Any], addresses: Sequence[Any]) -> dict[str, Any]:
        """Return what stands in the front matter of the plan."""
        settings: dict[str, Any] = {}
        if addresses:
            settings["notify"] = addresses
        declared = data.get("params", {})
        try:
            known = read_params(declared)
        except ValueError as error:
            hint = "write params: {topic: {description: …}, depth: {enum: [basic, deep], default: basic}}"
            self._blame((*self._base, "params"), one_line(str(error)), hint)
            return settings
        texts = [_json(data.get(key)) for key in ("tasks", "phases")]
        # Who writes {{topic}} or params.topic into a workflow means a parameter, declared or not.
        named = [*places(texts), *(name for item in self._items.values() for name in _params_of(item))]
        known |= read_params([name for name in dict.fromkeys(named) if name not in known])
        if known:
            settings["params"] = {name: _short(each) for name, each in known.items()}
        return settings


def _params_of(item: Item) -> Sequence[str]:
    """Return the parameters that the condition of a task reads; none of one that is no condition."""
    try:
        return sorted(compile_condition(item.fields.get("condition") or "true").params)
    except ConditionError:
        return ()


def _means_another_thing(word: str) -> bool:
    return is_none(word) or is_total(word)


def _all_tasks(data: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each task with the phase it is in."""
    yield from (("", task) for task in data.get("tasks", ()))
    for phase in data.get("phases", ()):
        for part in (phase, *phase.get("streams", ())):
            yield from ((phase["name"], task) for task in part.get("tasks", ()))


def _stages(items: Sequence[Item]) -> list[list[Item]]:
    """Return what follows each other; neighbours that are marked as parallel are one stage."""
    numbers = {item.id: number for number, item in enumerate(items)}
    stages = groupby(items, key=lambda item: -1 if item.is_parallel else numbers[item.id])
    return [list(stage) for _, stage in stages]


def _about(condition: str, dependency: str) -> str:
    """Return a condition in which ``result`` is the result of the dependency; raises ``ConditionError``."""
    path = f'needs["{dependency}"]' if "." in dependency else f"needs.{dependency}"
    text = condition
    for token in reversed(translate(condition).tokens):
        if token.path[:1] == ("result",):
            text = f"{text[: token.bounds[0]]}{path}.{text[token.bounds[0] :]}"
    return text


def _task_settings(task: Mapping[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {}
    if "timeout" in task:
        settings["timeout"] = _duration(int(task["timeout"]))
    if "retryCount" in task:
        settings["retries"] = int(task["retryCount"])
    criteria = task.get("assignmentCriteria", {})
    names = [name for each in (task, criteria) for name in each.get("requiredCapabilities", ())]
    if all_of := list(dict.fromkeys([*names, *criteria.get("capabilities", ())])):
        settings["required_capabilities"] = all_of
    return settings


def _duration(milliseconds: int) -> str | float:
    if milliseconds % 60_000 == 0:
        return f"{milliseconds // 60_000}m"
    return f"{milliseconds // 1000}s" if milliseconds % 1000 == 0 else milliseconds / 1000


def _listed(value: str | Sequence[str] | None) -> Sequence[str]:
    return [value] if isinstance(value, str) else value or ()


def _short(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a parameter without what is not said of it."""
    kept = {name: value for name, value in declared.items() if value not in ([], "", None)}
    return kept if declared["required"] else {**kept, "required": False}


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
