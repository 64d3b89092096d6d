"""The report: the figures it is given, and texts that stay in their cells."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.text import one_line
from orchestrator.core.usage import Booking, Figures, figures
from orchestrator.views.report import metrics_text, report_csv, report_markdown, report_text, summary
from tests.views.example import BEGIN, HOSTILE, tables

DAY = 86400


def booking(number: int, status: str, days: float, **more: object) -> Booking:
    facts = {
        "plan": ".", "task": f"T-0{number}", "name": "Look", "agent": "claude", "assignee": "",
        "status": status, "started": BEGIN + days * DAY, "ended": BEGIN + days * DAY + 60,
        "seconds": 60.0, "cost": 0.25, "attempt": 1,
    }  # fmt: skip
    return Booking(**{**facts, **more})  # type: ignore[arg-type]


def told(*booked: Booking) -> Figures:
    return figures(booked, [BEGIN], since=BEGIN, until=BEGIN + 7 * DAY)


def test_what_it_says() -> None:
    """Days in UTC, one line for each group; unknown costs beside known ones."""
    found = told(
        booking(1, "completed", 0),
        booking(2, "fatal", 1, is_last_word=True, cost=None, is_unsettled=True),
        booking(1, "completed", 1, plan="TASK-001", attempt=2, assignee="ann"),
    )
    line = "2 tasks completed, 1 failed, 1 added · 3 attempts · 3m00s of work · "
    assert f"{line}$0.5000 and 1 attempt of unknown cost" == summary(found)
    days, agents, assignees, longest = tables(report_markdown(found))
    assert [
        ["2026-01-05", "1", "0", "1", "1", "1m00s", "$0.2500"],
        ["2026-01-06", "1", "1", "0", "2", "2m00s", "$0.2500 + 1 unknown"],
    ] == days[1:]
    assert ["claude", "3", "2", "1", "67%", "1m00s", "3m00s", "$0.5000 + 1 unknown"] == agents[1]
    assert "ann" == assignees[1][0]
    assert ["T-01", "T-02", "TASK-001/T-01"] == [row[0] for row in longest[1:]]
    assert "claude  3         2          1       67%" in metrics_text(found.agents)


def test_nothing_was_done() -> None:
    """It says so, in every form."""
    found = figures([], [], since=BEGIN, until=BEGIN)
    nothing = "0 tasks completed, 0 failed, 0 added · 0 attempts · 0.0s of work"
    assert f"2026-01-05 14:00Z to 2026-01-05 14:00Z\n{nothing}\n" == report_text(found)
    assert report_markdown(found).endswith(f"{nothing}\n")
    assert 1 == len(report_csv([]).splitlines())
    assert 1 == len(metrics_text({}).splitlines())


@given(st.text())
@example(HOSTILE)
@example("=1+1 | x\n\n# y")
@example("claude")
def test_texts_stay_in_their_cells(text: str) -> None:
    """Whatever agents, people and tasks are called."""
    booked = [
        booking(1, "completed", 0, name=text, agent=text, assignee=text or "x", task=text),
        booking(2, "failed", 1),
    ]
    found = told(*booked)
    document = report_markdown(found)
    assert all(len(row) == len(table[0]) for table in tables(document) for row in table)
    assert 4 == len(tables(document))
    # Named like the other one's agent it would share that one's line.
    agent = "a" if text != booked[1].agent else text
    calm = booked[0]._replace(name="n", agent=agent, assignee="x", task="t")
    lines = [report_text(told(each, booked[1])).count("\n") for each in (booked[0], calm)]
    assert lines[0] == lines[1]
    rows = list(csv.reader(io.StringIO(report_csv(booked), newline="")))
    assert [11, 11, 11] == [len(row) for row in rows]
    assert rows[1][2] in {one_line(text, 1000), f"'{one_line(text, 1000)}"}
