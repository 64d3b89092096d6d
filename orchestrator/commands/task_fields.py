"""The fields of a task as options of ``add`` and ``update``, and as the JSON of ``list``, ``show`` and ``export``."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from orchestrator.commands.registry import Parameter, options
from orchestrator.core import criteria
from orchestrator.core import criteria as checklist
from orchestrator.core.cost import total_cost
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt
from orchestrator.core.settings import read_setting
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.timestamp import iso
from orchestrator.errors import OrchestratorError, UsageError
from orchestrator.plan.task_fields import TASK_FIELDS, TaskField, field_facts
from orchestrator.services.task_view import TaskView, agents_by_type
from orchestrator.store.agent_files import read_agents
from orchestrator.store.layout import Layout


def chosen_agents(layout: Layout, board: PlanSnapshot, tasks: Sequence[Task]) -> Mapping[str, str]:
    """Return the agents of those tasks that name none and get one by their type."""
    if not any(task.type and not task.agent_key for task in tasks):
        return {}
    try:
        return agents_by_type(layout, board, tasks, read_agents(layout, os.environ))
    except OrchestratorError:
        return {}  # an invalid agent file is no reason to print nothing at all


def brief(board: PlanSnapshot, task: Task, agents: Mapping[str, str] = MappingProxyType({})) -> Mapping[str, object]:
    """Return a task as JSON: time and cost of all attempts together, None where they are unknown.

    *agents*: those that types have chosen.
    """
    spent = total_cost([board.outcome(task.id)])
    took = board.worked(task.id, time.time())
    return {
        "id": task.id,
        "name": task.name,
        "status": board.status(task.id).value,
        "reason": board.why(task.id),
        **field_facts(task),
        "agent": agents.get(task.id) or task.agent,
        "tags": task.tags,
        "needs": task.own_needs,
        "children": task.children,
        "duration": None if took is None else round(took, 3),
        "cost_usd": None if spent.unknown else round(spent.known, 6),
        "unknown_costs": spent.unknown,
        "result": task.result_path if task.id in board.results else "",
        **({"item": json.loads(task.item)} if task.item else {}),
    }


def task_facts(view: TaskView, agents: Mapping[str, str] = MappingProxyType({})) -> dict[str, object]:
    """Return a task as JSON with its attempts, criteria and answer."""
    return {
        **brief(view.board, view.task, agents),
        "description": view.task.description,
        "attempts": [attempt_facts(attempt) for attempt in view.board.attempts(view.task.id)],
        "criteria": criteria.facts(view.criteria),
        "answer": view.answer,
        "structured": view.structured,
    }


def attempt_facts(attempt: Attempt) -> dict[str, object]:
    """Return an attempt as JSON; what is unknown is None."""
    lasted = attempt.lasted(time.time())
    return {
        "number": attempt.number,
        "status": attempt.status,
        "agent": attempt.agent,
        "start": iso(attempt.started),
        "end": iso(attempt.ended),
        "duration": None if lasted is None else round(lasted, 3),
        "exit": attempt.exit,
        "reason": attempt.reason,
        "cost_usd": attempt.cost,
        "session": attempt.session,
    }


# ── task options ────────
#
# Options about a task that `add`, `update`, `spawn` and `dispatch` have.

_SETTINGS = {
    "timeout": Parameter("D", "Time for one attempt: 90, 5m, 1h30m."),
    "retries": Parameter("N", "Repeats after the first attempt."),
    "retry": Parameter("N", "Attempts in all: --retry 5 is --retries 4."),
    "retry_delay": Parameter("D", "Base of the exponential backoff."),
}


def field_options(*names: str, is_change: bool = False, helps: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Declare options for fields of a task: of all, or of those that are named.

    *is_change*: the task is there, and an empty value takes away what its row says. *helps*: other help texts.
    """

    def help_of(each: TaskField) -> str:
        if is_change and each.clear:
            return f"{each.help.removesuffix('.')}; '' for {each.clear}."
        return helps.get(each.name, each.help)

    return options(
        {
            each.name: Parameter(
                each.metavar,
                help_of(each),
                names=tuple(filter(None, (each.short, each.option))),
                completion=each.completion,
            )
            for each in TASK_FIELDS
            if each.name in names or not names
        }
    )


def setting_options(*names: str) -> Any:
    """Declare options that become settings of the task file: all, or those that are named."""
    return options({name: _SETTINGS[name] for name in names or _SETTINGS})


_GIVEN = {
    "param": Parameter("NAME=VALUE", "A parameter of its type; {{NAME}} in texts.", is_repeated=True),
    "metadata": Parameter("JSON", """Data about it for its agent: '{"budget": 5000}'."""),
    "input_file": Parameter("FILE", "A file it works with, there when the run starts.", is_repeated=True),
    "output_dir": Parameter("DIR", "Where it leaves its files; made before it starts."),
    "namespace": Parameter("WORD", "Kept with it; ORCHESTRATOR_NAMESPACE for its agent."),
}


def given_options() -> Any:
    """Declare options for what a task is given besides its text."""
    return options(_GIVEN)


def given_of(given: Mapping[str, Any], root: str) -> dict[str, Any]:
    """Read the options of ``given_options``; paths count from where we are, and are kept as seen from *root*.

    Raises:
        UsageError: a value is not understood.
    """
    found: dict[str, Any] = {}
    if params := given.get("param"):
        found["task_params"] = _params(params)
    if "metadata" in given:
        found["task_metadata"] = _read("metadata", "task_metadata", _json(given["metadata"]))
    if files := given.get("input_file"):
        found["input_files"] = tuple(_seen_from(root, "input-file", path) for path in files)
    if "output_dir" in given:
        found["output_dir"] = _seen_from(root, "output-dir", given["output_dir"])
    if "namespace" in given:
        found["namespace"] = _read("namespace", "namespace", given["namespace"])
    return found


def missing_files(settings: Mapping[str, Any], root: str) -> list[str]:
    """Return the input files among the settings of a new task that are not there yet."""
    paths = (os.path.relpath(os.path.join(root, path)) for path in settings.get("input_files", ()))
    return [path for path in paths if not os.path.isfile(path)]


def _params(words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for word in words:
        name, is_given, value = word.partition("=")
        if not is_given or not (name := name.strip()):
            raise UsageError(f"--param: {word!r} is not NAME=VALUE", hint="--param depth=comprehensive")
        if name in found:
            raise UsageError(f"--param: {name} is given twice", hint="several values: --param sources=web,academic")
        found[name] = value
    return dict(_read("param", "task_params", found))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"--metadata: {error}", hint="""--metadata '{"budget": 5000}'""") from None


def _read(option: str, name: str, value: Any) -> Any:
    try:
        return read_setting(name, value)
    except ValueError as error:
        raise UsageError(f"--{option}: {error}", hint="orchestrator add --help") from None


def _seen_from(root: str, option: str, path: str) -> str:
    if not path.strip():
        raise UsageError(f"--{option}: the path is empty", hint=f"--{option} ./data")
    return os.path.relpath(os.path.abspath(path), root)


def tags_of(values: Sequence[str], option: str = "--tag") -> tuple[str, ...]:
    """Return the tags in an option that may be given several times, or once with commas.

    Raises:
        UsageError: one of them is several words.
    """
    tags = [word.strip().lstrip("#") for value in values for word in value.split(",")]
    for tag in tags:
        if len(tag.split()) > 1:
            raise UsageError(f"{option}: {tag!r} is more than one word", hint="join them by a dash")
    return tuple(dict.fromkeys(filter(None, tags)))


def criteria_of(texts: Sequence[str], as_json: str = "") -> tuple[str, ...]:
    """Return the success criteria in ``--criterion`` and ``--criteria``.

    Raises:
        UsageError: one is empty, or the JSON is not a list of texts.
    """
    option = "--criterion"
    try:
        found = checklist.worded(texts)
        option = "--criteria"
        return tuple(dict.fromkeys((*found, *(checklist.read_criteria(as_json) if as_json else ()))))
    except ValueError as error:
        hint = """--criterion "all tests pass", or --criteria '["all tests pass", …]'"""
        raise UsageError(f"{option}: {error}", hint=hint) from None


def settings_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Read options that become settings of a task file. ``--retry 5`` means five attempts in all.

    Raises:
        UsageError: a value is not understood.
    """
    if "retry" in given and "retries" in given:
        raise UsageError("--retry N and --retries N-1 say the same", hint="give one of them")
    settings: dict[str, Any] = {}
    for name, value in given.items():
        try:
            if name == "retry":
                settings["retries"] = read_setting("retries", value) - 1
                if settings["retries"] < 0:
                    raise ValueError("there is at least one attempt")
            else:
                settings[name] = read_setting(name, value)
        except ValueError as error:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option}: {error}", hint="orchestrator add --help") from None
    return settings
