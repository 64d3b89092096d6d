"""Files that settings name: found from the plan directory, read where they have to be read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from orchestrator.core.settings import Settings, read_setting
from orchestrator.core.text import text_of
from orchestrator.errors import StoreError, NotAFileError
from orchestrator.plan.front_matter import read_front_matter
from orchestrator.store.atomic import read_file

#: Bytes of a JSON Schema at most; it travels on a command line.
_LARGEST_SCHEMA = 64 * 1024
#: Bytes of the file of a sub-agent at most; only its name is read.
_LARGEST_AGENT = 4 * 1024 * 1024


def resolve_files(settings: Settings, root: str) -> Settings:
    """Return the settings with every path absolute and the schema read. Paths count from the plan directory *root*.

    Raises:
        ValueError: a file is missing or is not what it should be; the text names setting and file.
        StoreError: a file could not be read.
    """
    changes: dict[str, object] = {}
    for name in ("add_dirs", "mcp_config"):
        if paths := getattr(settings, name):
            changes[name] = tuple(_existing(name, path, root) for path in paths)
    if settings.system_prompt_file:
        changes["system_prompt_file"] = _existing(
            "system_prompt_file", settings.system_prompt_file, root
        )
    if isinstance(settings.schema, str) and settings.schema:
        changes["schema"] = _schema(settings.schema, root)
    return settings._replace(**changes) if changes else settings  # type: ignore[arg-type]


def subagents(workdir: str) -> frozenset[str]:
    """Return the names of the sub-agents in ``.claude/agents`` of the project and of the person.

    One whose file says no name, or cannot be read, is called as its file is.
    """
    names = set()
    for place in (workdir, os.path.expanduser("~")):
        directory = os.path.join(place, ".claude", "agents")
        try:
            files = sorted(os.listdir(directory))
        except OSError:
            continue
        for file in files:
            if file.endswith(".md"):
                names.add(_name(os.path.join(directory, file)) or file.removesuffix(".md"))
    return frozenset(names)


def _name(path: str) -> str:
    try:
        data = read_file(path, _LARGEST_AGENT) or b""
    except StoreError:
        return ""  # the directory is not ours: what lies there stops no run
    lines = data.decode(errors="replace").split("\n")
    return text_of(read_front_matter(lines, path).data.get("name"))


def _existing(name: str, path: str, root: str) -> str:
    found = os.path.normpath(os.path.join(root, os.path.expanduser(path)))
    if not os.path.exists(found):
        raise ValueError(f"{name}: there is no {found}")
    return found


def _schema(path: str, root: str) -> Mapping[str, object]:
    found = _existing("schema", path, root)
    try:
        data = read_file(found, _LARGEST_SCHEMA) or b""
    except NotAFileError as error:
        raise ValueError(f"schema: {error}") from None
    try:
        schema = json.loads(data)
        if isinstance(schema, dict):
            return dict(read_setting("schema", schema))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"schema: {found} is not JSON: {error}") from None
    raise ValueError(f"schema: {found} does not hold an object")
