"""The final output."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.plan.safe_markdown import tagless
from orchestrator.views.final_output import final_output
from orchestrator.views.status import skipped_because, timing
from tests.views.example import (
    BEGIN,
    HOSTILE,
    attempt,
    board,
    done,
    five,
    headings,
    large,
    midway,
    result,
    tables,
    task,
)

ANSWERS = {f"T-0{i}": f"### Findings\n\nof task {i}\n" for i in range(1, 6)}


def draw(drawn: PlanSnapshot, *, seconds: float = 6.5, started: float = BEGIN, **more: Any) -> str:
    return final_output(drawn, **{"answers": ANSWERS} | more, safe=tagless, started=started, ended=started + seconds)


def summary(text: str) -> dict[str, str]:
    return {row[0]: row[1] for row in tables(text)[0]}


def test_answers_are_merged_in_dependency_order() -> None:
    """Each answer stands under its task's heading, after everything it was made from, once (S2-29)."""
    text = draw(done())
    results = [each for each in headings(text) if each.startswith("## T-0")]
    assert ["Scan", "Quality", "Security", "Performance", "Report"] == [each.split(" · ")[1] for each in results]
    for answer in ANSWERS.values():
        assert 1 == text.count(answer.strip("\n"))


def test_dependency_order_wins_over_the_order_of_the_rows() -> None:
    """A plan may list its report first."""
    tasks = [task("T-09", "Report", "T-01"), task("T-01", "Scan")]
    results = [result(each.id, TaskStatus.COMPLETED, attempt(1, "completed", 0, 1)) for each in tasks]
    text = draw(board(tasks, *results))
    assert text.index("## T-01") < text.index("## T-09")


def test_the_report_is_named_above_the_results() -> None:
    """Where one task was made from all others, a person is told to start there."""
    # Not that it is the last one: an umbrella it stands under follows.
    assert "**Start with T-05 · Report**, which was made from the other results" in draw(done())
    assert "Start with" not in draw(board([task("T-01"), task("T-02")]))


@pytest.mark.parametrize(("kind", "named"), [("data", 1), ("order", 0), ("resource", 0)])
def test_who_only_waited_for_the_others_is_no_report(kind: str, named: int) -> None:
    """Nothing was handed to it, so it was not made from the other results."""
    last = task("T-02", "Last", "T-01")._replace(need_kinds=(("T-01", kind),) if kind != "data" else ())
    ended = attempt(1, "completed", 0, 1)
    results = [result(each, TaskStatus.COMPLETED, ended) for each in ("T-01", "T-02")]
    assert named == draw(board([task("T-01"), last], *results)).count("Start with")


def test_the_summary_tells_what_parallel_work_saved() -> None:
    """Wall time against the sum of task times, failed attempts included; by how much; how busy (S2-37, S2-38)."""
    found = summary(draw(done()))
    assert ["5", "5 (100%)", "0", "0"] == [found[key] for key in ("Tasks", "Successful", "Failed", "Skipped")]
    assert found["Duration"].startswith("6.5s (2026-01-05 14:00:00Z")
    assert found["Sum of task times"].startswith("11.2s")
    assert found["Speed-up"].startswith("1.7×")
    assert found["Parallel efficiency"].startswith("57% (speed-up ÷ 3 agents")


def test_what_follows_within_a_millisecond_did_not_run_beside() -> None:
    """Result files keep milliseconds; tasks one after the other are not counted as two at once."""
    tasks = [task("T-01"), task("T-02", "", "T-01")]
    results = [
        result("T-01", TaskStatus.COMPLETED, attempt(1, "completed", 0, 1.0009)),
        result("T-02", TaskStatus.COMPLETED, attempt(1, "completed", 1, 1)),
    ]
    assert 1 == timing(board(tasks, *results), started=BEGIN, ended=BEGIN + 2).peak


def test_what_an_earlier_run_did_is_not_counted_as_speed() -> None:
    """A resumed run does not boast of work it did not do."""
    found = summary(draw(done(), started=BEGIN + 4.9, seconds=1.6))
    assert found["Done by an earlier run"].startswith("4 ")
    assert found["Sum of task times"].startswith("1.5s")
    assert found["Speed-up"].startswith("0.9×")


def test_a_run_with_nothing_to_do_tells_of_the_run_that_did_it() -> None:
    """Drawing a finished plan again does not lose its times."""
    found = summary(draw(done(), started=BEGIN + 9000, seconds=0.1))
    assert found["Duration"].startswith("6.5s (2026-01-05 14:00:00Z")
    assert found["Speed-up"].startswith("1.7×")


def test_a_clock_that_was_set_back_breaks_nothing() -> None:
    """Times are strange then, but the answers are there."""
    assert "## T-05 · Report" in draw(done(), seconds=-3600.0)


def test_an_incomplete_output_says_so_at_the_top() -> None:
    """Nobody takes a part for the whole (S2-28)."""
    text = draw(midway())
    assert text.splitlines()[2].startswith("**1 of 5 tasks completed: this output is incomplete.**")
    assert "incomplete" not in draw(done())
    found = summary(text)
    assert ["1 (20%)", "1", "1", "2"] == [found[key] for key in ("Successful", "Failed", "Skipped", "Not finished")]


def test_what_is_missing_is_named_with_its_reason() -> None:
    """Failures with reason and log, skipped tasks with the task to blame, and what was never run."""
    text = draw(midway())
    rows = next(table for table in tables(text) if "Reason" in table[0])
    assert ["T-02 · Quality", "❌ Failed", "2", "exit 2", "[log](logs/agent-02.attempt-2.out)"] == rows[1]
    assert "- ⏭️ Skipped because of T-02: T-05\n" in text
    assert "- ⏸️ Not finished: T-03, T-04\n" in text
    assert "missing" not in draw(done())


def test_the_blame_for_a_skip_goes_to_the_root() -> None:
    """Knowing that a skipped task was skipped because of a skipped one helps nobody."""
    tasks = [task("A"), task("B", "", "A"), task("C", "", "B")]
    assert {"A": ["B", "C"]} == skipped_because(board(tasks, result("A", TaskStatus.FAILED)))


def test_the_timeline_shows_when_each_task_ran() -> None:
    """Forty columns are the whole run; failed attempts look otherwise (S2-81U)."""
    bars = [line for line in draw(done()).splitlines() if "│" in line]
    assert "T-02 │           ▒▒▒▒▒▒   ██████████          │ 2.5s" == bars[1]
    assert {40} == {len(line.split("│")[1]) for line in bars}
    assert all("█" in line for line in bars)


def test_the_appendix_links_every_result() -> None:
    """From the merged answers there is a way to each file (S2-81U)."""
    text = draw(done())
    for i in range(1, 6):
        assert f"[result](results/agent-0{i}-result.md)" in tables(text)[-1][i]


def test_the_appendix_counts_every_attempt() -> None:
    """As the timeline and the sum of task times do: in one document a task has one duration."""
    assert "2.5s" == tables(draw(done()))[-1][2][2]


def test_the_appendix_links_no_log_that_nobody_wrote() -> None:
    """A person who has a task in hand, or blocked it, has printed nothing; how long it takes counts all the same."""
    by_hand = attempt(1, "running", 0)._replace(run="", agent="ann")
    held = by_hand._replace(status="interrupted", ended=BEGIN + 1, duration=1.0)
    drawn = board(
        [task("T-01"), task("T-02")],
        result("T-01", TaskStatus.RUNNING, by_hand),
        result("T-02", TaskStatus.BLOCKED, held),
    )
    text = draw(drawn)
    assert "](logs/" not in text
    assert ["6.5s", "1.0s"] == [row[2] for row in tables(text)[-1][1:]]


_MISSING = ["- T-02 · ", "- ⏭️ Skipped because of T-02: ", "- ⏸️ Not finished: T-0"]


def test_concat_is_the_answers_and_a_line_above() -> None:
    """Who wants only the answers gets only the answers, and is told what is missing, and why."""
    text = draw(done(), strategy="concat")
    assert "5 of 5 tasks completed in 6.5s." in text
    assert ["# Final Output: Task Plan", "## T-01 · Scan", "### Findings"] == headings(text)[:3]
    assert [] == tables(text)
    assert "missing" not in text
    short = draw(midway(*[HOSTILE] * 5, reason=HOSTILE), strategy="concat")
    assert "incomplete" in short
    missing = short.partition("## What is missing\n\n")[2].splitlines()
    assert [line[: len(start)] for line, start in zip(missing, _MISSING, strict=True)] == _MISSING
    assert "exit 2" in draw(midway(), strategy="concat")


def test_concat_gives_no_time_for_what_several_runs_did() -> None:
    """The last run took that long, and not the tasks."""
    text = draw(done(), strategy="concat", started=BEGIN + 5)
    assert "5 of 5 tasks completed.\n" in text


def test_nothing_in_a_plan_is_obeyed() -> None:
    """Names, requests, goals, titles and reasons add no heading, no cell, no comment, and are no templates."""
    drawn = midway(*[HOSTILE] * 5, reason=HOSTILE)
    hostile = board(drawn.plan.tasks.values(), *drawn.results.values(), title=HOSTILE, request=HOSTILE, goal=HOSTILE)
    text = draw(hostile, answers={"T-01": "{{ 7*7 }} of {% if %}"})
    plain = [each[:8] for each in headings(draw(board(five(), *drawn.results.values(), goal="g"), answers={}))]
    quoted = "## H #quot; %% ;end\\"
    assert plain == [each[:8] for each in headings(text) if each != quoted]
    assert "\n{{ 7*7 }} of {% if %}\n" in text
    for evil in ("<!--", "<b>", "\x1b"):
        assert evil not in text
    assert {2, 5} == {len(row) for table in tables(text) for row in table}


def test_places_that_were_left_for_somebody_are_left_out() -> None:
    """As ``init`` writes them; what somebody has written beside them stays, brackets and all."""
    left = "**Primary Goal**: [Final result to achieve]\n**Success Criteria**: [How to determine completion]"
    empty = draw(board([task("T-01")], request="[The request, in the words of whoever made it]", goal=left))
    assert "## Original Request" not in empty
    assert "## Goal" not in empty
    told = draw(board([task("T-01")], request="[a] or [b]", goal=f"**Primary Goal**: x\n{left}"))
    assert "> [a] or [b]\n" in told
    assert "> **Primary Goal**: x\n\n## Summary" in told


def test_a_task_without_an_answer_says_so() -> None:
    """An empty section would look like a mistake of ours."""
    assert 5 == draw(done(), answers={}).count("\n(no output)\n")


def test_a_large_plan_has_a_short_timeline() -> None:
    """Of a thousand bars the sixty longest are shown."""
    text = draw(large(1000), seconds=1000.0)
    assert 60 == sum("│" in line for line in text.splitlines())
    assert "(the 60 longest of 500 tasks)" in text
