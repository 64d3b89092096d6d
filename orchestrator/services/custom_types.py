"""``customTaskTypes``: types of task as the configuration of another tool says them, in JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.ids import is_name, suggestion
from orchestrator.core.task_type import read_params
from orchestrator.core.text import one_line
from orchestrator.errors import PlanError, Problem
from orchestrator.store.atomic import read_file
from orchestrator.store.layout import display_path

#: A program that may stand in a rule; any other name is that of a tool of the agent itself.
_PROGRAM = re.compile(r"[a-z0-9][A-Za-z0-9_.+-]*")
_TOOL = re.compile(r"[A-Z][A-Za-z0-9]*")
_TOP = "customTaskTypes"


class CustomType(NamedTuple):
    """What the file of a type is to say."""

    fields: Mapping[str, object]
    text: str


def read_custom_types(path: str) -> dict[str, CustomType]:
    """Return the types in a JSON file, by key: all in ``customTaskTypes``, or one with its ``type``.

    Raises:
        PlanError: something in it is not understood; every problem with its path in the JSON.
        StoreError: the file cannot be read.
    """
    shown = display_path(path)
    data = read_file(path)
    if data is None:
        raise PlanError([Problem("there is no such file", shown, "name a JSON file", "no_file")])
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise PlanError([Problem(f"it is not JSON: {one_line(str(error), 200)}", shown, _HINT, "bad_type")]) from None
    entries, prefix = _entries(raw)
    problems: list[Problem] = []
    if entries is None:
        problems.append(Problem(f"there is no {_TOP} in it", shown, _HINT, "bad_type"))
    found: dict[str, CustomType] = {}
    for key, entry in (entries or {}).items():
        reader = _Reader(shown, f"{prefix}.{key}" if prefix else "")
        found[key] = reader.read(key, entry)
        problems += reader.problems
    others = [name for name in raw if name != _TOP] if prefix else []
    problems += [_problem(shown, name, "is not understood", f"only {_TOP} is read") for name in others]
    if problems:
        raise PlanError(problems)
    return found


_HINT = f'write {{"{_TOP}": {{"KEY": {{"description": …}}}}}}'


def _entries(raw: Any) -> tuple[Mapping[str, Any] | None, str]:
    match raw:
        case {"customTaskTypes": dict() as entries}:
            return entries, _TOP
        case {"type": str() as key, **entry}:
            return {key: entry}, ""
        case _:
            return None, ""


def _problem(file: str, path: str, what: str, hint: str) -> Problem:
    return Problem(f"{one_line(path, 200)} {what}", file, hint, "bad_type")


class _Reader:
    """Reads one entry, and collects what is wrong with it."""

    def __init__(self, file: str, path: str) -> None:
        self._file, self._path = file, path
        self.problems: list[Problem] = []
        self._fields: dict[str, object] = {}
        self._text: list[str] = []

    def read(self, key: str, entry: Any) -> CustomType:
        if not is_name(key):
            self._refuse("", "is no name for a type", "letters, digits and the signs . _ @ - make one")
        if not isinstance(entry, dict):
            self._refuse("", "is not an object", _HINT)
            return CustomType({}, "")
        for name, value in entry.items():
            if name not in _READERS:
                hint = suggestion(name, _READERS, f"understood are {', '.join(_READERS)}")
                self._refuse(name, "is not understood", hint)
                continue
            try:
                _READERS[name](self, value)
            except ValueError as error:
                self._refuse(name, f"cannot be read: {error}", "correct or remove it")
        return CustomType(self._fields, "\n".join(self._text))

    def _refuse(self, name: str, what: str, hint: str) -> None:
        path = ".".join(filter(None, (self._path, name)))
        self.problems.append(_problem(self._file, path or "type", what, hint))

    def _add(self, name: str, words: list[str]) -> None:
        before = self._fields.get(name, [])
        assert isinstance(before, list)
        self._fields[name] = list(dict.fromkeys([*before, *words]))

    # ── its fields ──

    def description(self, value: Any) -> None:
        self._fields["description"] = _text(value)

    def timeout(self, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise ValueError(f"{value!r} is not a number of milliseconds")
        self._fields["timeout"] = f"{value // 1000}s" if value % 1000 == 0 else f"{value}ms"

    def capabilities(self, value: Any) -> None:
        self._add("required_capabilities", _words(value))

    def output(self, value: Any) -> None:
        self._text.append(f"Output format: {_spoken(_text(value))}.")

    def checks(self, value: Any) -> None:
        if words := _words(value):
            self._text.append(f"Check before you answer: {', '.join(map(_spoken, words))}.")

    def params(self, value: Any) -> None:
        read_params(value)
        self._fields["params"] = value

    def tools(self, value: Any) -> None:
        for word in _words(value):
            if _TOOL.fullmatch(word):
                self._add("tools", [word])
            elif _PROGRAM.fullmatch(word):
                self._add("allowed_tools", [f"Bash({word} *)"])
            else:
                raise ValueError(f"{word!r} is neither a tool nor a program")

    def rollback(self, value: Any) -> None:
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither true nor false")
        if value:
            self._text.append("Say how to undo it: the answer has a section `Rollback plan`.")


#: What an entry may say, by the words of that tool. A permission is something that the agent must have, too.
_READERS: Mapping[str, Callable[[_Reader, Any], None]] = {
    "description": _Reader.description,
    "defaultTimeout": _Reader.timeout,
    "requiredCapabilities": _Reader.capabilities,
    "outputFormat": _Reader.output,
    "qualityChecks": _Reader.checks,
    "parameters": _Reader.params,
    "tools": _Reader.tools,
    "permissions": _Reader.capabilities,
    "rollbackPlan": _Reader.rollback,
}


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is not a text")
    return value


def _words(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(word, str) and word.strip() for word in value):
        raise ValueError(f"{one_line(str(value), 80)} is not a list of words")
    return [word.strip() for word in value]


def _spoken(word: str) -> str:
    return one_line(word.replace("_", " "), 200)


def without_agent(types: Mapping[str, CustomType], skills: frozenset[str]) -> Iterator[str]:
    """Yield the types of which no agent can do what they require, each with what is missing."""
    for key, each in types.items():
        needs = each.fields.get("required_capabilities", [])
        missing = [word for word in needs if word.casefold() not in skills] if isinstance(needs, list) else []
        if missing:
            yield f"{key} requires {', '.join(missing)}"
