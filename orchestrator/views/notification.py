"""Texts of notifications: one short message each. Pure strings, redacted; how they travel is not here."""

from __future__ import annotations

import os
import shlex
from collections.abc import Collection, Mapping, Sequence

from orchestrator.core.notification import Notice, Topic
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import join_first, one_line
from orchestrator.views.terminal import tally

#: Tasks named in one message at most.
_NAMED = 10
_ICONS = {Topic.COMPLETED: "✅", Topic.FAILED: "❌", Topic.ALERT: "⏸️"}


def plan_name(title: str, root: str) -> str:
    """Return what people call a plan: its title, and the project if it does not say that already."""
    above, name = os.path.split(root)
    project = os.path.basename(above) if name.startswith(".") else name
    title, project = one_line(title, 60), one_line(project, 40)
    if not title or project.lower() in title.lower():
        return title or project
    return f"{title} ({project})"


def plan_option(root: str) -> str:
    """Return what a command needs besides to mean a plan; nothing where it is that of the project one is in."""
    return "" if os.path.basename(root) == ".orchestrator" else f" --dir {shlex.quote(root)}"


def task_failed(plan: str, task: str, name: str, reason: str, next_step: str) -> Notice:
    """Say that a task failed for good."""
    who = one_line(task, 64)
    text = "\n".join(filter(None, (_named(task, name), one_line(reason, 300), f"next: {one_line(next_step)}")))
    title = f"{_ICONS[Topic.FAILED]} {plan}: {who} failed"
    return Notice(Topic.FAILED, title, text, plan=plan, task=who)


def alert(
    plan: str, reason: str, *, what: str = "needs you", task: str = "", icon: str = _ICONS[Topic.ALERT]
) -> Notice:
    """Say that something needs a person, or that nothing goes on for a while."""
    who = one_line(task, 64)
    title = f"{icon} {plan}: {f'{who} ' if who else ''}{what}"
    return Notice(Topic.ALERT, title, one_line(reason, 300), plan=plan, task=who)


def run_ended(
    plan: str,
    counts: Mapping[TaskStatus, int],
    asked: Collection[TaskStatus],
    took: str,
    *,
    trouble: str = "",
    next_step: str,
) -> Notice:
    """Say how a run ended.

    Args:
        plan: What people call it.
        counts: How many of its tasks stand where.
        asked: Where those stand that the run was to complete: its exit status is made of them, and so is the topic.
        took: How long the run took.
        trouble: What kept it from its end, if anything but a failed task did.
        next_step: What to do now.
    """
    done, total = counts.get(TaskStatus.COMPLETED, 0), sum(counts.values())
    if trouble:
        topic = Topic.ALERT
    elif TaskStatus.FAILED in asked:
        topic = Topic.FAILED
    else:
        topic = Topic.COMPLETED if set(asked) <= {TaskStatus.COMPLETED} else Topic.ALERT
    title = f"{_ICONS[topic]} {plan}: {done} of {total} tasks completed"
    lines = (f"{tally(counts)} · {took}", one_line(trouble, 300), f"next: {one_line(next_step)}")
    return Notice(
        topic,
        title,
        "\n".join(filter(None, lines)),
        plan=plan,
        counts={status.value: counts[status] for status in TaskStatus if counts.get(status)},
    )


def joined(notices: Sequence[Notice]) -> Notice:
    """Return several failures as one message: no one wants a hundred of them."""
    last = notices[-1]
    named = join_first([each.task for each in notices], _NAMED)
    title = f"{_ICONS[Topic.FAILED]} {last.plan}: {len(notices)} tasks failed"
    return last._replace(title=title, text=named, task="")


def trial(plan: str) -> Notice:
    """Return a message that says that messages arrive."""
    text = "This is a test. What happens in a run is sent here."
    return Notice(Topic.ALERT, f"🔔 {plan}: a test", text, plan=plan)


def _named(task: str, name: str) -> str:
    return one_line(name, 100) if name and name != task else ""
