"""What one answer says about the whole account: usage limits, and whether anybody is logged in."""

from __future__ import annotations

import json
import signal
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

import pytest

from tests.acceptance.orchestrate import Answer
from tests.acceptance.plans import answer_of, front_of, write_plan
from tests.executors.harness import wait_until
from tests.real_cli.api import five_hours
from tests.real_cli.stage import Stage

pytestmark = pytest.mark.real_cli

TASKS = ("T-01", "T-02", "T-03")


def limited(seconds: int, **more: object) -> dict[str, Any]:
    """The window is used up, and opens again in so many seconds."""
    return {"status": 429, "headers": five_hours("rejected", f"+{seconds}"), **more}


def history(stage: Stage, task: str) -> list[tuple[str, int]]:
    """How each attempt of a task ended, and the number that was charged for it."""
    return [(each["status"], each["charge"]) for each in front_of(stage.plan, task)["attempts"]]


def events(run: Answer, *kinds: str) -> list[str]:
    """The events of these kinds, in order."""
    return [event["event"] for event in run.events if event["event"] in kinds]


def test_after_a_usage_limit_one_goes_first(stage: Stage) -> None:
    """All meet it, none is charged for it; the others start only when the service has answered the first one."""
    stage.subscribe()
    gate = stage.where / "gate"
    limit, answer = limited(1, barrier="all:3"), {"text": "done", "wait_for": str(gate)}
    stage.answer({task: [[limit, answer]] for task in TASKS})
    write_plan(stage.plan, dict.fromkeys(TASKS, "work"), agent="claude", retries=0)
    run = stage.start_run("--max-parallel", "3")
    wait_until(lambda: len(stage.api.requests) > 3 or run.poll() is not None)
    # A second one would have been started long before the first has come so far.
    assert 1 == len(stage.workers())
    gate.touch()
    ended = stage.orchestrate.finish(run)
    assert 0 == ended.returncode
    assert [1, 2, 3] == [request.in_flight for request in stage.api.requests[:3]]
    assert 1 == stage.api.requests[3].in_flight
    told = [event for event, _ in groupby(events(ended, "run_held", "run_resumed", "task_started"))]
    first = ["task_started", "run_held", "task_started"]
    assert [*first, "run_resumed", "task_started"] == told
    assert [[("held", 1), ("completed", 1)]] * 3 == [history(stage, task) for task in TASKS]


def test_a_hold_outlives_the_run(stage: Stage) -> None:
    """The next one waits for the same moment, and has as many attempts as before."""
    stage.subscribe()
    stage.answer({"T-01": [[limited(2), {"text": "one"}]], "T-02": [{"text": "two"}]})
    write_plan(stage.plan, {"T-01": "first", "T-02": "second"}, agent="claude", retries=0)
    run = stage.start_run("--max-parallel", "1")
    journal = stage.plan / "journal.md"

    def is_held() -> bool:
        return journal.exists() and "run · held" in journal.read_text(encoding="utf-8")

    wait_until(lambda: is_held() or run.poll() is not None)
    run.send_signal(signal.SIGTERM)
    assert 143 == stage.orchestrate.finish(run).returncode
    assert {} == stage.api.processes()

    again = stage.run("--max-parallel", "1")
    assert 0 == again.returncode
    assert ["run_resumed"] == events(again, "run_resumed")
    held, done = front_of(stage.plan, "T-01")["attempts"]
    opens, start = (datetime.fromisoformat(each) for each in (held["until"], done["start"]))
    assert start >= opens
    assert [("held", 1), ("completed", 1)] == history(stage, "T-01")
    assert ("one", "two") == (answer_of(stage.plan, "T-01"), answer_of(stage.plan, "T-02"))


def test_close_to_its_limit_an_account_has_one_task_at_a_time(stage: Stage) -> None:
    """The first answer warns; afterwards the others are not begun together, though they could be."""
    stage.subscribe()
    headers = five_hours("allowed_warning", "+3600", 0.95)
    stage.answer({task: [{"text": "done", "headers": headers}] for task in TASKS})
    plan = {"T-01": "warn", "T-02": ("work", "T-01"), "T-03": ("work", "T-01")}
    write_plan(stage.plan, plan, agent="claude")
    assert 0 == stage.run("--max-parallel", "3").returncode
    records = [json.loads(path.read_bytes()) for path in stage.plan.glob("logs/*.json")]
    lives = sorted((each["started"], each["ended"]) for each in records)
    assert 3 == len(lives)
    assert all(ended <= started for (_, ended), (started, _) in pairwise(lives))


@pytest.mark.parametrize(
    ("key", "requests", "said"),
    [("made-up", 1, "this key may not"), ("", 0, "Not logged in")],
    ids=["refused", "missing"],
)
def test_without_a_key_nobody_else_tries(key: str, requests: int, said: str, stage: Stage) -> None:
    """One task meets it, and it is no fault of the task's."""
    refused = [{"status": 403, "message": "this key may not"}]
    stage.answer({"T-01": refused, "T-02": refused})
    write_plan(stage.plan, {"T-01": "first", "T-02": "second"}, agent="claude")
    run = stage.run("--max-parallel", "1", env={"ANTHROPIC_API_KEY": key})
    assert 4 == run.returncode
    assert said in run.stdout
    assert requests == len(stage.api.requests)
    assert [("held", 1)] == history(stage, "T-01")
