"""Check and try the notification targets of a plan: what ``doctor`` says about ``notify``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from orchestrator.core.finding import Finding, Level
from orchestrator.core.settings import Settings
from orchestrator.runner.clock import Clock
from orchestrator.runner.notify import Subscriber, deliver
from orchestrator.runner.preview import RunPreview
from orchestrator.views.notification import plan_name, trial


def examine_notify(
    ahead: RunPreview, *, subscribers: Callable[[Settings, str], Sequence[Subscriber]], send: bool
) -> list[Finding]:
    """Return a finding for each target of notifications.

    Args:
        ahead: The plan.
        subscribers: Returns the targets that the settings name.
        send: Whether a test message is sent to each, one after the other.
    """
    root = ahead.workspace.layout.root
    found = subscribers(ahead.settings, root)
    if send and not found:
        hint = "write `notify: [desktop]` into the front matter of master_plan.md"
        return [Finding("notify", Level.FAILED, "the plan names no one to tell", hint)]
    name = plan_name(ahead.board.plan.title, root)
    return [_examine(each, name, send=send) for each in found]


def _examine(subscriber: Subscriber, plan: str, *, send: bool) -> Finding:
    name = f"notify {subscriber.label}"
    wrong = Level.FAILED if send else Level.WARNING  # a run goes on even if no one is notified
    if subscriber.notifier is None:
        hint = "install or set what is missing, or correct `notify` in master_plan.md"
        return Finding(name, wrong, subscriber.trouble, hint)
    topics = ", ".join(subscriber.on)
    if not send:
        return Finding(name, Level.OK, f"is told of {topics}; doctor --notify tries it")
    # In a thread, which no signal interrupts: a program that is being started is known to `close`.
    with ThreadPoolExecutor(1) as thread:
        notice = trial(plan)._replace(time=Clock().wall())
        delivery = thread.submit(deliver, subscriber.notifier, notice)
        try:
            reason = delivery.result()
        finally:
            subscriber.notifier.close()
    if reason:
        hint = "correct the address or the command, then doctor --notify once more"
        return Finding(name, Level.FAILED, f"was not notified: {reason}", hint)
    return Finding(name, Level.OK, f"was sent a test message; is notified of {topics}")
