"""What happened, as one line for people."""

from __future__ import annotations

from orchestrator.commands.reply import with_program
from orchestrator.core.cost import usd
from orchestrator.core.duration import format_duration
from orchestrator.core.message import MessageKind
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.runner.events import Event, Kind
from orchestrator.views.messages import MESSAGE_ICONS
from orchestrator.views.terminal import ICONS

_ICONS = {
    Kind.TASK_STARTED: ICONS[TaskStatus.RUNNING],
    Kind.TASK_COMPLETED: ICONS[TaskStatus.COMPLETED],
    Kind.TASK_FAILED: ICONS[TaskStatus.FAILED],
    Kind.TASK_RETRYING: ICONS[TaskStatus.RETRYING],
    Kind.TASK_INTERRUPTED: ICONS[TaskStatus.PENDING],
    Kind.TASK_SKIPPED: ICONS[TaskStatus.SKIPPED],
    Kind.TASK_STOPPING: "🛑",
    Kind.TASK_BLOCKED: ICONS[TaskStatus.BLOCKED],
    Kind.TASK_UNBLOCKED: ICONS[TaskStatus.PENDING],
    Kind.TASK_CANCELLED: ICONS[TaskStatus.CANCELLED],
    Kind.TASK_RESET: ICONS[TaskStatus.PENDING],
    Kind.TASK_PROGRESS: ICONS[TaskStatus.RUNNING],
    Kind.RUN_STOPPING: "🛑",
    Kind.RUN_CHANGED: "✏️",
    Kind.RUN_HELD: "⏸",
    Kind.RUN_UNAFFORDABLE: "⏸",
    Kind.RUN_OVERSPENT: "⏸",
    Kind.RUN_RESUMED: "▶️",
    Kind.RUN_DELAYED: "⏳",
    Kind.WARNING: "⚠️",
    Kind.SHARE: MESSAGE_ICONS[MessageKind.SHARE],
    Kind.DISCOVER: MESSAGE_ICONS[MessageKind.DISCOVER],
    Kind.SYNC: MESSAGE_ICONS[MessageKind.SYNC],
    Kind.JOIN: MESSAGE_ICONS[MessageKind.JOIN],
}
#: Their texts name commands.
_NAME_COMMANDS = frozenset({Kind.WARNING, Kind.TASK_FAILED, Kind.TASK_INTERRUPTED})


def event_text(event: Event) -> str:
    """Return a happening as a line for people; empty when it is not worth one."""
    icon = _ICONS.get(event.kind, "")
    name = one_line(event.name, limit=60)
    who = f"{event.task} {name}".strip()
    cost = f" · {usd(event.cost)}" if event.cost else ""
    match event.kind:
        case Kind.TASK_STARTED:
            attempt = f" (attempt {event.attempt})" if event.attempt > 1 else ""
            by = f" · {event.text}" if event.text else ""
            return f"{icon} {who}{attempt}{by}"
        case Kind.TASK_COMPLETED if event.duration is not None:
            by = f" · {event.text}" if event.text else ""
            return f"{icon} {who} · {format_duration(event.duration)}{cost}{by}"
        case Kind.TASK_RETRYING:
            return f"{icon} {who} · {event.text} · again in {format_duration(event.retry_in or 0)}"
        case Kind.RUN_STARTED | Kind.RUN_ENDED:
            took = f" in {format_duration(event.duration)}" if event.duration else ""
            pluralize, mark, why = event.text.partition("; ")
            return f"{pluralize}{took}{mark}{why}"
        case Kind.SHARE | Kind.DISCOVER | Kind.SYNC:
            return f"{icon} {who} · {event.agent}: {event.text}"
        case Kind.JOIN:
            return f"{icon} {who} · {event.agent} joined"
        case Kind.NEWS:
            return ""
        case _:
            text = advice(event)
            return f"{icon} {who} · {text}" if who else f"{icon} {text}"


def advice(event: Event) -> str:
    """Return the text of a happening; a command that a warning of ours names, or why a task failed, can be typed."""
    return with_program(event.text) if event.kind in _NAME_COMMANDS else event.text
