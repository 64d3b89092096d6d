"""The command ``notify``: a chat message about a plan, printed and not sent."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.check import PlanCheck, check, check_one, digest
from orchestrator.commands.registry import DIR, JSON, Command, Facts, argument, option, with_help
from orchestrator.commands.reply import with_program
from orchestrator.core.heartbeat import Alert, AlertKind
from orchestrator.core.text import one_line
from orchestrator.errors import UsageError
from orchestrator.services import plans
from orchestrator.store.layout import Layout
from orchestrator.views import messages

_KINDS = ("created", "status", "transition", "completed", "alert")


@dataclass(frozen=True)
class NotifyParams:
    """About which plan, and what."""

    subject: str = argument("digest|ID")
    kind: str = argument("[created|status|transition|completed|alert]", default="")
    type: str = option(
        "What the alert is about (default stuck).",
        choices=tuple(kind.value for kind in AlertKind),
        default=AlertKind.STUCK.value,
    )
    subtask_id: str = option("The task that the alert is about.", metavar="ID", default="")
    ping: str = option("Who is called (default @here).", metavar="TEXT", default="@here")


class ChatMessage(NamedTuple):
    """A message, and the plan that it is about."""

    kind: str
    text: str
    task_id: str = ""
    """Empty: it is about all of them."""
    state: str = ""


def execute(call: Call, params: NotifyParams) -> ChatMessage:
    """Print a chat message about a plan, or the digest of all; nothing is sent.

    Examples:
      orchestrator notify digest
      orchestrator notify TASK-001 status
      orchestrator notify TASK-001 alert --type stuck --subtask-id subtask_01
    """
    kind = params.kind
    if params.subject == "digest" and not kind:
        return ChatMessage("digest", digest(check(call.plan(), time.time(), counts=False)))
    if kind not in _KINDS:
        wrong = f"{kind!r} is not a message" if kind else "no message is named"
        raise UsageError(wrong, hint=f"one of {', '.join(_KINDS)}")
    layout = call.plan(params.subject)
    found = check_one(layout, time.time())
    if kind == "alert":
        return ChatMessage(kind, _alert_text(found, layout, params), found.id, found.state.word)
    return ChatMessage(kind, _text(found, layout, kind), found.id, found.state.word)


def _text(plan: PlanCheck, layout: Layout, kind: str) -> str:
    match kind:
        case "created":
            return messages.created(plan.id, plan.board)
        case "status":
            return messages.status(plan.id, plan.board)
        case "transition":
            steps = plans.history(layout)
            return messages.transition(plan.id, plan.board, steps[-1] if steps else None)
        case _:
            return messages.completed(plan.id, plan.board, time.time())


def _alert_text(plan: PlanCheck, layout: Layout, params: NotifyParams) -> str:
    kind, subtask = AlertKind(params.type), params.subtask_id
    if subtask:
        subtask = plans.require_subtask(layout, plan.board, subtask)
    known = (each for each in plan.alerts if (each.kind, each.subtask_id) == (kind, subtask))
    # The caller may know of something that no check has found.
    alert = next(known, Alert(kind, plan.id, subtask, f"a caller says that it is {kind.value}"))
    status = with_program(f"orchestrator status {params.subject}")
    return messages.alert(alert, plan.board, ping=one_line(params.ping, 60), look=status)


def facts(message: ChatMessage) -> Facts:
    """Return the message as JSON."""
    about = {"task_id": message.task_id, "status": message.state} if message.task_id else {}
    return {"message": message.text, **about, "type": message.kind}


COMMAND = Command(
    NotifyParams,
    execute,
    facts,
    lambda message: f"{message.text}\n",
    takes=(with_help(DIR, "The directory of plans."), JSON),
)
