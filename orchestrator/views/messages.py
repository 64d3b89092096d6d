"""What was said about a task, for people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrator.core.duration import format_duration
from orchestrator.core.heartbeat import Alert, AlertKind
from orchestrator.core.message import Message, MessageKind
from orchestrator.core.plan import Task
from orchestrator.core.plan_status import PlanState, Step, parse_state
from orchestrator.core.snapshot import PlanSnapshot, TaskState
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line, pluralize, sanitize
from orchestrator.views.plans import STATE_ICONS, bar, day, running_text, state_label, state_of, title_of, word_of
from orchestrator.views.terminal import ICONS, LABELS

MESSAGE_ICONS = {
    MessageKind.SHARE: "💬",
    MessageKind.DISCOVER: "💡",
    MessageKind.SYNC: "🏁",
    MessageKind.JOIN: "👋",
    MessageKind.NOTE: "📝",
}
MESSAGE_WORDS = {**{kind: kind.value for kind in MessageKind}, MessageKind.NOTE: "note, only you see it"}


def context_text(task: Task, standing: TaskState, messages: Sequence[Message], share: str) -> str:
    """Return the task and its messages, their texts indented so that none can be taken for one of our headings.

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


# ── chat messages ────────
#
# Messages about plans, for a chat such as Discord: strings, and nothing is sent.
#
# Each is below the 2,000 characters that a message may have. What comes from plans and agents is data: it pings no one
# and closes no code. Who is pinged for an alert is said by the caller.

#: Characters of a message at most; a chat takes 2,000.
LIMIT = 1900
_TITLE, _REASON, _REQUEST = 80, 120, 600
_ALERT_ICONS = {
    AlertKind.STUCK: "🐌",
    AlertKind.OVERDUE: "⏰",
    AlertKind.FAILED: "❌",
    AlertKind.BLOCKED: "⛔",
    AlertKind.DIED: "💥",
    AlertKind.HELD: "⏸️",
}
_ENDINGS = {PlanState.COMPLETED: "🎉", PlanState.FAILED: "💥", PlanState.REJECTED: "🚫"}


def created(plan_id: str, board: PlanSnapshot) -> str:
    """Return the announcement of a new plan: title, priority, request."""
    plan_header = board.plan.header
    lines = [f"📋 **New task {plan_id}**: {_title(board)}", _facts(board)]
    if request := board.plan.request or plan_header.title:
        lines.append(f"> {_data(request, _REQUEST)}")
    lines += _tasks(board)
    return _within(lines)


def status(plan_id: str, board: PlanSnapshot) -> str:
    """Return where a plan stands: progress bar and the tree of its subtasks."""
    lines = [f"📊 **{plan_id}**: {_title(board)}", _facts(board), _progress(board), *_tasks(board)]
    return _within(lines)


def transition(plan_id: str, board: PlanSnapshot, step: Step | None) -> str:
    """Return the last change of state; None: there was none yet."""
    if step is None:
        return f"**{plan_id}** is {state_label(state_of(board))} and was never moved"
    before, after = (_state(word) for word in (step.before, step.after))
    note = f": {_data(step.note, _REASON)}" if step.note else ""
    who = _data(step.who, 64)
    return f"🔄 **{plan_id}** {before} → {after} ({step.event} by {who}){note}\n{_title(board)}"


def completed(plan_id: str, board: PlanSnapshot, now: float) -> str:
    """Return the final report of a plan, with the outcome of each subtask; of one that is not over, how far it is."""
    state = state_of(board)
    lines = [f"{_ENDINGS.get(state, STATE_ICONS[state])} **{plan_id} {state.word}**: {_title(board)}"]
    lines.append(_progress(board))
    results = [result for result in board.results.values() if result.attempts]
    if results:
        first = min(attempt.started for each in results for attempt in each.attempts)
        last = max(attempt.ended or now for each in results for attempt in each.attempts)
        attempts = pluralize(sum(len(result.attempts) for result in results), "attempt")
        lines.append(f"Took {format_duration(max(last - first, 0.0))} in {attempts}")
    lines += _tasks(board, with_reasons=True)
    return _within(lines)


def alert(found: Alert, board: PlanSnapshot, *, ping: str, look: str) -> str:
    """Return an urgent message. *ping* is who is called, *look* the command that shows more."""
    where = f"{found.task_id}/{found.subtask_id}" if found.subtask_id else found.task_id
    head = f"🚨 {ping} **{found.kind.upper()}** {where}".replace("  ", " ")
    lines = [head, f"{_ALERT_ICONS[found.kind]} {_data(found.text, _REASON)}", _title(board)]
    if found.subtask_id:
        lines[2] += f" · {_data(board.plan.tasks[found.subtask_id].name, _TITLE)}"
    return _within([*lines, _progress(board), f"Look: `{look}`"])


def digest(plans: Sequence[tuple[str, PlanSnapshot, PlanState]], alerts: Sequence[Alert], broken: Iterable[str]) -> str:
    """Return everything that is under way in one message: a line for each plan, then what a person should look at."""
    lines = [f"💓 **Heartbeat**: {len(plans)} active, {pluralize(len(alerts), 'alert')}"]
    lines += [f"🚨 {_data(str(each), _REASON)}" for each in alerts]
    for plan_id, board, state in plans:
        lines.append(f"{STATE_ICONS[state]} **{plan_id}** {bar(board.counts())} {_title(board, 50)}")
        if running := running_text(board):
            lines.append(f"   {ICONS[TaskStatus.RUNNING]} {running}")
    lines += [f"⚠️ {name} cannot be read" for name in broken]
    return _within(lines)


def _title(board: PlanSnapshot, limit: int = _TITLE) -> str:
    return _data(title_of(board), limit)


def _facts(board: PlanSnapshot) -> str:
    plan_header = board.plan.header
    parts = [state_label(state_of(board))]
    parts += [f"Priority {plan_header.priority}"] if plan_header.priority else []
    parts += [f"ETA {day(plan_header.eta)}"] if plan_header.eta else []
    return " · ".join(parts)


def _progress(board: PlanSnapshot) -> str:
    counts = board.counts()
    total = sum(counts.values())
    return f"`{bar(counts)}` {counts[TaskStatus.COMPLETED]} of {total} subtasks"


def _tasks(board: PlanSnapshot, *, with_reasons: bool = False) -> list[str]:
    tasks = list(board.plan.tasks.values())
    return [f"{'└─' if task is tasks[-1] else '├─'} {_task(board, task, with_reasons=with_reasons)}" for task in tasks]


def _task(board: PlanSnapshot, task: Task, *, with_reasons: bool) -> str:
    standing = board.standing[task.id]
    who = task.assignee or task.agent
    parts = [f"{ICONS[standing.status]} {task.id} {_data(task.name, 60)}", word_of(board, task)]
    parts += [_data(who, 40)] if who else []
    result = board.results.get(task.id)
    if with_reasons and standing.reason:
        parts.append(_data(standing.reason, _REASON))
    elif standing.status is TaskStatus.RUNNING and result and result.progress is not None:
        parts.append(f"{result.progress}%")
    return " · ".join(parts)


def _state(word: str) -> str:
    state = parse_state(word)
    return state_label(state) if state else _data(word, 20)


def _data(text: str, limit: int) -> str:
    """Return text from outside on one line: it pings no one, and opens neither code nor bold."""
    line = one_line(text, limit).replace("`", "'").replace("**", "*\u200b*")
    return line.replace("@", "@\u200b").replace("<", "<\u200b")


def _within(lines: Sequence[str]) -> str:
    """Return as many lines as fit, and how many more there are."""
    room, kept = LIMIT - len("… and 10000 more lines"), []
    for place, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            kept.append(f"… and {len(lines) - place} more lines")
            break
        kept.append(line)
    return "\n".join(kept)
