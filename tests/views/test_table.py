"""What ``status`` and ``list`` print."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.views.final_output import final_output
from orchestrator.views.listing import table_text
from orchestrator.views.master_plan import sections
from orchestrator.views.status import list_text, status_text
from orchestrator.views.terminal import display_width
from tests.views.example import BEGIN, HOSTILE, attempt, board, done, five, large, midway, result, task


def listed(of: PlanSnapshot, width: int | None = None) -> str:
    return list_text(of, list(of.plan.tasks.values()), width)


def test_list_is_one_line_for_each_task() -> None:
    """Id, status, agent, name and needs, aligned."""
    assert [
        "T-01  ✅ Completed  Agent-01  Scan",
        "T-02  ❌ Failed     Agent-02  Quality      ← T-01",
        "T-03  🔵 Running    Agent-03  Security     ← T-01",
        "T-04  🟡 Pending    Agent-04  Performance  ← T-01",
        "T-05  ⏭️ Skipped    Agent-05  Report       ← T-02, T-03, T-04",
    ] == listed(midway(), 100).splitlines()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    """A line that wraps is two lines."""
    drawn = midway("検査" * 40, HOSTILE, "x" * 300, "👩\u200d💻" * 30, "e", reason="r" * 300)
    table = table_text(drawn, list(drawn.plan.tasks.values()), width)
    for text in (listed(drawn, width), table, status_text(drawn, now=BEGIN, width=width)):
        assert all(display_width(line) <= width for line in text.splitlines())


@pytest.mark.parametrize("width", [30, 80])
def test_what_one_looks_for_is_there_on_a_narrow_terminal(width: int) -> None:
    """The counts and when an account opens are broken into lines; of a long reason only so much is shown."""
    drawn = midway(reason="r" * 300)
    held = attempt(1, "held", 0, 9, "You have hit the limit")._replace(until=BEGIN + 7200)
    drawn.results["T-04"] = result("T-04", TaskStatus.PENDING, held._replace(session="s"))
    drawn.derive_again()
    text = status_text(drawn, now=BEGIN + 60, width=width)
    words = " ".join(text.split())
    assert "Completed 1/5 · Running 1 · Failed 1 · Skipped 1 · Pending 1" in words
    assert "(opens 2026-01-05 16:00:00Z, in 1h59m)" in words
    assert width < 80 or "… · 2 attempts · logs/agent-02.attempt-2.out\n" in text


@given(st.lists(st.text(max_size=40), min_size=5, max_size=5))
def test_a_name_is_never_a_second_line(names: list[str]) -> None:
    """Whoever counts lines counts tasks; nothing in a name reaches the terminal as a command."""
    text = listed(board(five(*names)))
    assert 5 == len(text.splitlines())
    assert "\x1b" not in text


def test_an_empty_list_is_empty() -> None:
    """Nothing found prints nothing, not a blank line."""
    assert "" == list_text(midway(), [])


def test_a_narrow_list_still_says_what_a_task_needs() -> None:
    """A long name gives way before the dependencies do."""
    line = listed(board([task("T-01"), task("T-02", "n" * 200, "T-01")]), 60).splitlines()[1]
    assert line.endswith("…  ← T-01")


def test_an_id_is_said_once() -> None:
    """A task that is called like its agent, as any but T-01 and its like is, leaves the column to who is somebody."""
    named = board([task("research"), task("write")._replace(assignee="ana")])
    assert ["research  🟡 Pending    -    research", "write     🟡 Pending    ana  write"] == listed(named).splitlines()
    status = status_text(named, now=BEGIN).splitlines()
    assert "research  🟡 Pending    -         -  research" in status


def test_a_long_id_takes_nothing_from_the_reason() -> None:
    """Where the log lies is the end of that line, and is there on a narrow terminal."""
    failed = board(
        [task("market_research")], result("market_research", TaskStatus.FAILED, attempt(1, "failed", 0, 1, "r" * 99))
    )
    line = status_text(failed, now=BEGIN, width=80).splitlines()[-1]
    assert line.startswith("      rrrr")
    assert line.endswith("… · 1 attempt · logs/market_research.attempt-1.out")


def test_list_says_why_a_result_does_not_count() -> None:
    """A task that was done shows as pending."""
    drawn = board([task("T-01"), task("T-02", "", "T-01")])
    drawn.doubts = {"T-02": "results/agent-02-result.md is damaged"}
    assert [
        "T-01  🟡 Pending    Agent-01  T-01",
        "T-02  ⏸️ Waiting    Agent-02  T-02  results/agent-02-result.md is damaged  ← T-01",
    ] == listed(drawn).splitlines()


def test_status_says_how_far_what_runs_and_what_failed() -> None:
    """The whole of a small plan, with elapsed times, news, reasons and the way to the log."""
    text = status_text(midway(), now=BEGIN + 9, width=100, running={"T-03": "reading a.ts"})
    lines = text.splitlines()
    assert ["Task Plan", "Batch 2 of 3"] == [lines[0], lines[2]]
    assert lines[1].startswith("[████░░░░░░░░░░░░░░░░] 20%  Completed 1/5 · Running 1")
    assert "T-03  🔵 Running    Agent-03    7.2s  Security · reading a.ts" in lines
    assert "      exit 2 · 2 attempts · logs/agent-02.attempt-2.out" in lines
    assert "⏭️ Skipped because of T-02: T-05" == lines[-1]


def test_attempts_are_counted_the_same_everywhere() -> None:
    """Those that the result tells of: the number of the newest counts also what was only simulated."""
    late = result("T-01", TaskStatus.FAILED, attempt(2, "failed", 0, 1))
    drawn = board([task("T-01")], late)
    assert "  1 attempt · logs/agent-01.attempt-2.out" in status_text(drawn, now=BEGIN)
    output = final_output(drawn, answers={}, safe=str, started=BEGIN, ended=BEGIN + 1)
    assert "| T-01 · T-01 | ❌ Failed | 1 |" in output
    status = sections(drawn, now=BEGIN + 1, journal_tail=[], running={})["status"]
    assert "| ❌ Failed | 1 |" in status


def test_status_of_a_finished_plan_is_short() -> None:
    """Nothing to worry about, nothing said about it."""
    lines = status_text(done(), now=BEGIN + 9).splitlines()
    assert "100%  Completed 5/5" in lines[1]
    assert 8 == len(lines)


@pytest.mark.parametrize("chain", [True, False])
def test_status_of_ten_thousand_tasks_fits_a_screen(chain: bool) -> None:
    """What runs, what failed and what comes next, and how many more of each there are."""
    text = status_text(large(10_000, chain=chain), now=BEGIN + 6000, width=100)
    assert "Running (8, 6 shown)" in text
    assert "Next (4,99" in text
    assert len(text.splitlines()) <= 40


def test_status_never_grows_beyond_forty_lines() -> None:
    """Also when everything goes wrong at once."""
    statuses = [TaskStatus.RUNNING, TaskStatus.RETRYING, TaskStatus.FAILED, TaskStatus.BLOCKED, TaskStatus.PENDING]
    for size in (16, 17, 500):
        tasks = [task(f"T-{i}") for i in range(size)]
        tasks += [task(f"S-{i}", "", f"T-{i}") for i in range(size if size > 16 else 0)]
        results = [result(each.id, statuses[i % 5]) for i, each in enumerate(tasks[:size])]
        assert len(status_text(board(tasks, *results), now=BEGIN).splitlines()) <= 40
    failed = [task(f"T-{i}") for i in range(16)]
    text = status_text(board(failed, *(result(each.id, TaskStatus.FAILED) for each in failed)), now=BEGIN)
    assert len(text.splitlines()) <= 40


def test_what_comes_next_is_what_will_start_first() -> None:
    """Highest priority first, then the longest way to the end, as the scheduler does it."""
    tasks = [task(f"T-{i}") for i in range(30)]
    tasks += [task("URGENT", priority=1000), task("LONG"), task("AFTER", "", "LONG")]
    lines = status_text(board(tasks), now=BEGIN).splitlines()
    start = lines.index("Next (32, 3 shown)")
    assert ["URGENT", "LONG", "T-0"] == [line.split()[0] for line in lines[start + 1 : start + 4]]
