"""A run in a few lines, whatever its size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.brief import Brief, Phase
from orchestrator.core.event import News, read_line
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.runner.events import Event, Kind
from orchestrator.views.brief import LIMIT, brief_text, ending, facts, next_command
from orchestrator.views.status import status_text
from tests.views.example import BEGIN, HOSTILE, attempt, board, done, large, midway, result, task

IDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True)
KINDS = [kind for kind in Kind if kind.value.startswith("task_")]
STATUSES = [TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.COMPLETED]
STARTED = f"{BEGIN} · run · started · run 52b90d1badd8 · 5 of 5 tasks to run"


def line(kind: Kind, task_id: str, **more: Any) -> str:
    return Event(kind=kind, time=BEGIN, task=task_id, **more).line()


def brief(board: PlanSnapshot, lines: Sequence[str] = (), phase: Phase = Phase.WORKING, about: str = "") -> Brief:
    news = News()
    news.take(lines)
    about_run = [STARTED, *filter(None, [about])]
    return Brief(
        board=board,
        news=news,
        phase=phase,
        about_run=list(filter(None, map(read_line, about_run))),
        run="52b90d1badd8",
        since=BEGIN,
    )


def text(told: Brief, directory: str = "", now: float = BEGIN + 9) -> str:
    step = next_command(told, directory, ".orchestrator/final_output.md")
    return brief_text(told, now=now, next_step=step, cursor="4711.9f3ac2d1")


def as_json(told: Brief) -> str:
    step = next_command(told, "", ".orchestrator/final_output.md")
    about = facts(told, now=BEGIN, next_step=step, cursor="4711.9f3ac2d1")
    return json.dumps(about, ensure_ascii=False)


def test_a_bite_says_what_is_new_what_runs_and_what_to_do() -> None:
    """The whole of one, as its reader gets it."""
    lines = [
        line(Kind.TASK_COMPLETED, "T-01", attempt=1, duration=1.8),
        line(Kind.TASK_RETRYING, "T-03", attempt=1, retry_in=2.0, text="timed out"),
        line(Kind.TASK_FAILED, "T-02", attempt=2, text="exit 2"),
        line(Kind.TASK_SKIPPED, "T-05", text="T-02 failed"),
    ]
    assert [
        (
            "run 52b90d1badd8 🔵 at work for 9.0s · Completed 1/5 · Running 1 · Failed 1 · Skipped 1 · Pending 1"
            " · next: orchestrator show T-02"
        ),
        "❌ T-02 Quality · exit 2",
        "🔵 running: T-03 (7.2s)",
        "✅ completed: T-01",
        "🔄 retrying: T-03",
        "⏭️ skipped: T-05",
        "next: orchestrator show T-02",
        "cursor: 4711.9f3ac2d1",
    ] == text(brief(midway(), lines)).splitlines()


def test_what_was_done_beside_the_plan_is_in_the_sum() -> None:
    """As ``status`` has it: planning and merging cost, too."""
    drawn = midway()
    paid = attempt(1, "completed", 0, 1)._replace(cost=2.5, session="s")
    drawn.beside = [result("_plan", TaskStatus.COMPLETED, paid)]
    told = brief(drawn)
    assert " · $2.50 · next: " in text(told)
    assert 2.5 == facts(told, now=BEGIN, next_step="", cursor="")["cost_usd"]
    assert "Cost: $2.50\n" in status_text(drawn, now=BEGIN)


@pytest.mark.parametrize(
    ("phase", "about", "first", "last"),
    [
        (Phase.ENDED, "ended · after 9s", "✅ ended", "read .orchestrator/final_output.md"),
        (Phase.DIED, "", "❌ died", "orchestrator run --detach"),
        (Phase.WORKING, "stopping · SIGTERM", "🔵 at work", "orchestrator wait"),
        (Phase.HELD, "held · usage limit, until 14:00", "⏸️ held (usage limit, until 14:00) for", "orchestrator wait"),
    ],
)
def test_the_newest_word_about_the_run_stands_below_its_state(phase: Phase, about: str, first: str, last: str) -> None:
    """That it is held and until when, that it stops, how it ended."""
    told = text(brief(done(), phase=phase, about=f"{BEGIN} · run · {about}" if about else ""))
    lines = told.splitlines()
    assert first in lines[0]
    assert lines[0].endswith(f" · next: {last}")
    assert [about] * bool(about) == lines[1:-2]
    assert f"next: {last}" == lines[-2]


@pytest.mark.parametrize("phase", [Phase.ENDED, Phase.STOPPED])
def test_what_held_a_run_to_its_end_is_told_beside_it(phase: Phase) -> None:
    """The exit status says that something does; whoever waits wants to know what, and until when."""
    words = ["unaffordable · $0.40 is left", "ended · after 9s"]
    read = [read_line(f"{BEGIN} · run · {each}") for each in words]
    told = brief(midway(), phase=phase)
    told = told._replace(about_run=[*told.about_run, *filter(None, read)])
    first, *lines = text(told).splitlines()
    assert (True, words) == (f"{phase.value}, held ($0.40 is left)" in first, lines[:2])
    shown = facts(told, now=BEGIN, next_step="", cursor="")
    assert ("$0.40 is left", "after 9s") == (shown["held"], shown["word"])
    assert "" == facts(brief(midway()), now=BEGIN, next_step="", cursor="")["held"]


def test_results_that_do_not_count_are_told_with_why() -> None:
    """Where a task that was done shows as pending, nothing else would say so."""
    drawn = board([task(f"T-0{each}") for each in range(5)])
    drawn.doubts = {each: f"results/{each}.md is damaged" for each in drawn.plan.tasks}
    told = brief(drawn, phase=Phase.ENDED)
    assert [
        "⚠️ T-00 · results/T-00.md is damaged",
        "⚠️ T-01 · results/T-01.md is damaged",
        "⚠️ T-02 · results/T-02.md is damaged",
        "⚠️ and 2 more results that do not count",
    ] == text(told).splitlines()[1:-2]
    shown = facts(told, now=BEGIN, next_step="", cursor="")["not_counted"]
    assert (5, "T-00 · results/T-00.md is damaged") == (shown["count"], shown["first"][0])


@pytest.mark.parametrize(
    ("expected", "phase", "about"),
    [
        ("", Phase.ENDED, "ended · after 9s"),
        ("", Phase.ENDED, "resumed · no longer held"),
        ("ended: $0.40 is left", Phase.ENDED, "unaffordable · $0.40 is left"),
        ("🛑 stopped: SIGTERM", Phase.STOPPED, "stopping · SIGTERM: stopping 1 agent; once more"),
        ("❌ died", Phase.DIED, ""),
        ("❌ died: after 9s; disk full", Phase.DIED, "ended · after 9s; disk full"),
    ],
)
def test_only_an_end_that_the_tasks_do_not_show_is_told(expected: str, phase: Phase, about: str) -> None:
    """``status`` has a line for it, and none after a run that did what it could."""
    told = brief(midway(), phase=phase, about=f"{BEGIN} · run · {about}" if about else "")
    assert (f"Last run 52b90d1badd8 {expected}" if expected else "") == ending(told)
    assert "" == ending(brief(done(), phase=Phase.ENDED, about=f"{BEGIN} · run · held · x"))


def test_a_kind_that_nobody_knows_here_is_passed_on() -> None:
    """What the journal learns to say is said, before anybody teaches this view."""
    told = text(brief(midway(), [f"{BEGIN} · T-04 · postponed · until noon"]))
    assert "· postponed: T-04" in told.splitlines()


def test_the_next_step_names_the_directory_as_the_caller_did() -> None:
    """It can be called as it stands."""
    failed = [line(Kind.TASK_FAILED, "T-02", attempt=1)]
    assert "orchestrator wait 'my plan'" in text(brief(midway()), "my plan")
    assert "orchestrator show T-02 --dir 'my plan'" in text(brief(midway(), failed), "my plan")
    died = brief(midway(), phase=Phase.DIED)
    assert "orchestrator run 'my plan' --detach" in text(died, "my plan")


def test_a_large_plan_says_how_many_more() -> None:
    """Ten thousand tasks, all news at once."""
    drawn = large(10_000)
    kinds = {TaskStatus.COMPLETED: Kind.TASK_COMPLETED, TaskStatus.FAILED: Kind.TASK_FAILED}
    lines = [
        line(kinds[status], task_id, attempt=1, text=HOSTILE)
        for task_id in drawn.plan.tasks
        if (status := drawn.status(task_id)) in kinds
    ]
    lines += [line(Kind.WARNING, f"T-{i}", text=HOSTILE) for i in range(500)]
    told = brief(drawn, lines)
    assert len(text(told)) <= LIMIT
    assert "❌ and 247 more failed" in text(told)
    assert "⚠️ and 497 more warnings" in text(told)
    assert "completed: T-0, T-1, " in text(told)
    assert 4750 == facts(told, now=BEGIN, next_step="", cursor="")["news"]["completed"]["count"]


@st.composite
def briefs(draw: st.DrawFn) -> Brief:
    """Anything that a plan, its agents and whoever writes into the journal could make of it."""
    ids = draw(st.lists(IDS, max_size=60, unique_by=str.lower))
    words = st.one_of(st.text(max_size=400), st.just(HOSTILE * 20), st.just("🦊" * 500))
    results = [
        result(task_id, status, attempt(1, status.value, 0.0, reason=draw(words)))
        for task_id in ids
        if (status := draw(st.sampled_from(STATUSES)))
    ]
    drawn = board([task(task_id, draw(words)) for task_id in ids], *results)
    drawn.doubts = {f"{task_id}+"[:64]: draw(words) for task_id in ids[:9]}
    said = st.builds(
        line, st.sampled_from([*KINDS, Kind.WARNING]), st.sampled_from(ids or ["T-01"]),
        attempt=st.integers(0, 9), text=words,
    )  # fmt: skip
    scribbled = st.builds("{0} · {0} · {1} · {2}".format, st.text(max_size=9), IDS, words)
    lines = draw(st.lists(st.one_of(said, scribbled), max_size=80))
    about = Event(kind=Kind.RUN_STOPPING, time=BEGIN, text=draw(words)).line()
    return brief(drawn, lines, draw(st.sampled_from(Phase)), draw(st.sampled_from([about, ""])))


@given(briefs())
def test_it_stays_within_its_bounds(told: Brief) -> None:
    """1,600 characters at most, the next step and the cursor always among them, nothing that steers a terminal."""
    shown = text(told, "d" * 400)
    assert len(shown) <= LIMIT
    assert "next: " == shown.splitlines()[-2][:6]
    assert "cursor: 4711.9f3ac2d1" == shown.splitlines()[-1]
    assert not {"\x1b", "\x9b", "\u202e"} & set(shown)
    assert len(as_json(told)) <= 2 * LIMIT
