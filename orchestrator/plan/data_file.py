"""A file of JSON or YAML as plain data, with the line of each value.

YAML is held to what JSON can say: no tags, anchors or aliases, names that are texts, each of them once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.lazy import LazyModule
from orchestrator.plan.front_matter import not_plain

if TYPE_CHECKING:
    import yaml
else:
    yaml = LazyModule("yaml")

#: The names and numbers that lead to a value: ``("phases", 1, "tasks")``.
Steps = tuple[str | int, ...]

#: More than that is no file that a person wrote.
LARGEST = 4 * 1024 * 1024
_MOST_DEPTH = 40


class DataFile(NamedTuple):
    """What a file holds."""

    data: Any = None
    lines: Mapping[Steps, int] = {}
    """Line of the file, from 1, by the steps to a value; those of a JSON file may be missing."""
    problem: Problem | None = None

    def line(self, steps: Steps) -> int:
        """Return the line of a value, or of the nearest thing around it that has one."""
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 1)


def path_of(steps: Steps) -> str:
    """Write steps as people read them: ``phases[1].tasks[0].timeout``."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{one_line(step, 60)}" for step in steps)
    return text.removeprefix(".")


def locate(data: Any, text: str, file: str) -> DataFile:
    """Return the data of a JSON file, which was read already, with the lines of its values."""
    try:
        # JSON is YAML, but for its tabs; the parser of YAML knows lines.
        lines = _read(text.replace("\t", " "))[1]
    except _Unreadable as refused:
        if refused.is_about_names:
            return DataFile(problem=Problem(str(refused), f"{file}:{refused.line}", refused.hint, "bad_draft"))
        lines = {}
    return DataFile(data, lines)


def read_yaml(text: str, file: str) -> DataFile:
    """Return the data of a YAML file."""
    try:
        return DataFile(*_read(text))
    except _Unreadable as refused:
        return DataFile(problem=Problem(str(refused), f"{file}:{refused.line}", refused.hint, "bad_draft"))


class _Unreadable(Exception):
    """The text is no plain data; ``line`` counts from 1."""

    def __init__(
        self, message: str, line: int, hint: str = "write plain YAML", *, is_about_names: bool = False
    ) -> None:
        super().__init__(message)
        self.line = line
        self.hint = hint
        self.is_about_names = is_about_names


def _read(text: str) -> tuple[Any, dict[Steps, int]]:
    if len(text) > LARGEST:
        raise _Unreadable(f"larger than {LARGEST // 1024:,} KiB", 1)
    try:
        _check(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Steps, int] = {}
        return (None if node is None else _value(node, (), lines)), lines
    except yaml.YAMLError as error:
        mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        raise _Unreadable(f"no valid YAML: {one_line(str(what or error))}", mark.line + 1 if mark else 1) from None
    except (ValueError, OverflowError) as error:  # a date or a number that cannot be one
        raise _Unreadable(f"no valid YAML: {one_line(str(error))}", 1) from None


def _check(text: str) -> None:
    """Refuse what could become large or deep in memory, before anything is built."""
    depth = 0
    events: Iterator[Any] = yaml.parse(text, Loader=yaml.SafeLoader)
    for event in events:
        line = event.start_mark.line + 1
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MOST_DEPTH:
            raise _Unreadable("nested too deeply", line)
        if why := not_plain(event):
            raise _Unreadable(why[0], line, why[1])


def _value(node: Any, steps: Steps, lines: dict[Steps, int]) -> Any:
    lines.setdefault(steps, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*steps, at), lines) for at, each in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        value = yaml.SafeLoader("").construct_object(node)
        # JSON has no dates: one is the text that was written.
        return value if isinstance(value, (str, int, float)) or value is None else str(node.value)
    data: dict[str, Any] = {}
    for key, inner in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
            raise _Unreadable("a name must be a plain word", line)
        name = str(key.value)
        if name in data:
            first = lines[*steps, name]
            message = f"{one_line(name, 60)} is there twice, first in line {first}"
            raise _Unreadable(message, line, "remove one of the two", is_about_names=True)
        lines[*steps, name] = line
        data[name] = _value(inner, (*steps, name), lines)
    return data
