"""Prints what a command answers: remarks to stderr, then the JSON or the text to stdout."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, Facts
from orchestrator.commands.reply import say_json, say_rows, talk, write


def print_answer(command: Command[Any, Any], call: Call, result: Any) -> int:
    """Print the result of a command, and return the exit status."""
    for remark in command.remarks(result):
        talk(remark)
    if call.is_json:
        assert command.facts is not None  # it has a --json
        _print_facts(command.facts(result))
    elif command.text is not None:
        write(command.text(result))
    elif command.facts is not None:
        talk(command.facts(result)["message"])
    return int(command.status(result))


def _print_facts(facts: Facts) -> None:
    *others, last = facts
    if isinstance(facts[last], Iterator):
        data = {name: facts[name] for name in others if name != "message"}
        say_rows(facts["message"], last, facts[last], **data)
    else:
        say_json(**facts)
