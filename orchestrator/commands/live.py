"""The live view of a run: a line for each event, and below it what is active, above an overall bar."""

from __future__ import annotations

import signal
import time
from collections import Counter
from types import FrameType, TracebackType
from typing import Self

from orchestrator.commands.output import QueuedOutput
from orchestrator.commands.reply import talk, with_program
from orchestrator.core.cost import usd
from orchestrator.core.duration import format_duration
from orchestrator.core.message import MessageKind
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.runner.events import Event, Kind
from orchestrator.views.messages import MESSAGE_ICONS
from orchestrator.views.terminal import ICONS, clip, display_width, fit, progress_bar

# ── event text ────────
#
# What happened, as one line for people.

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
    Kind.TASK_WAITING: "⏳",
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
    """Return the text of a happening; a command that a warning names, or why a task failed, can be typed."""
    return with_program(event.text) if event.kind in _NAME_COMMANDS else event.text


#: Lines about tasks at most; fewer on a terminal that has no room for them.
_SHOWN = 12
_MOST_NAME, _MOST_BAR = 40, 30
#: Columns that the bar keeps: without it no one sees at a glance how far the run is.
_LEAST_BAR = 5
_OVER = frozenset(
    {
        Kind.TASK_COMPLETED,
        Kind.TASK_FAILED,
        Kind.TASK_RETRYING,
        Kind.TASK_INTERRUPTED,
        Kind.TASK_BLOCKED,
        Kind.TASK_CANCELLED,
    }
)
_SETTLED = {
    Kind.TASK_COMPLETED: TaskStatus.COMPLETED,
    Kind.TASK_FAILED: TaskStatus.FAILED,
    Kind.TASK_SKIPPED: TaskStatus.SKIPPED,
    Kind.TASK_CANCELLED: TaskStatus.CANCELLED,
}
#: What is true until something else is: it stands above the bar. A hold and its end take each other's place.
_NOTED = {
    Kind.RUN_HELD: "hold",
    Kind.RUN_UNAFFORDABLE: "hold",
    Kind.RUN_OVERSPENT: "hold",
    Kind.RUN_RESUMED: "hold",
    Kind.RUN_STOPPING: "end",
}
_UNKNOWN = "?"


class LiveView:
    """Draws on stderr, so that stdout stays for data. The loop calls ``hear``, the thread that writes ``picture``."""

    def __init__(self, output: QueuedOutput) -> None:
        """Draw nothing yet."""
        self._output = output
        self._running: dict[str, Event] = {}
        self._retrying: dict[str, Event] = {}
        self._news: dict[str, str] = {}
        self._settled: dict[str, TaskStatus] = {}
        self._total = 0
        self._spent = 0.0
        self._began = 0.0
        self._durations: list[float] = []
        """Of the attempts that completed their task."""
        self._busy = 0.0
        """Seconds of all attempts that are over."""
        self._notes = {"hold": "", "end": ""}

    def __enter__(self) -> Self:
        self._output.show(self.picture)
        # Who had us ignore Ctrl-Z has no shell that could go on with us.
        if signal.getsignal(signal.SIGTSTP) is signal.SIG_DFL:
            signal.signal(signal.SIGTSTP, self._suspend)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if signal.getsignal(signal.SIGTSTP) == self._suspend:
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        self._output.show(None)

    def _suspend(self, _number: int, _frame: FrameType | None) -> None:
        """Leave the terminal to the shell, with its cursor, until we go on; what it shows meanwhile stays."""
        self._output.show(None)
        self._output.drain(1.0)
        # Not SIGSTOP: where no shell could have us go on, the system does not stop us.
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._suspend)
        self._output.show(self.picture)  # that is below what is there now

    def hear(self, event: Event) -> None:
        """Take in what happened, and print what stays."""
        kind, task = event.kind, event.task
        if kind in {Kind.RUN_STARTED, Kind.RUN_CHANGED}:
            self._total = len(self._settled) + event.tasks
            self._began = self._began or event.time
        if kind is Kind.NEWS:
            self._news[task] = one_line(event.text)
            return
        if kind in {Kind.TASK_STARTED, Kind.TASK_RESET, *_OVER}:
            self._retrying.pop(task, None)
        if kind is Kind.TASK_STARTED:
            self._running[task] = event
            return
        if kind in _OVER:
            self._end(event)
        if kind is Kind.TASK_RETRYING:
            self._retrying[task] = event
        if kind in _SETTLED:
            self._settled[task] = _SETTLED[kind]
            # Also what could not run from the start: that was not announced.
            self._total = max(self._total, len(self._settled))
        line = event_text(event)
        if kind in _NOTED:
            self._notes[_NOTED[kind]] = "" if kind is Kind.RUN_RESUMED else line
        if line:
            talk(line)

    def _end(self, event: Event) -> None:
        self._running.pop(event.task, None)
        self._news.pop(event.task, None)
        self._spent += event.cost or 0.0
        self._busy += event.duration or 0.0
        if event.kind is Kind.TASK_COMPLETED and event.duration is not None:
            self._durations.append(event.duration)

    def picture(self, columns: int, rows: int) -> list[str]:
        """Return what stands below the lines; no line is wrapped, and the last one is the bar."""
        # Called in a thread: a copy is made at once, and changes no more.
        now, running, retrying = time.time(), self._running.copy(), self._retrying.copy()
        room, columns = max(rows - 1, 1), columns - 1
        bar = [self._bar(columns, now, list(running.values()))] if self._total else []
        notes = list(filter(None, self._notes.values()))[: room - len(bar)]
        room = min(room - len(bar) - len(notes), _SHOWN)
        shown = [*running.values(), *retrying.values()]
        more = len(shown) - room
        if more > 0:
            shown = shown[: max(room - 1, 0)]
            more = len(running) + len(retrying) - len(shown)
        lines = [self._row(each, now, shown, columns) for each in shown]
        if more > 0 < room:
            lines.append(f"   … and {more} more")
        return [clip(line, columns) for line in (*lines, *notes, *bar)]

    def _row(self, event: Event, now: float, shown: list[Event], columns: int) -> str:
        ids = max(len(each.task) for each in shown)
        room = min(max(columns // 3, 8), _MOST_NAME)
        names = [one_line(each.name, limit=60) for each in shown]
        name = fit(one_line(event.name, limit=60), min(max(map(display_width, names)), room))
        begin = f"{event.task.ljust(ids)} {name}"
        if event.kind is not Kind.TASK_RETRYING:
            took = format_duration(now - event.time).rjust(6)
            attempt = f"attempt {event.attempt}" if event.attempt > 1 else ""
            rest = filter(None, (took, attempt, self._news.get(event.task, "")))
            return f"{ICONS[TaskStatus.RUNNING]} {begin} {' · '.join(rest)}"
        left = event.time + (event.retry_in or 0.0) - now
        again = f"again in {_seconds(left)}" if left > 0 else "waits for a slot"
        why = f"attempt {event.attempt}: {event.text}"
        return f"{ICONS[TaskStatus.RETRYING]} {begin} {again} · {one_line(why)}"

    def _bar(self, columns: int, now: float, running: list[Event]) -> str:
        settled = Counter(self._settled.copy().values())
        done = sum(settled.values())

        def pluralize(status: TaskStatus) -> str:
            return f"{ICONS[status]} {settled[status]}" if settled[status] else ""

        parts = [
            f"{done}/{self._total}",
            pluralize(TaskStatus.FAILED),
            _seconds(now - self._began),
            f"ETA {self._eta(now, self._total - done, running)}",
            # Where there is no room for all of it, the rest is cut.
            usd(self._spent) if self._spent else "",
            pluralize(TaskStatus.SKIPPED),
            pluralize(TaskStatus.CANCELLED),
        ]
        parts = list(filter(None, parts))
        text = " · ".join(parts)
        if columns < _LEAST_BAR + display_width(text) + len("[] 100% "):
            text = " ".join(parts)
        room = columns - display_width(text) - len("[] 100% ")
        width = min(max(room, _LEAST_BAR), _MOST_BAR)
        return f"{progress_bar(done, self._total, width=width)} {text}"

    def _eta(self, now: float, left: int, running: list[Event]) -> str:
        """Say how long it takes yet, if what is left lasts as long as what is completed, as many at a time as so far.

        No one knows before a task is completed, while something is held, or when tasks last longer than all before.
        """
        if not self._durations or self._notes["hold"] or now <= self._began:
            return _UNKNOWN
        usual = sum(self._durations) / len(self._durations)
        ages = [max(now - each.time, 0.0) for each in running]
        work = sum(max(usual - age, 0.0) for age in ages) + usual * max(left - len(ages), 0)
        at_a_time = (self._busy + sum(ages)) / (now - self._began)
        return _seconds(max(work / at_a_time, 1.0)) if work and at_a_time else _UNKNOWN


def _seconds(duration: float) -> str:
    """Write a duration that changes as one looks: whole seconds."""
    whole = max(round(duration), 0)
    return f"{whole}s" if whole < 60 else format_duration(float(whole))
