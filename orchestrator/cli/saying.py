"""The plain form of ``share``, ``note``, ``discover``, ``sync`` and ``join``, without ``click``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.actions.talking import say
from orchestrator.cli.reply import caller, plan_directory, say_error, say_json, talk
from orchestrator.core.message import LIMIT, MessageKind
from orchestrator.errors import OrchestratorError

_DONE = {
    MessageKind.SHARE: "shared on",
    MessageKind.NOTE: "noted on",
    MessageKind.DISCOVER: "alerted everybody about",
    MessageKind.SYNC: "set a checkpoint on",
    MessageKind.JOIN: "joined",
}
#: The options of these commands, and whether a word follows.
OPTIONS = {"--as": True, "--dir": True, "--json": False}


class Words(NamedTuple):
    """What a command was called with. A text may begin like an option: ``share T-01 "- use JWT"``."""

    options: Sequence[str]
    others: Sequence[str]


def sort_words(words: Sequence[str], takes_value: Mapping[str, bool]) -> Words:
    """Tell known options from everything else; behind ``--`` there are none."""
    options: list[str] = []
    others: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, _ = word.partition("=")
        if word == "--":
            others += rest
        elif equals and takes_value.get(name):
            options.append(word)
        elif word in takes_value:
            options.append(word)
            if takes_value[word]:
                options += [value for value in (next(rest, None),) if value is not None]
        else:
            others.append(word)
    return Words(options, others)


def quick(command: str, arguments: Sequence[str]) -> int | None:
    """Do it and return the status of the process; None, and nothing done, when the words are not that plain."""
    given = sort_words(arguments, OPTIONS)
    kind = MessageKind(command)
    wanted = 1 if kind is MessageKind.JOIN else 2
    if len(given.others) != wanted or {"-h", "--help"}.intersection(arguments):
        return None
    values: dict[str, str] = {}
    options = iter(given.options)
    for word in options:
        name, equals, value = word.partition("=")
        value = value if equals or not OPTIONS[name] else next(options, "")
        if OPTIONS[name] and not value:
            return None
        values[name] = value
    try:
        say_to(
            kind,
            *given.others,
            directory=values.get("--dir"),
            name=values.get("--as"),
            as_json="--json" in values,
        )
    except OrchestratorError as error:
        say_error(error.code, str(error), hint=error.hint, as_json="--json" in values, error=error)
        return int(error.exit_status)
    return 0


def say_to(
    kind: MessageKind,
    task_id: str,
    text: str = "joined",
    *,
    directory: str | None,
    name: str | None,
    as_json: bool,
) -> None:
    """Say something about a task, and that it was said; ``-`` reads it from standard input.

    Raises:
        OrchestratorError: as ``say`` does.
    """
    if text == "-":
        # One byte more than is allowed is enough to know.
        text = sys.stdin.buffer.read(LIMIT + 1).decode(errors="replace")
    said = say(plan_directory(None, directory), task_id, kind, caller(name), text)
    message = f"{said.author} {_DONE[kind]} {said.task}"
    if as_json:
        say_json(message, task=said.task, kind=kind.value, by=said.author, time=said.time)
    else:
        talk(message)
