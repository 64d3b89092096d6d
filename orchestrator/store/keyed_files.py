"""Files ``KEY.md`` of a plan, of the plans beside it and of a person: front matter says what KEY is, a text follows."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestrator.core.settings import IN_A_TASK, Settings, read_setting
from orchestrator.core.text import one_line, sanitize
from orchestrator.errors import Problem, UsageError
from orchestrator.ownership import make_directories
from orchestrator.plan.front_matter import FrontMatter, misplaced, read_front_matter
from orchestrator.plan.lines import Lines, conflict, unreadable
from orchestrator.store.atomic import atomic_write, io_errors, names_in, read_file, reject_symlinks
from orchestrator.store.layout import display_path
from orchestrator.store.task_files import resolve_files

#: What people leave in such a directory for each other.
FOR_PEOPLE = "readme.md"
#: Settings that name files.
_PATHS = {"add_dirs", "mcp_config", "system_prompt_file", "schema", "input_files", "output_dir"}
NO_FILES: Mapping[str, bytes] = MappingProxyType({})


class KeyedFile(NamedTuple):
    """One file, its fields not read yet."""

    key: str
    """Its name without the ending."""
    file: str
    """Its path as people see it."""
    base: str
    """Paths in it count from here: the directory that holds ``agents/`` or ``types/``."""
    data: bytes


def files_in(directory: str, proposed: Mapping[str, bytes] = NO_FILES) -> Iterator[KeyedFile]:
    """Yield the files of a directory, which need not be there; *proposed* are by path, as they are to be.

    Raises:
        StoreError: one could not be read.
    """
    here = (os.path.basename(path) for path in proposed if os.path.dirname(path) == directory)
    found = names_in(directory, (FileNotFoundError, NotADirectoryError))
    usable = (name for name in found if name.endswith(".md") and not name.startswith("."))
    for name in sorted({*(name for name in usable if name.lower() != FOR_PEOPLE), *here}):
        path = f"{directory}/{name}"
        data = proposed[path] if path in proposed else read_file(path) or b""
        yield KeyedFile(name.removesuffix(".md"), shown_path(path), os.path.dirname(directory), data)


def split_file(data: bytes, file: str, names: Collection[str]) -> tuple[FrontMatter, str, list[Problem]]:
    """Return the front matter and the text of a file, and what is wrong with either; *names*: its fields."""
    if (problem := unreadable(data, file)) is not None:
        return FrontMatter(problem=problem), "", [problem]
    lines = Lines.of(data)
    front = read_front_matter(lines.bare(), file)
    body = "".join(lines.lines[front.body :])
    if (problem := front.problem or conflict(body, file, front.body + 1)) is not None:
        return front._replace(problem=problem), "", [problem]
    return front, body.strip(), [] if front.body else misplaced(lines.bare(), file, names)


def read_own_setting(written: str, value: Any, base: str) -> Any:
    """Return a setting checked; a path in it counts from *base*, and comes back absolute.

    Raises:
        ValueError: it is invalid, with a message for people.
    """
    name = IN_A_TASK.get(written, written)
    try:
        read = read_setting(name, value)
        if name not in _PATHS:
            return read
        return getattr(resolve_files(Settings(**{name: read}), base), name)
    except ValueError as error:
        raise ValueError(f"setting {name}: {one_line(str(error).removeprefix(f'{name}: '), 300)}") from None


def render_keyed_file(fields: Mapping[str, object], text: str) -> str:
    """Return a file that says this. Every value is written as JSON, which is YAML, so that no text becomes more."""
    lines = [f"{name}: {json.dumps(_sanitized(value), ensure_ascii=False)}" for name, value in fields.items()]
    # Also without fields: a text that begins with a bar is no front matter.
    return "\n".join(["---", *lines, "---", sanitize(text).strip(), ""])


def _sanitized(value: object) -> object:
    match value:
        case str():
            return sanitize(value)
        case Mapping():
            return {sanitize(str(name)): _sanitized(each) for name, each in value.items()}
        case list() | tuple():
            return [_sanitized(each) for each in value]
        case _:
            return value


def require_no_file(path: str, what: str, hint: str) -> None:
    """Refuse to overwrite a file.

    Raises:
        UsageError: there is one.
    """
    if os.path.lexists(path):
        raise UsageError(f"there is {what} already", where=shown_path(path), hint=hint)


def write_files(directory: str, files: Mapping[str, bytes]) -> None:
    """Write files by path into a directory, which is made.

    Raises:
        StoreError: one could not be written.
    """
    reject_symlinks(directory)
    with io_errors("make", directory):
        make_directories(directory)
    for path, data in files.items():
        atomic_write(path, data)


def place_of(problem: Problem) -> tuple[str, int]:
    """Return file and line of a problem, for sorting."""
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (problem.where, 0)


def shown_path(path: str) -> str:
    """Return a path as people see it: from where they are, unless that is somewhere else."""
    relative = display_path(path)
    return path if relative.startswith(os.pardir) else relative
