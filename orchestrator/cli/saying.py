"""The plain form of ``share``, ``note``, ``discover``, ``sync`` and ``join``, without ``click``."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.actions.talking import say
from orchestrator.cli.plain_form import read_words
from orchestrator.cli.reply import caller, from_stdin, plan_directory, say_error, say_json, talk
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


def quick(command: str, arguments: Sequence[str]) -> int | None:
    """Do it and return the status of the process; None, and nothing done, when the words are not that plain."""
    words = read_words(arguments, OPTIONS, has_text=True)
    kind = MessageKind(command)
    wanted = 1 if kind is MessageKind.JOIN else 2
    if words is None or len(words.others) != wanted or {"-h", "--help"}.intersection(arguments):
        return None
    as_json = "--json" in words.options
    try:
        say_to(
            kind,
            *words.others,
            directory=words.last("--dir"),
            name=words.last("--as"),
            as_json=as_json,
        )
    except OrchestratorError as error:
        return say_error(error, as_json=as_json)
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
        text = from_stdin(LIMIT)
    said = say(plan_directory(None, directory), task_id, kind, caller(name), text)
    message = f"{said.author} {_DONE[kind]} {said.task}"
    if as_json:
        say_json(message, task=said.task, kind=kind.value, by=said.author, time=said.time)
    else:
        talk(message)
