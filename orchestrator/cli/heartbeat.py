"""``check`` and ``notify``."""

from __future__ import annotations

import time

import click

from orchestrator.actions.heartbeat import Checkup, PlanCheck, check, look_at
from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.plans import move, plan_facts
from orchestrator.commands.reply import (
    as_called,
    passed_over,
    plan_directory,
    say_json,
    talk,
    write,
)
from orchestrator.core.heartbeat import Alert, AlertKind
from orchestrator.core.text import one_line
from orchestrator.errors import ExitStatus, UsageError
from orchestrator.runner.signals import end_in_order
from orchestrator.services import plans
from orchestrator.store.collection import plan_id
from orchestrator.store.layout import Layout
from orchestrator.views import messages
from orchestrator.views.plans import check_text

_KINDS = ("created", "status", "transition", "completed", "alert")


@click.command("check")
@takes_directory
@click.option("--quiet", is_flag=True, help="Say nothing when all is well; for cron.")
@click.option("--discord", is_flag=True, help="Print the digest as a chat message.")
@takes_json
@click.pass_context
def check_command(
    context: click.Context,
    /,
    directory: str | None,
    option: str | None,
    *,
    quiet: bool,
    discord: bool,
    as_json: bool,
) -> None:
    """Check every plan that is not over: one heartbeat.

    Plans move on as far as the facts lead them. Exits with 1 when something needs a person: a task that failed, one
    without progress for 3 heartbeats, a plan past its ETA, a run that died or was held.

    \b
      orchestrator check
      orchestrator check TASK-001 --json
      orchestrator check --quiet
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    end_in_order()  # what a heartbeat asks of a run at work is withdrawn
    layout = plan_directory(directory, option)
    found = check(layout, time.time())
    if as_json:
        _say_json(found, layout)
    elif discord:
        if found.alerts or not quiet:
            write(f"{_digest(found)}\n")
    else:
        write(check_text(found.poll, found.alerts, "" if quiet else found.summary()))
    for name, why in found.broken.items():
        talk(f"warning: {name} skipped: {one_line(why)}")
    if found.alerts:
        context.exit(int(ExitStatus.TASK_FAILED))


def _say_json(found: Checkup, layout: Layout) -> None:
    hint = {}
    if found.alerts:
        first = found.alerts[0].task_id
        which = "" if first == plan_id(layout) else f" {first}"  # else it is one among others
        hint["hint"] = as_called(f"orchestrator status{which}")
    say_json(
        found.summary(),
        ok=not found.alerts,
        code="alerts" if found.alerts else "ok",
        **hint,
        alerts=[_alert(each) for each in found.alerts],
        summary=found.summary(),
        tasks=[_brief(look) for look in found.poll],
        skipped=passed_over(found.broken),
    )


def _brief(look: PlanCheck) -> dict[str, object]:
    facts = plan_facts(look.id, look.board.plan.header, look.state, look.board.counts())
    names = ("task_id", "status", "done", "total", "progress")
    kept: dict[str, object] = {name: facts[name] for name in names}
    if look.steps:
        kept["transitions"] = list(map(move, look.steps))
    return kept


def _alert(alert: Alert) -> dict[str, str]:
    return {
        "type": alert.kind.value,
        "task_id": alert.task_id,
        "subtask_id": alert.subtask_id,
        "message": alert.text,
    }


def _digest(found: Checkup) -> str:
    poll = [(look.id, look.board, look.state) for look in found.poll]
    return messages.digest(poll, found.alerts, found.broken)


@click.command("notify")
@click.argument("subject", metavar="digest|ID")
@click.argument("kind", metavar="[created|status|transition|completed|alert]", default="")
@click.option(
    "--type",
    "alert_kind",
    type=click.Choice([kind.value for kind in AlertKind]),
    default=AlertKind.STUCK.value,
    help="What the alert is about (default stuck).",
)
@click.option("--subtask-id", default="", metavar="ID", help="The task that the alert is about.")
@click.option("--ping", default="@here", metavar="TEXT", help="Who is called (default @here).")
@click.option("--dir", "option", metavar="DIR", help="The directory of plans.")
@takes_json
def notify_command(
    subject: str,
    kind: str,
    alert_kind: str,
    subtask_id: str,
    ping: str,
    *,
    option: str | None,
    as_json: bool,
) -> None:
    """Print a chat message about a plan, or the digest of all; nothing is sent.

    \b
      orchestrator notify digest
      orchestrator notify TASK-001 status
      orchestrator notify TASK-001 alert --type stuck --subtask-id subtask_01
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    if subject == "digest" and not kind:
        found = check(plan_directory(None, option), time.time(), counts=False)
        _say("digest", _digest(found), "", as_json=as_json)
        return
    if kind not in _KINDS:
        wrong = f"{kind!r} is not a message" if kind else "no message is named"
        raise UsageError(wrong, hint=f"one of {', '.join(_KINDS)}")
    layout = plan_directory(subject, option)
    look = look_at(layout, time.time())
    if kind == "alert":
        status = as_called(f"orchestrator status {subject}")
        text = _alert_text(
            look, layout, AlertKind(alert_kind), subtask=subtask_id, ping=ping, status=status
        )
    else:
        text = _text(look, layout, kind)
    _say(kind, text, look.state.word, as_json=as_json, task_id=look.id)


def _say(kind: str, text: str, state: str, *, as_json: bool, task_id: str = "") -> None:
    if as_json:
        facts = {"task_id": task_id, "status": state} if task_id else {}
        say_json(text, **facts, type=kind)  # type: ignore[arg-type]
        return
    write(f"{text}\n")


def _text(look: PlanCheck, layout: Layout, kind: str) -> str:
    match kind:
        case "created":
            return messages.created(look.id, look.board)
        case "status":
            return messages.status(look.id, look.board)
        case "transition":
            steps = plans.history(layout)
            return messages.transition(look.id, look.board, steps[-1] if steps else None)
        case _:
            return messages.completed(look.id, look.board, time.time())


def _alert_text(
    look: PlanCheck, layout: Layout, kind: AlertKind, *, subtask: str, ping: str, status: str
) -> str:
    if subtask:
        subtask = plans.require_subtask(layout, look.board, subtask)
    known = (each for each in look.alerts if (each.kind, each.subtask_id) == (kind, subtask))
    # Somebody else may have seen what no look of ours has found.
    alert = next(known, Alert(kind, look.id, subtask, f"somebody says that it is {kind.value}"))
    return messages.alert(alert, look.board, ping=one_line(ping, 60), look=status)
