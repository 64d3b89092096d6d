"""The live view, without a terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.commands.live import LiveView
from orchestrator.commands.output import QueuedOutput
from orchestrator.runner.events import Event, Kind
from orchestrator.views.terminal import display_width


@pytest.fixture
def view(tmp_path: Path) -> Iterator[LiveView]:
    with (tmp_path / "shown").open("w", encoding="utf-8") as stream:
        yield LiveView(QueuedOutput(stream, in_colour=False))


def started(view: LiveView, count: int, ago: float = 5.0) -> float:
    """Start so many tasks; return when the run began."""
    began = time.time() - ago
    view.hear(Event(kind=Kind.RUN_STARTED, time=began, tasks=count))
    for number in range(1, count + 1):
        task = f"T-{number:02}"
        view.hear(Event(kind=Kind.TASK_STARTED, time=began, task=task, name="Work", attempt=1))
    return began


def test_the_bar_ends_full_after_a_change_of_the_plan(view: LiveView) -> None:
    """What is left to run is added to what the run has settled."""
    for kind, task, tasks in (
        (Kind.RUN_STARTED, "", 2),
        (Kind.TASK_COMPLETED, "T-01", 0),
        (Kind.RUN_CHANGED, "", 2),
        (Kind.TASK_COMPLETED, "T-02", 0),
        (Kind.TASK_COMPLETED, "T-03", 0),
    ):
        view.hear(Event(kind=kind, time=time.time(), task=task, tasks=tasks))
    assert "100% 3/3" in view.picture(80, 24)[-1]


@pytest.mark.parametrize(("columns", "rows"), [(200, 60), (80, 24), (40, 10), (30, 4), (20, 3), (20, 2), (20, 1)])
def test_the_bar_is_there_however_many_tasks_run_and_however_small_the_terminal(
    view: LiveView, columns: int, rows: int
) -> None:
    """No line is wrapped, and the terminal keeps a line for what comes next."""
    began = started(view, 50)
    view.hear(Event(kind=Kind.RUN_HELD, time=began, text="claude: resets tomorrow " * 9))
    view.hear(Event(kind=Kind.NEWS, time=began, task="T-01", text="終わり " * 90))
    picture = view.picture(columns, rows)
    assert max(1, rows - 1) >= len(picture)
    assert columns > max(map(display_width, picture))
    assert picture[-1].startswith("[░░░░░")
    shown = sum("T-" in line for line in picture)
    if rows > 4:
        (more,) = (line for line in picture if " more" in line)
        assert more == f"   … and {50 - shown} more"


def test_a_task_that_waits_for_its_next_attempt_is_counted_down(view: LiveView) -> None:
    """With the attempt that failed, and why; the next one says which it is."""
    began = started(view, 1)
    retrying = Event(
        kind=Kind.TASK_RETRYING, time=time.time() - 2, task="T-01", name="Work", attempt=1,
        duration=3.0, retry_in=10.0, text="exit 3",
    )  # fmt: skip
    view.hear(retrying)
    line = view.picture(80, 24)[0]
    assert re.fullmatch("🔄 T-01 Work again in [78]s · attempt 1: exit 3", line), line
    view.hear(retrying._replace(time=began - 60))
    assert "waits for a slot" in view.picture(80, 24)[0]
    again = Event(kind=Kind.TASK_STARTED, time=time.time(), task="T-01", name="Work", attempt=2)
    view.hear(again)
    (line, _) = view.picture(80, 24)
    assert re.fullmatch(r"🔵 T-01 Work +[\d.]+m?s · attempt 2", line), line


def test_failures_time_and_what_is_left_stand_beside_the_bar(view: LiveView) -> None:
    """What is left is thought to last as long as what is completed, as many at a time."""
    began = started(view, 2, ago=60.0)
    view.hear(Event(kind=Kind.RUN_CHANGED, time=began, tasks=6))
    assert "0/6 · 1m00s · ETA ?" in view.picture(80, 24)[-1]
    over = Event(kind=Kind.TASK_COMPLETED, time=time.time(), task="T-01", duration=60.0)
    view.hear(over)
    view.hear(over._replace(kind=Kind.TASK_FAILED, task="T-02"))
    # Four tasks of a minute, two at a time.
    assert "2/6 · ❌ 1 · 1m00s · ETA 2m00s" in view.picture(80, 24)[-1]
    assert "2/6 ❌ 1 1m00s ETA 2m00s" in view.picture(40, 10)[-1]
    view.hear(Event(kind=Kind.RUN_HELD, time=began, text="claude: waits for you"))
    *_, note, bar = view.picture(80, 24)
    assert ("⏸ claude: waits for you", True) == (note, "ETA ?" in bar)
    view.hear(Event(kind=Kind.RUN_RESUMED, time=began, text="claude: the account is open"))
    assert "waits for you" not in "".join(view.picture(80, 24))
