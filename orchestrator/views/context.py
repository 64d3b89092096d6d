"""What was said about a task, for people."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.snapshot import TaskState
from orchestrator.core.message import Message, MessageKind
from orchestrator.core.plan import Task
from orchestrator.core.text import one_line, sanitize
from orchestrator.views.terminal import LABELS

MESSAGE_ICONS = {
    MessageKind.SHARE: "💬",
    MessageKind.DISCOVER: "💡",
    MessageKind.SYNC: "🏁",
    MessageKind.JOIN: "👋",
    MessageKind.NOTE: "📝",
}
MESSAGE_WORDS = {
    **{kind: kind.value for kind in MessageKind},
    MessageKind.NOTE: "note, only you see it",
}


def context_text(task: Task, standing: TaskState, messages: Sequence[Message], share: str) -> str:
    """Return the task and its messages, their texts indented so that none can be taken for a heading of ours.

    *share* is the command that says something on it.
    """
    reason = f" ({one_line(standing.reason)})" if standing.reason else ""
    lines = [f"{task.id}: {one_line(task.name)}", f"{LABELS[standing.status]}{reason}"]
    if not messages:
        lines += ["", f"Nothing was said yet: {share}"]
    for each in messages:
        icon, kind = MESSAGE_ICONS[each.kind], MESSAGE_WORDS[each.kind]
        lines += ["", f"{icon} {each.author} · {kind} · {each.time}"]
        lines += [f"   {line}".rstrip() for line in sanitize(each.text).split("\n")]
    return "\n".join(lines) + "\n"
