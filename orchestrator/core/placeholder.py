"""Values of a batch in the texts of its tasks: ``{{item}}``, ``{{item.path}}``, and ``{{os}}`` of a matrix.

What an item says is data. In a command it is put down as it is only where no shell could read more into it than a
word; else as a variable of the environment, quoted for the place where it stands.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: Names that are values in other places.
VALUES = frozenset({"item", "needs", "params", "result"})
_PLACE = re.compile(r"\{\{\s*([A-Za-z_]\w*(?:\.\w+)*)\s*\}\}")
#: A word that every shell takes as it is, also within quotes.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")
_VARIABLE = "ORCHESTRATOR_ITEM"


class Missing(ValueError):
    """A text takes something from an item that the item does not have."""


def named_in(text: str) -> Iterator[tuple[str, ...]]:
    """Yield the paths that stand in braces, each as its steps."""
    if "{{" in text:
        yield from (tuple(found[1].split(".")) for found in _PLACE.finditer(text))


def fill(text: str, values: Mapping[str, Any]) -> str:
    """Return a text with the values in the place of their names; braces around any other name stay as they are.

    Raises:
        Missing: an item lacks what the text takes from it.
    """
    if "{{" not in text or not values:
        return text
    return _PLACE.sub(lambda found: _value(found, values), text)


def fill_command(text: str, values: Mapping[str, Any]) -> str:
    """Return a command of a shell with the values in the place of their names, none of them more than a word.

    Raises:
        Missing: as ``fill``.
    """
    if "{{" not in text or not values:
        return text
    parts, end, quote = [], 0, ""
    for found in _PLACE.finditer(text):
        parts.append(text[end : found.start()])
        quote = _quote_after(parts[-1], quote)
        end = found.end()
        value = _value(found, values)
        parts.append(value if value == found[0] or _PLAIN.fullmatch(value) else _quoted(found[1], quote))
    return "".join([*parts, text[end:]])


def _quoted(path: str, quote: str) -> str:
    steps = path.split(".")
    # A matrix has its axes in the item as well.
    name = "__".join([_VARIABLE, *steps[1:]] if steps[0] == "item" else [_VARIABLE, *steps])
    variable = f"${{{name.replace(f'{_VARIABLE}__', f'{_VARIABLE}_', 1)}}}"
    return {"": f'"{variable}"', '"': variable, "'": f"'\"{variable}\"'"}[quote]


def _quote_after(text: str, quote: str) -> str:
    """Return the quotation mark that is open behind a piece of a command."""
    at = 0
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'":
            at += 1
        elif char == quote:
            quote = ""
        elif not quote and char in "'\"":
            quote = char
        at += 1
    return quote


def _value(found: re.Match[str], values: Mapping[str, Any]) -> str:
    steps = found[1].split(".")
    if steps[0] not in values:
        return found[0]
    value: Any = values
    for step in steps:
        if isinstance(value, Mapping) and step in value:
            value = value[step]
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            raise Missing(f"it has no {'.'.join(steps[1:])}, which {found[0]} takes from it")
    return as_text(value)


def as_text(value: Any) -> str:
    """Return a value of JSON as a text; a text is itself."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def variables(item: Any) -> dict[str, str]:
    """Return an item as variables of the environment: the whole, and each field of it under its name."""
    found = {_VARIABLE: as_text(item)}
    stack = [(f"{_VARIABLE}_", item)]
    while stack:
        name, value = stack.pop()
        pairs = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        for step, below in pairs:
            if re.fullmatch(r"\w+", str(step), re.ASCII):
                found[f"{name}{step}"] = as_text(below)
                stack.append((f"{name}{step}__", below))
    return found
