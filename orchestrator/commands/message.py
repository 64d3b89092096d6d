"""What ``join``, ``share``, ``note``, ``discover`` and ``sync`` have in common: each sends one message about a task."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Facts, argument
from orchestrator.core.message import LIMIT, Message, MessageKind
from orchestrator.services.messages import say

TAKES = (DIR, CALLER, JSON)
_DONE = {
    MessageKind.SHARE: "shared on",
    MessageKind.NOTE: "noted on",
    MessageKind.DISCOVER: "alerted everybody about",
    MessageKind.SYNC: "set a checkpoint on",
    MessageKind.JOIN: "joined",
}


@dataclass(frozen=True)
class MessageParams:
    """A task, and the text of the message; ``-`` reads it from standard input."""

    task: str = argument("ID", completion="task")
    text: str = argument("MSG", dash="any", stdin=LIMIT)


def send(call: Call, kind: MessageKind, task: str, text: str) -> Message:
    """Send a message in the name of the caller.

    Raises:
        OrchestratorError: as ``say``.
    """
    return say(call.plan(), task, kind, call.caller(), text)


def facts(sent: Message) -> Facts:
    """Return a message that was sent, as JSON."""
    return {
        "message": f"{sent.author} {_DONE[sent.kind]} {sent.task}",
        "task": sent.task,
        "kind": sent.kind.value,
        "by": sent.author,
        "time": sent.time,
    }
