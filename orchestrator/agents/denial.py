"""What an agent was not allowed to do, as the rule that would have let it through.

In headless mode nothing asks: a tool that is not allowed is denied at once, the model is told and goes on, and may call
the end a success. The rules are those of ``allowed_tools``; a rule for writing a file is called ``Edit(…)`` whatever
tool wrote it, and absolute paths start with two slashes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from orchestrator.core.text import one_line, text_of

_WRITERS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_READERS = frozenset({"Read", "Glob", "Grep", "LS"})
_PATHS = ("file_path", "notebook_path", "path")

#: The commands with which an agent talks to the others; each of them has a rule of its own.
TALK = ("share", "discover", "sync", "join", "note", "context")
#: The words of one command, quoted or not, the last quote left open or not: nothing in it asks for a second command,
#: for it is no `$(…)` either. A backtick is what people mark names with.
_WORDS = r"""(?:[^;&|<>()\n"'\\]|\\.|"(?:[^"\\$]|\\.|\$(?!\())*+(?:"|\Z)|'[^']*+(?:'|\Z))*+"""


def rules(denials: Sequence[Any], program: str = "") -> tuple[str, ...]:
    """Return one rule for each thing that was denied, in order, without repeats; none for a message.

    *program*: the words with which the agent calls us.
    """
    found = (
        _rule(denial)
        for denial in denials
        if isinstance(denial, dict) and not _message(denial, program)
    )
    return tuple(dict.fromkeys(found))


def messages(denials: Sequence[Any], program: str) -> tuple[str, ...]:
    """Return what was to be told to the others and was denied, as the command of ours that it was.

    It is denied for its quotes alone: the shell would read a backtick or a ``$`` in it, and the rule does not fit any
    more.
    """
    found = (_message(denial, program) for denial in denials if isinstance(denial, dict))
    return tuple(dict.fromkeys(filter(None, found)))


def _message(denial: dict[str, Any], program: str) -> str:
    asked = denial.get("tool_input")
    command = text_of(asked.get("command")) if isinstance(asked, dict) else ""
    if not program or denial.get("tool_name") != "Bash":
        return ""
    if not re.fullmatch(rf"{re.escape(program)} (?:{'|'.join(TALK)}) {_WORDS}", command, re.DOTALL):
        return ""
    return one_line(command[len(program) :], limit=200)


def _rule(denial: dict[str, Any]) -> str:
    tool = one_line(text_of(denial.get("tool_name")), limit=80) or "unknown"
    asked = denial.get("tool_input")
    given = asked if isinstance(asked, dict) else {}
    path = next((text_of(given.get(name)) for name in _PATHS if given.get(name)), "")
    if tool == "Bash" and (command := text_of(given.get("command"))):
        return f"Bash({one_line(command, limit=200)})"
    if path and tool in _WRITERS | _READERS:
        verb = "Edit" if tool in _WRITERS else "Read"
        return f"{verb}({'/' if path.startswith('/') else ''}{one_line(path, limit=300)})"
    if tool == "Skill" and (name := text_of(given.get("skill"))):
        return f"Skill({one_line(name, limit=80)})"
    if tool == "WebFetch" and (host := _host(text_of(given.get("url")))):
        return f"WebFetch(domain:{host})"
    return tool


def _host(url: str) -> str:
    try:
        return one_line(urlsplit(url).hostname or "", limit=200)
    except ValueError:
        return ""
