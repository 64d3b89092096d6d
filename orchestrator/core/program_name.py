"""Our commands that a text names, made so that they can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable

# Behind the command, for who can tell where prose begins?
_COMMAND = re.compile(
    r"(?<!the )(?<!-m )(?<![\w./-])orchestrator ((?:(?:agent|schedule|template) )?[a-z-]+)(?= ?([^\s`]*))"
)


def with_program(text: str, program: str, place: Callable[[str], str]) -> str:
    """Return a text as it can be typed, where anyone who wrote it could only say ``orchestrator COMMAND``.

    Args:
        text: A hint, for one.
        program: The words that call us.
        place: Returns the directory that a command is about, for its ``--dir``, by the first word behind the command;
            empty: none is needed.
    """
    return _COMMAND.sub(lambda found: f"{program} {found[1]}{_option(place, *found.groups())}", text)


def _option(place: Callable[[str], str], command: str, argument: str) -> str:
    # A path says which plan is meant; an id is one of those in the directory that is named besides.
    is_path = argument.strip("'").startswith(".") or "/" in argument
    if command.startswith("schedule") or argument == "--help" or is_path or (command == "init" and argument):
        return ""
    if not (where := place(argument)):
        return ""

    return f" --dir {shlex.quote(where)}"
