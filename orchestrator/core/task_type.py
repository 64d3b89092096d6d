"""Types of task: the settings, the parameters and the text that all tasks of one sort share."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from orchestrator.core.ids import similar_name, suggestion
from orchestrator.core.json_schema import flaw, mismatch
from orchestrator.core.params import as_text as plan_text
from orchestrator.core.params import variables
from orchestrator.core.settings import Settings, check_json, check_param_name
from orchestrator.core.text import one_line


class TaskParam(NamedTuple):
    """One parameter of a type."""

    schema: Mapping[str, Any]
    """A fragment of JSON Schema; ``default`` and ``description`` are among its words."""
    is_required: bool = False
    takes_several: bool = False
    """It was written as a list of values: one or several of them are given."""

    @property
    def allowed(self) -> str:
        """Its allowed values for people; empty: any that its schema lets through."""
        values = self.schema.get("enum")
        if values is None and isinstance(items := self.schema.get("items"), Mapping):
            values = items.get("enum")
        return ", ".join(map(as_text, values)) if isinstance(values, Sequence) else ""

    def read(self, name: str, value: Any) -> Any:
        """Return a value checked; a text stands for what it means to the schema: ``3``, ``true``, ``a,b``.

        Raises:
            ValueError: it does not fit, with a message that names what is allowed.
        """
        meant = [value, *_meanings(value)] if isinstance(value, str) else [value]
        problem = ""
        for each in meant:
            wrong = self.mismatch(name, each)
            if not wrong:
                return each
            problem = problem or wrong
        if self.allowed:
            problem = f"{name}: {_shown(value)} is none of {self.allowed}"
        raise ValueError(one_line(problem, 300))

    def mismatch(self, name: str, value: Any) -> str:
        """Say how a value does not fit; empty when it does."""
        values = value if self.takes_several and isinstance(value, list) and value else [value]
        wrong = (mismatch({name: each}, {"properties": {name: dict(self.schema)}}) for each in values)
        return next(filter(None, wrong), "")


def _meanings(text: str) -> list[Any]:
    found: list[Any] = []
    with suppress(ValueError, RecursionError):
        found.append(json.loads(text))
    words = [word.strip() for word in text.split(",")]
    found.append(words)
    with suppress(ValueError, RecursionError):
        found.append([json.loads(word) for word in words])
    return found


class TaskType(NamedTuple):
    """What all tasks of one type have in common."""

    key: str
    description: str = ""
    settings: Mapping[str, Any] = {}
    params: Mapping[str, TaskParam] = {}
    text: str = ""
    """What stands before the assignment in every prompt."""
    prefers: tuple[str, ...] = ()
    """Capabilities of the agents that come first for it; where none has them, any agent takes it."""
    lines: Mapping[str, int] = {}
    """Line of its file in which each setting stands."""
    file: str = ""
    """Empty: it is built in, and what it says is a default."""

    @property
    def is_built_in(self) -> bool:
        """Whether no person wrote it."""
        return not self.file

    @property
    def where(self) -> str:
        """``file:line`` where it is defined, or ``built in``."""
        return f"{self.file}:1" if self.file else "built in"

    def read_params(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a task of this type, checked, with defaults for those that are not given.

        Raises:
            ValueError: one is unknown, missing or wrong, with a message that names what is allowed.
        """
        if unknown := [name for name in given if name not in self.params]:
            name = unknown[0]
            raise ValueError(f"{one_line(name, 60)} is no parameter of {self.key}: {self._parameters(name)}")
        values: dict[str, Any] = {}
        for name, param in self.params.items():
            if name in given:
                values[name] = param.read(name, given[name])
            elif "default" in param.schema:
                values[name] = param.schema["default"]
            elif param.is_required:
                one_of = f", one of {param.allowed}" if param.allowed else ""
                raise ValueError(f"{name} is missing: tasks of the type {self.key} must have it{one_of}")
        return values

    def _parameters(self, name: str) -> str:
        if not self.params:
            return "it has none"
        listed = "; ".join(f"{each} ({param.allowed or 'any'})" for each, param in self.params.items())
        return f"{suggestion(name, self.params, '')} it has {listed}".strip()


def read_params(value: Any) -> dict[str, TaskParam]:
    """Read ``params:`` of a type: for each name a list of allowed values, or a fragment of JSON Schema.

    Raises:
        ValueError: it is invalid, with a message for people.
    """
    if not isinstance(value, Mapping):
        raise ValueError("write NAME: [allowed values], or NAME: and a JSON Schema of the value, for each parameter")
    for name in value:
        check_param_name(name)
    check_json(value)
    return {name: _read_param(name, given) for name, given in value.items()}


def _read_param(name: str, given: Any) -> TaskParam:
    if isinstance(given, list | tuple) and given:
        param = TaskParam({"enum": list(given)}, takes_several=True)
    elif isinstance(given, Mapping):
        fragment = dict(given)
        is_required = fragment.pop("required", False) if isinstance(given.get("required"), bool) else False
        param = TaskParam(fragment, is_required)
    else:
        raise ValueError(f"{name}: {_shown(given)} is neither a list of allowed values nor a JSON Schema")
    if wrong := flaw({"properties": {name: dict(param.schema)}}):
        raise ValueError(f"{name}: {wrong}")
    if "default" in param.schema and (wrong := param.mismatch(name, param.schema["default"])):
        raise ValueError(f"{name}: its default does not fit: {wrong}")
    return param


def similar_type(word: str, types: Mapping[str, TaskType]) -> str:
    """Return the key of a person's own type that *word* probably means; empty where it is one, or is like none."""
    if word.casefold() in types:
        return ""
    return similar_name(word, [each.key for each in types.values() if not each.is_built_in])


# ── texts ────────
#
# ``{{name}}`` in the text of a type or a task stands for a parameter (``core/params.py``).


def as_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as they are filled into texts."""
    return {name: as_text(value) for name, value in values.items()}


def as_text(value: Any) -> str:
    """Return a parameter as written: a list with commas, everything else as a parameter of the plan."""
    return ",".join(map(as_text, value)) if isinstance(value, list | tuple) else plan_text(value)


def given_variables(settings: Settings) -> dict[str, str]:
    """Return what a task was given besides its text, as variables for its processes."""
    found = {
        "ORCHESTRATOR_NAMESPACE": settings.namespace,
        "ORCHESTRATOR_OUTPUT_DIR": settings.output_dir,
        "ORCHESTRATOR_INPUT_FILES": "\n".join(settings.input_files),
        "ORCHESTRATOR_METADATA": as_text(settings.task_metadata) if settings.task_metadata else "",
    }
    return {**{name: text for name, text in found.items() if text}, **variables(as_texts(settings.task_params))}


def _shown(value: Any) -> str:
    return one_line(repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=dict), 80)


# ── built in ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _one_of(**params: str) -> dict[str, TaskParam]:
    # Not read as those of a file are: that would load the checker of schemas for every command.
    return {name: TaskParam({"enum": words.split()}, takes_several=True) for name, words in params.items()}


#: A type that people write themselves takes the place of the one with its key. These have no text: a word in a column
#: Type adds nothing to a prompt that its plan does not say.
BUILT_IN_TYPES: Mapping[str, TaskType] = {
    each.key: each
    for each in (
        TaskType(
            "research",
            "gathers information: a structured report, its facts verified and its sources cited",
            {"timeout": 600.0},
            _one_of(
                depth="basic standard comprehensive",
                sources="web academic industry internal",
                format="summary detailed analysis",
            ),
            prefers=("web_search", "document_analysis"),
        ),
        TaskType(
            "analysis",
            "finds out what data say: an analytical report, with valid statistics and clear charts",
            {"timeout": 900.0},
            _one_of(
                methods="descriptive predictive prescriptive",
                visualizations="charts graphs dashboards",
                metrics="standard custom comparative",
            ),
            prefers=("data_analysis", "statistical_modeling"),
        ),
        TaskType(
            "implementation",
            "writes code: a package with its tests and documentation, looked through for security holes",
            {"timeout": 1800.0},
            _one_of(
                languages="typescript python rust go",
                frameworks="express fastapi actix gin",
                testing="unit integration e2e",
            ),
            prefers=("code_generation", "testing", "documentation"),
        ),
        TaskType("coordination", "keeps the work of others together"),
        TaskType("design", "decides how something will be made"),
        TaskType("review", "judges what others made"),
        TaskType("planning", "decides what is done, and in which order"),
        TaskType("testing", "finds out whether something works"),
    )
}
