"""Parameters of a plan: values that a run is given, and ``{{name}}``, the places in its texts where that is filled in.

A plan declares them in its front matter::

    params:
      topic: {description: What to look into}
      depth: {enum: [basic, deep], default: basic}

In short a list of names, a value (the default) or a list of allowed values stands for the mapping.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from orchestrator.core.ids import suggestion
from orchestrator.core.plan import Task
from orchestrator.core.text import NO_TEXT, one_line
from orchestrator.errors import UsageError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_PLACE = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]{0,63})\}\}")
_KEYS = ("type", "default", "enum", "description", "required")
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
#: Parameters of a plan, and characters of a value: more stands in a file.
_MOST, _LONGEST = 200, 20_000
#: Characters of all values: they are in the environment of every agent.
_ALL_TOGETHER = 64_000
#: What may stand in a command unchanged: a shell finds nothing in it to act on.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+=,][A-Za-z0-9_./:@%+=,-]*")
#: Begins the names of the variables in which a command finds the values.
VARIABLE = "ORCHESTRATOR_PARAM_"
HINT_FOR_SHELL = f"""write "${VARIABLE}NAME" into the command, with the name of the parameter"""


def places(texts: Iterable[str]) -> list[str]:
    """Return the names of all placeholders, in order, each once."""
    return list(dict.fromkeys(name for text in texts for name in _PLACE.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders replaced once; what a value looks like does not matter.

    Raises:
        KeyError: there is no value for one.
    """
    return _PLACE.sub(lambda found: values[found[1]], text)


def filled_where_known(text: str, values: Mapping[str, str]) -> str:
    """Return a text with those placeholders replaced that have a value; others are words of the text."""
    return _PLACE.sub(lambda found: values.get(found[1], found[0]), text)


def is_filled_from(text: str, given: str) -> bool:
    """Say whether *given* has a text, with any values in place of its placeholders."""
    if "{{" not in text:
        return text in given
    pieces = _PLACE.sub("\0", text).split("\0")
    return re.search(".*".join(map(re.escape, pieces)), given) is not None


def variables(values: Mapping[str, str]) -> dict[str, str]:
    """Return the variables in which a command finds the values."""
    return {f"{VARIABLE}{name}": value for name, value in values.items()}


def filled_task(task: Task, values: Mapping[str, str]) -> Task:
    """Return a task whose row says the values of its placeholders."""
    if not values:
        return task
    return task._replace(
        name=filled_where_known(task.name, values),
        description=filled_where_known(task.description, values),
        expected=filled_where_known(task.expected, values),
        inputs=tuple((name, filled_where_known(value, values)) for name, value in task.inputs),
    )


def not_for_a_shell(text: str, values: Mapping[str, str]) -> str:
    """Say which value of a command a shell would not take for one plain word; empty when it takes all of them."""
    for name in places([text]):
        if name in values and not _PLAIN.fullmatch(values[name]):
            return f"{{{{{name}}}}} stands in a command, and its value is more than one plain word"
    return ""


def as_text(value: object) -> str:
    """Return a value as it stands in a text."""
    if value is None:
        return ""
    is_json = isinstance(value, (bool, int, float, list, tuple, dict))
    return json.dumps(value, ensure_ascii=False, default=str) if is_json else str(value)


# ── declared ────────
#
# What a plan takes.


def read_params(value: Any) -> dict[str, dict[str, Any]]:
    """Read the parameters that a plan declares.

    Raises:
        ValueError: it is something else, or a default is not allowed by its own declaration.
    """
    if isinstance(value, (list, tuple)):
        value = {_name(name): {} for name in value}
    if not isinstance(value, Mapping):
        raise ValueError("params are names with what each takes: {depth: {enum: [basic, deep], default: basic}}")
    if len(value) > _MOST:
        raise ValueError(f"{len(value)} parameters are more than {_MOST}")
    return {_name(name): _declared(_name(name), given) for name, given in value.items()}


def _name(name: Any) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ValueError(f"{one_line(str(name), 40)!r} is not a name of letters, digits and _")
    return name


def _declared(name: str, given: Any) -> dict[str, Any]:
    declared = _spelt_out(given)
    if unknown := [str(key) for key in declared if key not in _KEYS]:
        raise ValueError(f"{name}: {one_line(unknown[0], 40)!r} is none of {', '.join(_KEYS)}")
    enum, default = declared.get("enum"), declared.get("default")
    if enum is not None and (not isinstance(enum, (list, tuple)) or (given == enum and not enum)):
        raise ValueError(f"{name}: enum is the list of the allowed values")
    kind = declared.get("type") or _kind_of(default if default is not None else next(iter(enum or [""])))
    if kind not in _KINDS:
        raise ValueError(f"{name}: {one_line(str(kind), 40)!r} is none of the types {', '.join(_KINDS)}")
    found = {
        "type": kind,
        "enum": list(enum or ()),
        "description": one_line(str(declared.get("description") or "")),
        "required": bool(declared.get("required", default is None)),
        "default": default,
    }
    if default is not None:
        found["default"] = read_value(name, found, default)
    return found


def _spelt_out(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    if given is None:
        return {}
    return {"enum": given} if isinstance(given, (list, tuple)) else {"default": given}


def _kind_of(value: object) -> str:
    return next((name for name, kinds in _KINDS.items() if type(value) in kinds), "string")


# ── given ────────
#
# What a run was given.


def read_pairs(given: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield what each ``k=v`` says.

    Raises:
        UsageError: one has no value.
    """
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise UsageError(f"--param {one_line(each, 60)!r} has no value", hint='write --param "name=value"')
        yield name.strip(), value.strip()


def read_given(pairs: Sequence[str], text: str) -> dict[str, Any]:
    """Return what ``--param k=v`` and ``--parameters JSON`` say.

    Raises:
        UsageError: the JSON is no object, or a parameter is given twice.
    """
    given: dict[str, Any] = {}
    if text:
        hint = """write --parameters '{"topic": "AI", "depth": "deep"}'"""
        try:
            given = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"--parameters is no valid JSON: {one_line(str(error))}", hint=hint) from None
        if not isinstance(given, dict):
            raise UsageError("--parameters is no JSON object", hint=hint)
    for name, value in read_pairs(pairs):
        if name in given:
            raise UsageError(f"the parameter {one_line(name, 60)} is given twice", hint="give it once")
        given[name] = value
    return given


def read_value(name: str, declared: Mapping[str, Any], value: Any) -> Any:
    """Return a value of a parameter in its type; a text is what was typed.

    Raises:
        ValueError: it is none of what the parameter takes.
    """
    kind, enum = declared["type"], declared["enum"]
    found = _typed(kind, value)
    is_fit = isinstance(found, _KINDS[kind]) and (kind == "boolean" or not isinstance(found, bool))
    if not is_fit:
        raise ValueError(f"{name}: {one_line(as_text(value), 60)!r} is not of the type {kind}")
    if enum and found not in [_typed(kind, each) for each in enum]:
        listed = ", ".join(one_line(as_text(each), 40) for each in enum)
        raise ValueError(f"{name}: {one_line(as_text(value), 60)!r} is none of {listed}")
    if re.search(NO_TEXT, as_text(found)):
        raise ValueError(f"{name}: a NUL, or half of a character, is not a text")
    if len(as_text(found)) > _LONGEST:
        raise ValueError(f"{name}: more than {_LONGEST:,} characters; put it into a file and name the file")
    return found


def _typed(kind: str, value: Any) -> Any:
    if kind == "string":
        return value if isinstance(value, (str, list, dict)) else as_text(value)
    if not isinstance(value, str):
        return value
    readers: Mapping[str, Callable[[str], Any]] = {
        "integer": int,
        "number": float,
        "boolean": lambda word: _WORDS.get(word.casefold(), word),
    }
    try:
        return readers.get(kind, json.loads)(value.strip())
    except (ValueError, RecursionError):
        return value


def resolve_params(declared: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each parameter, as given or by default; one that is required and missing has none.

    Raises:
        ValueError: a name or a value is wrong; names those that there are.
    """
    for name in given:
        if name not in declared:
            takes = f"the plan takes {', '.join(declared)}" if declared else "the plan declares no params"
            raise ValueError(f"there is no parameter {one_line(name, 60)!r}; {suggestion(name, declared, '')} {takes}")
    values = {name: each["default"] for name, each in declared.items() if not each["required"]}
    values |= {name: read_value(name, declared[name], value) for name, value in given.items()}
    if sum(len(as_text(value)) for value in values.values()) > _ALL_TOGETHER:
        raise ValueError(f"the values have more than {_ALL_TOGETHER:,} characters; put the long ones into files")
    return values


def missing_params(declared: Mapping[str, Mapping[str, Any]], values: Mapping[str, Any]) -> list[str]:
    """Return the names of the parameters that have to be given and are not."""
    return [name for name, each in declared.items() if each["required"] and name not in values]
