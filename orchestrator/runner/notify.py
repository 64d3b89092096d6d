"""Tells people who do not look what happens in a run, without ever holding it up.

Each subscriber has a thread and a queue of its own: who is slow keeps no other user waiting. The threads are daemons:
one that hangs in the network does not keep the process from ending.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from orchestrator.core.notification import Notice, Topic
from orchestrator.core.status import TaskStatus
from orchestrator.notifiers.protocol import Notifier, NotifyError
from orchestrator.runner.events import Event, Kind
from orchestrator.views.notification import alert, joined, run_ended, task_failed

#: Seconds the end of a run waits for what is under way; after Ctrl-C no one wants to wait.
PATIENCE, HURRY = 5.0, 0.5
#: Seconds between two looks at whether a user wants the end meanwhile.
_LOOK = 0.05
#: Notices that wait for one subscriber at most.
_ROOM = 1000


class Subscriber(NamedTuple):
    """A user who is notified."""

    label: str
    on: Collection[str]
    notifier: Notifier | None
    trouble: str = ""
    """Why there is no notifier."""


class NotificationSender:
    """Makes notices of happenings, and hands them to anyone who wants to know."""

    def __init__(self, subscribers: Sequence[Subscriber], plan: str, run: str, place: str = "") -> None:
        """Start nothing yet. *plan* is what people call it, *place* what a command needs to mean it."""
        self._plan, self._run, self._place = plan, run, place
        self._boxes = [_Mailbox(each, each.notifier) for each in subscribers if each.notifier]
        self._troubles = [f"{each.label}: {each.trouble}" for each in subscribers if each.trouble]
        self._last_alert = ""

    def hear(self, event: Event) -> list[str]:
        """Pass on what people want to know; return what went wrong with telling them since the last call. Quick."""
        match event.kind:
            case Kind.TASK_FAILED:
                step = f"orchestrator show {event.task}{self._place}"
                notice = task_failed(self._plan, event.task, event.name, event.text, step)
                self._tell(notice, event.time)
            case Kind.RUN_HELD | Kind.RUN_UNAFFORDABLE | Kind.RUN_OVERSPENT if event.text != self._last_alert:
                self._last_alert = event.text
                self._tell(alert(self._plan, event.text, what="on hold"), event.time)
            case Kind.DISCOVER:
                text = f"{event.agent}: {event.text}"
                notice = alert(self._plan, text, what="discovery", task=event.task, icon="📣")
                self._tell(notice, event.time)
            case _:
                pass
        found, self._troubles = self._troubles, []
        return [*found, *filter(None, (box.first_trouble() for box in self._boxes))]

    def end(
        self, counts: Mapping[TaskStatus, int], asked: Collection[TaskStatus], now: float, took: str, trouble: str = ""
    ) -> None:
        """Tell how the run ended: once to everybody, also where a task failed and something else was wrong too.

        Args:
            counts: How many tasks stand where.
            asked: Where those stand that the run was to complete.
            now: Seconds since the epoch.
            took: How long the run took.
            trouble: What kept it from its end.
        """
        done = counts.get(TaskStatus.COMPLETED, 0) == sum(counts.values())
        step = f"orchestrator status{self._place}" if trouble or not done else "read final_output.md"
        notice = run_ended(self._plan, counts, asked, took, trouble=trouble, next_step=step)
        self._tell(notice, now, {Topic.FAILED} if TaskStatus.FAILED in asked else ())

    def close(self, patience: float = PATIENCE, is_hurried: Callable[[], bool] = lambda: False) -> str:
        """Wait at most *patience* seconds for what is under way, or ``HURRY`` once a user wants the end; let go.

        Returns:
            What was not delivered, in one line; empty when all was.
        """
        limit = time.monotonic() + patience

        def left() -> float:
            nonlocal limit
            if is_hurried():
                limit = min(limit, time.monotonic() + HURRY)
            return limit - time.monotonic()

        unsent = "; ".join(filter(None, [box.close(left) for box in self._boxes]))
        return f"not everybody was told: {unsent}" if unsent else ""

    def _tell(self, notice: Notice, now: float, more: Iterable[Topic] = ()) -> None:
        """Tell anyone who wants to know of its topic, or of one more that it is about."""
        stamped = notice._replace(run=self._run, time=now)
        for box in self._boxes:
            if {notice.topic, *more} & set(box.on):
                box.put(stamped)


class _Mailbox:
    """What waits for one subscriber, and the thread that delivers it."""

    def __init__(self, subscriber: Subscriber, notifier: Notifier) -> None:
        self.on = subscriber.on
        self._label, self._notifier = subscriber.label, notifier
        self._waiting: deque[Notice] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._under_way = 0
        self._lost = 0
        self._reason = ""
        self._is_said = False
        self._is_closed = False

    def put(self, notice: Notice) -> None:
        with self._changed:
            if len(self._waiting) >= _ROOM:
                self._lose(1, "more notices than it takes")
                return
            self._waiting.append(notice)
            self._have_a_thread()
            self._changed.notify_all()

    def _have_a_thread(self) -> None:
        """Start it; where the system has none just now, that is tried again with the next notice and at the end."""
        if self._thread is None:
            name = f"notify {self._label}"
            thread = threading.Thread(target=self._keep_delivering, name=name, daemon=True)
            with suppress(RuntimeError):
                thread.start()
                self._thread = thread

    def first_trouble(self) -> str:
        """Return what went wrong, the first time that a user asks after it did."""
        with self._changed:
            if not self._lost or self._is_said:
                return ""
            self._is_said, self._lost = True, self._lost - 1
            return f"{self._label} was not told: {self._reason}"

    def close(self, left: Callable[[], float]) -> str:
        """Wait until all is delivered, as long as any seconds are *left*; say what was not."""
        with self._changed:
            while not self._is_idle() and (seconds := left()) > 0:
                self._have_a_thread()
                self._changed.wait(min(seconds, _LOOK))
            late = len(self._waiting) + self._under_way
            self._waiting.clear()
            self._is_closed = True
            if late:
                self._lose(late, "no time was left")
            self._changed.notify_all()
        self._notifier.close()
        self._is_said = True
        if not self._lost:
            return ""
        what = "1 notice" if self._lost == 1 else f"{self._lost} notices"
        return f"{what} to {self._label} ({self._reason})"

    def _is_idle(self) -> bool:
        return not self._waiting and not self._under_way

    def _lose(self, count: int, reason: str) -> None:
        self._lost += count
        self._reason = self._reason or reason

    def _keep_delivering(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._is_closed)
                if not self._waiting:
                    return
                batch = _next(self._waiting)
                self._under_way = len(batch)
            reason = deliver(self._notifier, batch[0] if len(batch) == 1 else joined(batch))
            with self._changed:
                if reason and not self._is_closed:  # else it was counted as late
                    self._lose(len(batch), reason)
                self._under_way = 0
                self._changed.notify_all()


def deliver(notifier: Notifier, notice: Notice) -> str:
    """Send; return why it was not delivered, or an empty text."""
    try:
        notifier.send(notice)
    except NotifyError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever is wrong with a notifier, the run goes on
        return f"it broke: {type(error).__name__}"
    return ""


def _next(waiting: deque[Notice]) -> list[Notice]:
    """Take the next notice; of failures all that stand in a row."""
    batch = [waiting.popleft()]
    while waiting and _is_failure(batch[0]) and _is_failure(waiting[0]):
        batch.append(waiting.popleft())
    return batch


def _is_failure(notice: Notice) -> bool:
    return notice.topic is Topic.FAILED and bool(notice.task)
