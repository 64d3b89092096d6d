"""What becomes of a task when the real CLI has no plain answer: money, timers, permissions."""

from __future__ import annotations

import json

import pytest

from orchestrator.wiring import own_program
from tests.acceptance.plans import answer_of, front_of, result_of, write_plan, write_task
from tests.real_cli.stage import Stage

pytestmark = pytest.mark.real_cli

#: By the price list of the CLI, a third of a dollar.
DEAR = {"text": "a dear answer", "usage": {"input_tokens": 80_000}}
MODEL = "claude-opus-5-5"


def sessions(stage: Stage) -> list[str]:
    """The sessions that asked the model, each once, in the order of their first request."""
    return list(dict.fromkeys(request.session for request in stage.api.requests))


# ── money ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_starts_nothing_that_its_budget_cannot_take(stage: Stage) -> None:
    tasks = ["T-01", "T-02", "T-03"]
    stage.answer({task: [DEAR] for task in tasks})
    plan = dict.fromkeys(tasks, "spend")
    write_plan(stage.plan, plan, agent="claude", model=MODEL, budget_usd=0.7)
    assert 4 == stage.run("--max-parallel", "1").returncode
    assert 2 == len(sessions(stage))
    assert not (stage.plan / "results/agent-03-result.md").exists()


# ── time ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_that_hangs_is_ended_and_goes_on(stage: Stage) -> None:
    """Before it answers, or in the middle: the next attempt resumes it, so nothing is paid for twice."""
    done = {"text": "done after all"}
    silent, stalled = {"hang": "headers"}, {"text": "half of it", "hang": "body"}
    stage.answer({"T-01": [[silent, done]], "T-02": [[stalled, done]]})
    write_plan(stage.plan, {"T-01": "work", "T-02": "work"}, agent="claude", retries=3)
    write_task(stage.plan, "T-01", "work", timeout="5s")
    write_task(stage.plan, "T-02", "work", idle_timeout="5s")
    assert 0 == stage.run().returncode
    for task, reason in (("T-01", "timed out"), ("T-02", "no sign of life")):
        assert "done after all" == answer_of(stage.plan, task)
        assert reason in front_of(stage.plan, task)["attempts"][0]["reason"]
        assert 1 == len({request.session for request in stage.asked(task)})
        last = front_of(stage.plan, task)["attempts"][-1]
        assert pytest.approx(last["cost"]) == sum(last["models"].values())
    assert {} == stage.api.processes()


def test_an_answer_that_takes_long_to_write_is_a_sign_of_life(stage: Stage) -> None:
    """The CLI shows an answer when it is whole, unless it is asked for its parts: those are no part of the answer."""
    words = "one two three four five six seven eight nine"
    stage.answer({"T-01": [{"text": words, "delay": 1}]})
    write_plan(stage.plan, {"T-01": "write"}, agent="claude", retries=0, idle_timeout="6s")
    run = stage.run()
    assert 0 == run.returncode, run.stdout
    assert words == answer_of(stage.plan, "T-01")
    said = stage.call("history", "T-01", "--full").stdout
    assert 1 == said.count(f"claude: {words}\n")
    assert "stream_event" not in said


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


def test_a_message_that_the_shell_would_read_is_told_of_and_costs_nothing(stage: Stage) -> None:
    """What the prompt shows goes through; in double quotes the same words are denied."""
    call = own_program(stage.orchestrate.environment)
    words = ('"Run `npm test` for $5"', "'Run `npm test` for $5'")
    tools = [{"tool": "Bash", "input": {"command": f"{call} share T-01 {each}"}} for each in words]
    stage.answer({"T-01": [*tools, {"text": "a good answer"}]})
    write_plan(stage.plan, {"T-01": "tell"}, agent="claude", retries=0)
    run = stage.run()
    assert 0 == run.returncode, run.stdout
    assert ["Run `npm test` for $5"] == [each["text"] for each in run.events if each["event"] == "share"]
    assert f"- `` share T-01 {words[0]} ``\n" in result_of(stage.plan, "T-01")
