"""People are told what happens, and nobody who is slow, broken or silent ever holds up a run."""

from __future__ import annotations

import sys
import threading

import pytest

from orchestrator.core.notification import Notice, Topic
from orchestrator.core.status import TaskStatus
from orchestrator.notifiers.protocol import Notifier
from orchestrator.runner import notify
from orchestrator.runner.events import Event, Kind
from orchestrator.runner.notify import NotificationSender, Subscriber
from tests.executors.harness import wait_until
from tests.fakes.notifier import FakeNotifier
from tests.patience import PATIENCE

ALL = tuple(topic.value for topic in Topic)
DONE = {TaskStatus.COMPLETED: 2}
PARTLY = {TaskStatus.COMPLETED: 1, TaskStatus.FAILED: 1}
BLOCKED = {TaskStatus.COMPLETED: 1, TaskStatus.BLOCKED: 1}


def sender(*notifiers: Notifier | None, on: tuple[str, ...] = ALL) -> NotificationSender:
    return NotificationSender(
        [Subscriber(f"who {n}", on, each, "" if each else "not there") for n, each in enumerate(notifiers)],
        "Shop",
        "run-1",
    )


def failed(task: str) -> Event:
    return Event(kind=Kind.TASK_FAILED, time=7.0, task=task, name="Pay", text="exit 3")


def held(text: str) -> Event:
    return Event(kind=Kind.RUN_HELD, time=7.0, text=text)


def close(told: NotificationSender) -> str:
    return told.close(PATIENCE)


def test_a_failed_task_is_told() -> None:
    fake = FakeNotifier()
    told = sender(fake)
    assert [] == told.hear(failed("T-02"))
    assert "" == close(told)
    (notice,) = fake.sent
    assert "❌ Shop: T-02 failed" == notice.title
    assert "Pay\nexit 3\nnext: orchestrator show T-02" == notice.text
    assert ("T-02", "run-1", 7.0) == (notice.task, notice.run, notice.time)


@pytest.mark.parametrize(
    ("expected", "trouble"),
    [("next: read final_output.md", ""), ("next: orchestrator status", "too little for _merge")],
)
def test_where_something_kept_a_run_from_its_end_its_output_is_not_the_next_thing(expected: str, trouble: str) -> None:
    """Every task is completed, and their answers were not merged as they were to be."""
    fake = FakeNotifier()
    told = sender(fake)
    told.end(DONE, set(DONE), 9.0, "5.0s", trouble)
    assert "" == close(told)
    assert expected == fake.sent[0].text.splitlines()[-1]


@pytest.mark.parametrize(
    ("topic", "title", "counts", "trouble"),
    [
        (Topic.COMPLETED, "✅ Shop: 2 of 2 tasks completed", DONE, ""),
        (Topic.FAILED, "❌ Shop: 1 of 2 tasks completed", PARTLY, ""),
        (Topic.ALERT, "⏸️ Shop: 1 of 2 tasks completed", PARTLY, "the budget is used up"),
        (Topic.ALERT, "⏸️ Shop: 1 of 2 tasks completed", BLOCKED, ""),
    ],
)
def test_the_end_is_told(topic: Topic, title: str, counts: dict[TaskStatus, int], trouble: str) -> None:
    fake = FakeNotifier()
    told = sender(fake)
    told.end(counts, set(counts), 9.0, "5.0s", trouble)
    assert "" == close(told)
    assert [(topic, title)] == [(each.topic, each.title) for each in fake.sent]
    assert {status.value: number for status, number in counts.items()} == fake.sent[0].counts


def test_a_failure_of_another_run_is_not_the_failure_of_this_one() -> None:
    """The topic is that of what the run was asked for, as its exit status is."""
    fake = FakeNotifier()
    told = sender(fake)
    told.end(PARTLY, {TaskStatus.COMPLETED}, 9.0, "5.0s")
    close(told)
    assert [Topic.COMPLETED] == [each.topic for each in fake.sent]


@pytest.mark.parametrize("on", [("failed",), ("alert",), ("failed", "alert")])
def test_an_end_with_two_troubles_is_told_once_to_who_wants_either(on: tuple[str, ...]) -> None:
    fake = FakeNotifier()
    told = sender(fake, on=on)
    told.end(PARTLY, set(PARTLY), 9.0, "5.0s", "the budget is used up")
    close(told)
    assert [Topic.ALERT] == [each.topic for each in fake.sent]


def test_a_hold_is_an_alert_and_the_same_one_is_told_once() -> None:
    fake = FakeNotifier()
    told = sender(fake)
    for text in ("claude is held", "claude is held", "claude is held again"):
        told.hear(held(text))
    close(told)
    assert ["claude is held", "claude is held again"] == [each.text for each in fake.sent]
    assert {Topic.ALERT} == {each.topic for each in fake.sent}


@pytest.mark.parametrize(
    ("titles", "on"),
    [
        (["❌ Shop: T-02 failed"], ("failed",)),
        (["⏸️ Shop: on hold"], ("alert",)),
        (["✅ Shop: 2 of 2 tasks completed"], ("completed",)),
    ],
)
def test_everybody_chooses_what_to_hear(titles: list[str], on: tuple[str, ...]) -> None:
    fake = FakeNotifier()
    told = sender(fake, on=on)
    told.hear(failed("T-02"))
    told.hear(held("a limit"))
    told.end(DONE, set(DONE), 9.0, "5.0s")
    close(told)
    assert titles == [each.title for each in fake.sent]


def test_a_discovery_is_an_alert() -> None:
    fake = FakeNotifier()
    told = sender(fake, on=("alert",))
    told.hear(Event(kind=Kind.DISCOVER, time=1.0, task="T-01", agent="db", text="Redis"))
    close(told)
    assert [("📣 Shop: T-01 discovery", "db: Redis")] == [(e.title, e.text) for e in fake.sent]


def test_what_is_nobodys_business_is_not_told() -> None:
    fake = FakeNotifier()
    told = sender(fake)
    holds = {Kind.RUN_HELD, Kind.RUN_UNAFFORDABLE, Kind.RUN_OVERSPENT}
    for kind in set(Kind) - holds - {Kind.TASK_FAILED, Kind.DISCOVER}:
        told.hear(Event(kind=kind, time=1.0, task="T-01", text="x"))
    close(told)
    assert [] == fake.sent


def test_who_hangs_holds_up_nobody() -> None:
    """The run goes on, the others are told, and the end says what was not delivered."""
    stuck, fake = FakeNotifier(hangs=True), FakeNotifier()
    told = sender(stuck, fake)
    told.hear(held("a limit"))
    wait_until(lambda: stuck.begun.is_set() and fake.sent)
    assert "not everybody was told: 1 notice to who 0 (no time was left)" == told.close(0.0)


def test_what_was_not_delivered_is_counted() -> None:
    stuck = FakeNotifier(hangs=True)
    told = sender(stuck)
    for number in range(3):
        told.hear(held(f"reason {number}"))
    wait_until(stuck.begun.is_set)
    assert "not everybody was told: 3 notices to who 0 (no time was left)" == told.close(0.0)


def test_who_fails_is_said_once_and_counted_at_the_end() -> None:
    broken = FakeNotifier(fails="no route")
    told = sender(broken)
    said = told.hear(held("first"))

    def is_said() -> bool:
        said.extend(told.hear(Event(kind=Kind.NEWS, time=1.0)))
        return bool(said)

    wait_until(is_said)
    assert [] == told.hear(held("second"))
    assert [] == told.hear(held("third"))
    assert ["who 0 was not told: no route"] == said
    assert "not everybody was told: 2 notices to who 0 (no route)" == close(told)
    assert [] == told.hear(Event(kind=Kind.NEWS, time=1.0))


def test_who_is_not_there_is_said_with_the_first_word() -> None:
    told = sender(None)
    begin = Event(kind=Kind.RUN_STARTED, time=1.0)
    assert ["who 0: not there"] == told.hear(begin)
    assert [] == told.hear(begin)
    assert "" == close(told)


def test_many_failures_become_one_message() -> None:
    """While the first one is under way, the others are collected."""
    slow = _Gated()
    told = sender(slow)
    told.hear(failed("T-001"))
    wait_until(slow.begun.is_set)
    for number in range(2, 200):
        told.hear(failed(f"T-{number:03d}"))
    slow.gate.set()
    assert "" == close(told)
    first, second = slow.sent
    assert "❌ Shop: T-001 failed" == first.title
    assert "❌ Shop: 198 tasks failed" == second.title
    assert second.text.startswith("T-002, T-003")
    assert second.text.endswith("and 188 more")


def test_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notify, "_ROOM", 2)
    slow = _Gated()
    told = sender(slow)
    told.hear(held("0"))
    wait_until(slow.begun.is_set)
    said = [text for number in range(1, 6) for text in told.hear(held(f"{number}"))]
    slow.gate.set()
    assert ["who 0 was not told: more notices than it takes"] == said
    assert "not everybody was told: 2 notices to who 0 (more notices than it takes)" == close(told)
    assert ["0", "1", "2"] == [each.text for each in slow.sent]


def test_a_notifier_with_a_bug_does_not_end_the_run() -> None:
    told = sender(_Buggy())
    told.end(DONE, set(DONE), 9.0, "5.0s")
    assert "not everybody was told: 1 notice to who 0 (it broke: ZeroDivisionError)" == close(told)


class _Gated(FakeNotifier):
    """Takes its time over the first one."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def send(self, notice: Notice) -> None:
        self.begun.set()
        self.gate.wait(PATIENCE)
        super().send(notice)


class _Buggy(FakeNotifier):
    def send(self, notice: Notice) -> None:
        raise ZeroDivisionError


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stack of any size is promised")
def test_a_thread_that_cannot_be_had_is_had_later() -> None:
    """Whoever tells goes on meanwhile: with what waits for it, or at the end at the latest."""
    fake = FakeNotifier()
    told = sender(fake)
    before = threading.stack_size(1 << 60)
    try:
        assert [] == told.hear(failed("T-01"))
    finally:
        threading.stack_size(before)
    assert "" == close(told)
    assert ["T-01"] == [notice.task for notice in fake.sent]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a stack of any size is promised")
def test_without_a_thread_nobody_is_told_and_that_is_said() -> None:
    """The run does not wait for it for ever."""
    told = sender(FakeNotifier())
    before = threading.stack_size(1 << 60)
    try:
        told.hear(failed("T-01"))
        assert "not everybody was told: 1 notice to who 0 (no time was left)" == told.close(0.1)
    finally:
        threading.stack_size(before)
