"""The types of task that files describe: of the plan, of plans beside it, of the person. The nearest with a key has it.

``types/KEY.md``: settings and parameters of its tasks in front matter, what stands before their texts in the body.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from orchestrator.core.ids import is_name, suggestion
from orchestrator.core.settings import IN_A_TASK, NAMES, RUN_ONLY
from orchestrator.core.task_type import BUILT_IN_TYPES, TaskType, read_params
from orchestrator.core.text import one_line
from orchestrator.errors import PlanError, Problem
from orchestrator.ownership import open_to_us
from orchestrator.store.keyed_files import (
    NO_FILES,
    KeyedFile,
    files_in,
    place_of,
    read_own_setting,
    render_keyed_file,
    require_no_file,
    split_file,
    write_files,
)
from orchestrator.store.layout import Layout, types_of_person

_FIELDS = ("description", "params")
#: Settings that a type may have; ``params`` of a task are values, and those of a type say which there may be.
_SETTINGS = frozenset({*NAMES} - RUN_ONLY - {"task_params"})
#: What other tools call a part of a type, and what to do about it here.
_ELSEWHERE = {
    "checks": "write into the text below what the answer must fulfil",
    "quality_checks": "write into the text below what the answer must fulfil",
    "output_format": "write into the text below what the answer looks like, or say schema: for a JSON Schema",
    "parameters": "call it params:",
    "default_timeout": "call it timeout:, and write the unit: 10m",
}


def read_types(
    layout: Layout | None, environment: Mapping[str, str], proposed: Mapping[str, bytes] = NO_FILES
) -> tuple[Mapping[str, TaskType], list[Problem]]:
    """Return all types there are for a plan, by their keys in lower case, and what is wrong with their files.

    *layout* and *proposed* as for ``read_agents``.

    Raises:
        StoreError: a file could not be read.
    """
    found: dict[str, TaskType] = {}
    problems: list[Problem] = []
    for directory in (*(layout.types if layout else ()), *open_to_us(types_of_person(environment), environment)):
        here: dict[str, TaskType] = {}
        for file in files_in(directory, proposed):
            each, wrong = parse_type_file(file)
            problems += wrong
            if each is None:
                continue
            if twin := here.get(file.key.casefold()):
                message = f"the type {file.key} is there twice, first in {twin.file}"
                problems.append(_bad(message, f"{file.file}:1", "give one another name"))
            here.setdefault(file.key.casefold(), each)
        for key, each in here.items():
            found.setdefault(key, each)
    return {**BUILT_IN_TYPES, **found} if found else BUILT_IN_TYPES, problems


def parse_type_file(found: KeyedFile) -> tuple[TaskType | None, list[Problem]]:
    """Return what a file says, and everything that is wrong with it."""
    front, text, problems = split_file(found.data, found.file, _FIELDS)
    if front.problem is not None:
        return None, problems
    if not is_name(found.key):
        hint = "give it a name of letters, digits and the signs . _ @ -"
        problems.append(_bad("the name of the file makes no type", f"{found.file}:1", hint))
    fields: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    for written, value in front.data.items():
        where = f"{found.file}:{front.lines[written]}"
        name = IN_A_TASK.get(written, written)
        try:
            if written == "params":
                fields["params"] = read_params(value)
            elif written == "description":
                fields["description"] = _line(value)
            elif name in _SETTINGS:
                settings[name] = read_own_setting(written, value, found.base)
            else:
                problems.append(_unknown(written, where))
        except ValueError as error:
            message = str(error) if name in _SETTINGS else f"{written}: {one_line(str(error), 300)}"
            problems.append(_bad(message, where))
    lines = {IN_A_TASK.get(written, written): line for written, line in front.lines.items() if written != "params"}
    return TaskType(found.key, settings=settings, text=text, lines=lines, file=found.file, **fields), problems


class _KindOfFile(Protocol):
    """What the file of a type is to say."""

    @property
    def fields(self) -> Mapping[str, object]: ...
    @property
    def text(self) -> str: ...


def add_types(layout: Layout, types: Mapping[str, _KindOfFile], environment: Mapping[str, str]) -> list[str]:
    """Write the files of types of a plan, each key with its fields and its text: all, or none; return their paths.

    Raises:
        UsageError: there is such a file.
        PlanError: the types would make no sense with one of them.
        StoreError: one could not be written.
    """
    directory = layout.types[0]
    files: dict[str, bytes] = {}
    for key, written in types.items():
        path = f"{directory}/{key}.md"
        require_no_file(path, f"a type {key}", "the file was not changed; move it away to import the type again")
        files[path] = render_keyed_file(written.fields, written.text).encode()
    _, problems = read_types(layout, environment, files)
    if problems:
        raise PlanError(sorted(problems, key=place_of))
    write_files(directory, files)
    return [*files]


def _line(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a text")
    return one_line(value, 300)


def _bad(message: str, where: str, hint: str = "correct or remove it") -> Problem:
    return Problem(message, where, hint, "bad_type")


def _unknown(field: str, where: str) -> Problem:
    word = "".join(f"_{each.lower()}" if each.isupper() else each for each in field).strip("_ ").replace("-", "_")
    if word in RUN_ONLY:
        return _bad(f"{word} is a setting of the whole run", where, "move it to master_plan.md")
    otherwise = _ELSEWHERE.get(word) or suggestion(
        word, [*_FIELDS, *sorted(_SETTINGS)], f"fields are {', '.join(_FIELDS)}, and the settings of a task", cutoff=0.7
    )
    return Problem(f"{one_line(field, 60)} is not a field of a type of task", where, otherwise, "unknown_field")
