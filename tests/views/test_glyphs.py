"""How statuses, progress and moments look."""

from __future__ import annotations

import pytest

from orchestrator.core.status import TaskStatus, parse_status
from orchestrator.views.terminal import LABELS, progress_bar, tally, timestamp
from tests.views.example import BEGIN


@pytest.mark.parametrize("status", list(TaskStatus))
def test_every_label_reads_back(status: TaskStatus) -> None:
    """What is written into a status cell is understood when a person leaves it there."""
    assert status is parse_status(LABELS[status])


def test_the_icons_are_those_of_the_seeds() -> None:
    """Whoever knows the seeds knows the icons."""
    assert ["⏸️ Waiting", "🟡 Pending", "🔵 Running", "🔄 Retrying", "✅ Completed", "❌ Failed"] == [
        LABELS[status] for status in list(TaskStatus)[:6]
    ]


@pytest.mark.parametrize(
    ("done", "total", "bar"),
    [
        (2, 5, "[████░░░░░░] 40%"),
        (0, 5, "[░░░░░░░░░░] 0%"),
        (5, 5, "[██████████] 100%"),
        (9_999, 10_000, "[█████████░] 99%"),
        (0, 0, "[░░░░░░░░░░] 0%"),
        (7, 5, "[██████████] 100%"),
    ],
)
def test_a_bar_is_full_only_when_everything_is_done(done: int, total: int, bar: str) -> None:
    """Nobody reads 100% while a task is left."""
    assert bar == progress_bar(done, total, width=10)


def test_a_tally_leaves_out_what_is_zero() -> None:
    """Counts say what there is, and always how many of all are completed."""
    assert "Completed 3/5 · Running 1 · Waiting 1" == tally(
        {TaskStatus.WAITING: 1, TaskStatus.COMPLETED: 3, TaskStatus.RUNNING: 1, TaskStatus.FAILED: 0}
    )


def test_a_moment_reads_the_same_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A drawn plan does not depend on the time zone of who draws it."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert ("2026-01-05 14:00:00Z", "-") == (timestamp(BEGIN), timestamp(0.0))
