"""The drawn sections of a master plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.views.master_plan import sections
from tests.views.example import BEGIN, HOSTILE, attempt, board, done, headings, large, midway, result, tables, task


def draw(
    drawn: PlanSnapshot,
    *,
    journal: Sequence[str] = (),
    running: Mapping[str, str] | None = None,
    now: float = BEGIN + 9,
) -> dict[str, str]:
    return sections(drawn, now=now, journal_tail=journal, running=running or {})


def test_the_sections_have_their_names_and_headings_in_order() -> None:
    """Names are those of the marks in the file; each section brings its own heading."""
    drawn = draw(midway())
    assert ["status", "progress", "graph", "log", "errors"] == list(drawn)
    assert ["## Status", "## Progress", "## Task Graph", "## Execution Log", "## Errors"] == [
        heading for text in drawn.values() for heading in headings(text)
    ]
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in drawn.values())


def test_the_status_table_says_who_did_what_when() -> None:
    """Agent, status, attempts, times and the way to what came out, for every task (S2-20, S2-55)."""
    (table,) = tables(draw(midway(), running={"T-03": "reading a.ts"})["status"])
    assert ["Task ID", "Task", "Agent", "Status", "Attempts", "Start", "End", "Duration", "Note"] == table[0]
    started, ended = "2026-01-05 14:00:06Z", "2026-01-05 14:00:07Z"
    log = "exit 2 [log](logs/agent-02.attempt-2.out)"
    assert ["T-02", "Quality", "Agent-02", "❌ Failed", "2", started, ended, "1.0s", log] == table[2]
    assert ["T-03", "🔵 Running", "-", "7.2s", "reading a.ts"] == [table[3][i] for i in (0, 3, 6, 7, 8)]
    assert ["[result](results/agent-01-result.md)", "", "T-02 failed"] == [table[i][8] for i in (1, 4, 5)]


def test_progress_counts_and_names_the_current_batch() -> None:
    """A glance says how far it is and what is being worked on (S2-81U)."""
    text = draw(midway())["progress"]
    assert "[████░░░░░░░░░░░░░░░░] 20%" in text
    assert "Completed 1/5 · Running 1 · Failed 1 · Skipped 1 · Pending 1" in text
    assert "Batch 2 of 3: ❌ T-02 · 🔵 T-03 · 🟡 T-04" in text


def test_progress_says_how_it_ended() -> None:
    """A plan that is over does not look like one that hangs."""
    assert "All 3 batches are completed." in draw(done())["progress"]
    failed = board([task("T-01")], result("T-01", TaskStatus.FAILED))
    assert "Nothing is left to run; the status table says why." in draw(failed)["progress"]
    one = board([task("T-01")], result("T-01", TaskStatus.COMPLETED, attempt(1, "completed", 0, 1)))
    assert "The one batch is completed." in draw(one)["progress"]


def test_errors_name_every_failed_attempt_newest_first() -> None:
    """Also an attempt that a later one made good is there, with its log (S2-68)."""
    (table,) = tables(draw(midway())["errors"])
    assert ["❌ T-02 · Quality", "2", "exit 2", "[log](logs/agent-02.attempt-2.out)"] == table[1]
    assert ["❌ T-02 · Quality", "1", "timed out", "[log](logs/agent-02.attempt-1.out)"] == table[2]
    assert "✅ T-02 · Quality | 1 | exit 1" in draw(done())["errors"]


def test_no_error_is_said_to_be_none() -> None:
    """An empty section would leave a person wondering."""
    assert "## Errors\n\nNone so far.\n" == draw(board([task("T-01")]))["errors"]


def test_a_failure_without_an_attempt_is_an_error_too() -> None:
    """A task that could not even be started has no log, but a line."""
    (table,) = tables(draw(board([task("T-01")], result("T-01", TaskStatus.FAILED)))["errors"])
    assert ["❌ T-01 · T-01", "-", "-", "-"] == table[1]


def test_the_log_shows_the_newest_lines() -> None:
    """The journal has everything; the plan shows the last fifteen lines of it."""
    text = draw(midway(), journal=[f"line {i}" for i in range(40)])["log"]
    assert ["- line 25", "- line 39"] == [text.splitlines()[2], text.splitlines()[-1]]
    assert "Nothing has happened yet." in draw(midway())["log"]


def test_nothing_changes_while_nothing_happens() -> None:
    """A finished plan drawn again later is the same file, so nobody sees a change that is none."""
    assert draw(done(), now=BEGIN + 9) == draw(done(), now=BEGIN + 9000)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_no_text_breaks_a_table_or_a_mark(name: str, reason: str, news: str) -> None:
    """Names, reasons and news are cells: they add no column, no row and no comment of ours."""
    drawn = draw(midway(name, name, name, name, name, reason=reason), running={"T-03": news}, journal=[news])
    (status,), (errors,) = tables(drawn["status"]), tables(drawn["errors"])
    assert [9] * 6 == [len(row) for row in status]
    assert [4] * 3 == [len(row) for row in errors]
    assert all("<!--" not in text for text in drawn.values())
    assert 3 == len(drawn["log"].splitlines())


def test_a_hostile_name_is_shown_and_not_obeyed() -> None:
    """What looks like a template, a mark, a fence or an escape sequence stays text."""
    drawn = draw(midway(*[HOSTILE] * 5, reason=HOSTILE), running={"T-03": HOSTILE}, journal=[HOSTILE])
    whole = "\n".join(drawn.values())
    assert [9] * 6 == [len(row) for row in tables(drawn["status"])[0]]
    assert "{{ 7*7 }}" in drawn["status"]
    for evil in ("<!--", "<b>", "\x1b", "\u202e"):
        assert evil not in whole
    assert ["## Status", "## Progress", "## Task Graph", "## Execution Log", "## Errors"] == headings(whole)


def test_ten_thousand_tasks_are_drawn_as_what_a_person_looks_for() -> None:
    """What runs, what failed and what is next comes first; the rest is counted, and the file stays small."""
    drawn = draw(large(10_000), now=BEGIN + 6000)
    (table,) = tables(drawn["status"])
    assert ["🔵 Running"] * 8 == [row[3] for row in table[1:9]]
    assert "❌ Failed" == table[9][3]
    assert ["T-4999"] == [row[0] for row in table if row[3] == "✅ Completed"][:1]
    assert "4,725 ✅ Completed" in drawn["status"]
    assert "[results/](results/)" in drawn["status"]
    assert "and 9,988 more" in drawn["progress"]
    assert "The newest 50 of 250 are shown" in drawn["errors"]
    assert sum(len(text.encode()) for text in drawn.values()) < 64 * 1024


def test_an_empty_plan_is_drawn() -> None:
    """A plan that lost its last row is no reason to fall over."""
    assert "The plan has no tasks." in draw(board([]))["progress"]
