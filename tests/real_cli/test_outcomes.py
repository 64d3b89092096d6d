"""What becomes of a task when the real CLI has no plain answer: limits, money, timers, schemas, permissions."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.acceptance.plans import answer_of, front_of, result_of, write_plan
from tests.real_cli.api import five_hours
from tests.real_cli.stage import Stage

pytestmark = [pytest.mark.real_cli, pytest.mark.slow]

SCHEMA = "{type: object, properties: {n: {type: integer}}, required: [n]}"
#: By the price list of the CLI, a third of a dollar.
DEAR = {"text": "a dear answer", "usage": {"input_tokens": 80_000}}
MODEL = "claude-opus-5-5"


def sessions(stage: Stage) -> list[str]:
    """The sessions that asked the model, each once, in the order of their first request."""
    return list(dict.fromkeys(request.session for request in stage.api.requests))


# ── the account ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_usage_limit_holds_the_run_until_it_is_over(stage: Stage) -> None:
    """No attempt is lost: without any retries, both tasks are done in the end."""
    stage.subscribe()
    reset = time.time() + 5
    limit = {"status": 429, "headers": five_hours("rejected", reset)}
    stage.answer({"T-01": [[limit, {"text": "one"}]], "T-02": [{"text": "two"}]})
    write_plan(stage.plan, {"T-01": "first", "T-02": "second"}, agent="claude", retries=0)
    run = stage.run("--max-parallel", "1")
    assert 0 == run.returncode
    assert time.time() >= int(reset)
    kinds = [event["event"] for event in run.events]
    assert kinds.index("run_held") < kinds.index("run_resumed") < kinds.index("task_completed")
    assert ("one", "two") == (answer_of(stage.plan, "T-01"), answer_of(stage.plan, "T-02"))


def test_a_refused_key_stops_everything(stage: Stage) -> None:
    """One task meets it, nobody else tries, and it is no fault of the task's."""
    refused = [{"status": 403, "message": "this key may not"}]
    stage.answer({"T-01": refused, "T-02": refused})
    write_plan(stage.plan, {"T-01": "first", "T-02": "second"}, agent="claude")
    run = stage.run("--max-parallel", "1")
    assert 4 == run.returncode
    assert "this key may not" in run.stdout + run.stderr
    assert 1 == len(stage.api.requests)


# ── money ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_starts_nothing_that_its_budget_cannot_take(stage: Stage) -> None:
    tasks = ["T-01", "T-02", "T-03"]
    stage.answer({task: [DEAR] for task in tasks})
    plan = dict.fromkeys(tasks, "spend")
    write_plan(stage.plan, plan, agent="claude", model=MODEL, budget_usd=0.7)
    assert 4 == stage.run("--max-parallel", "1").returncode
    assert 2 == len(sessions(stage))
    assert not (stage.plan / "results/agent-03-result.md").exists()


def test_a_task_that_spends_its_budget_is_not_repeated_as_it_is(stage: Stage) -> None:
    stage.answer({"T-01": [DEAR]})
    write_plan(stage.plan, {"T-01": "spend"}, agent="claude", model=MODEL, task_budget_usd=0.1)
    assert 1 == stage.run("--retries", "2").returncode
    assert 1 == len(sessions(stage))
    assert "budget" in front_of(stage.plan, "T-01")["attempts"][0]["reason"]


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("timer", "reply"),
    [("timeout", {"hang": "headers"}), ("idle_timeout", {"text": "half of it", "hang": "body"})],
)
def test_a_session_that_hangs_is_ended_and_goes_on(
    timer: str, reply: dict[str, Any], stage: Stage
) -> None:
    """The next attempt resumes it, so what was found out is not paid for twice."""
    stage.answer({"T-01": [[reply, {"text": "done after all"}]]})
    write_plan(stage.plan, {"T-01": "work"}, agent="claude", retries=3, **{timer: "3s"})
    assert 0 == stage.run().returncode
    assert "done after all" == answer_of(stage.plan, "T-01")
    assert 1 == len(sessions(stage))
    assert {} == stage.api.processes()


# ── schema ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_with_a_schema_answers_in_json(stage: Stage) -> None:
    stage.answer({"T-01": [{"tool": "StructuredOutput", "input": {"n": 3}}]})
    write_plan(stage.plan, {"T-01": "count"}, agent="claude", schema=SCHEMA)
    assert 0 == stage.run().returncode
    assert {"n": 3} == json.loads(answer_of(stage.plan, "T-01"))


@pytest.mark.parametrize(
    "reply",
    [{"text": "three"}, {"tool": "StructuredOutput", "input": {"n": "three"}}],
    ids=["missing", "bad"],
)
def test_an_answer_that_does_not_meet_its_schema_fails(reply: dict[str, Any], stage: Stage) -> None:
    """Also when the CLI calls it a success."""
    stage.answer({"T-01": [reply]})
    write_plan(stage.plan, {"T-01": "count"}, agent="claude", schema=SCHEMA, retries=0)
    assert 1 == stage.run().returncode
    assert "failed" == front_of(stage.plan, "T-01")["status"]


# ── permissions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_rule_that_a_denial_names_lets_it_through(stage: Stage) -> None:
    bash = {"tool": "Bash", "input": {"command": "python3 -c 1", "description": "try"}}
    stage.answer({"T-01": [bash, {"text": "as far as I could"}]})
    write_plan(stage.plan, {"T-01": "try"}, agent="claude", retries=0)
    assert 1 == stage.run().returncode
    rule = result_of(stage.plan, "T-01").partition("- `Bash(")[2].partition("`")[0]
    rules = json.dumps([f"Bash({rule}"])
    write_plan(stage.plan, {"T-01": "try"}, agent="claude", retries=0, allowed_tools=rules)
    assert 0 == stage.run().returncode
    assert "as far as I could" == answer_of(stage.plan, "T-01")
