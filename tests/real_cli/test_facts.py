"""What the real CLI does: the facts that the claude agent relies on, each on its own, without the orchestrator.

A new version of the CLI that breaks one of these breaks the agent too.
"""

from __future__ import annotations

import json
import signal
import uuid
from pathlib import Path

import pytest

from tests.executors.harness import wait_until
from tests.real_cli.api import five_hours
from tests.real_cli.stage import Stage

pytestmark = pytest.mark.real_cli

SCHEMA = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
#: When a window opens again: in the year 2100.
RESET = 4_102_444_800


def bash(command: str) -> dict[str, object]:
    return {"tool": "Bash", "input": {"command": command, "description": "as asked"}}


# ── exit 0 ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_done_task_is_a_success_and_asks_nobody_else(stage: Stage) -> None:
    """One request for each turn of the model; no telemetry, no updates, no side calls."""
    path = stage.where / "written.txt"
    write = {"tool": "Write", "input": {"file_path": str(path), "content": "in there"}}
    stage.api.script({"write it": [write, {"text": "written"}]})
    ended = stage.claude("write it", "--permission-mode=acceptEdits")
    assert (0, "success", False, "written", 2, "completed") == ended.outcome("result", "num_turns", "terminal_reason")
    assert "in there" == path.read_text()
    assert [] == ended.result["permission_denials"]
    assert [0, 1] == [request.step for request in stage.api.requests]
    assert [] == stage.api.other_requests
    assert {} == stage.api.processes()


def test_a_denied_permission_is_called_a_success(stage: Stage) -> None:
    """Only ``permission_denials`` tells that the model was not let do what it was asked for."""
    write = {"tool": "Write", "input": {"file_path": str(stage.where / "a"), "content": "b"}}
    stage.api.script({"write it": [write, {"text": "I was not allowed to"}]})
    ended = stage.claude("write it")
    assert (0, "success", False) == ended.outcome()
    (denial,) = ended.result["permission_denials"]
    assert ("Write", write["input"]) == (denial["tool_name"], denial["tool_input"])
    assert 1 == len(ended.of_type("system", "permission_denied"))
    assert not (stage.where / "a").exists()


def test_an_allow_rule_lets_just_that_command_through(stage: Stage) -> None:
    """``--allowedTools`` takes commands by their beginning; a chain of commands is not covered by its first."""
    stage.api.script({"go on": [bash("env true"), bash("env true && mkdir made"), {"text": "went on"}]})
    ended = stage.claude("go on", "--allowedTools=Bash(env true)")
    denied = [each["tool_input"]["command"] for each in ended.result["permission_denials"]]
    assert ["env true && mkdir made"] == denied
    assert not (stage.where / "made").exists()


def test_bypassed_permissions_as_root_need_a_sandbox(stage: Stage) -> None:
    """The one test that says it is in one."""
    stage.api.script({"leave": [bash("touch ../outside"), {"text": "left"}]})
    ended = stage.claude("leave", "--dangerously-skip-permissions", env={"IS_SANDBOX": "1"})
    assert (0, "success", False, []) == ended.outcome("permission_denials")
    assert stage.where.with_name("outside").exists()


def test_a_met_schema_gives_structured_output(stage: Stage) -> None:
    stage.api.script({"count": [{"tool": "StructuredOutput", "input": {"n": 3}}, {"text": "fin"}]})
    ended = stage.claude("count", f"--json-schema={SCHEMA}")
    assert (0, "success", False, {"n": 3}) == ended.outcome("structured_output")
    assert {"n": 3} == json.loads(ended.result["result"])


def test_a_schema_answered_in_prose_is_called_a_success(stage: Stage) -> None:
    """There is no ``structured_output``, and nothing else tells."""
    stage.api.script({"count": [{"text": "three"}]})
    ended = stage.claude("count", f"--json-schema={SCHEMA}")
    assert (0, "success", False, None) == ended.outcome("structured_output")


def test_a_slash_command_is_swallowed(stage: Stage) -> None:
    """Nobody is asked; ``num_turns`` of 0 tells. A prompt of ours never starts with a slash."""
    stage.api.script({"": [{"text": "asked"}]})
    ended = stage.claude("/clear")
    assert (0, "success", False, 0) == ended.outcome("num_turns")
    assert [] == stage.api.requests


def test_an_empty_answer_is_called_a_success(stage: Stage) -> None:
    """After the model has been asked to go on once."""
    stage.api.script({"say something": [{"text": ""}]})
    assert (0, "success", False, "") == stage.claude("say something").outcome("result")
    assert 2 == len(stage.api.requests)


def test_an_overloaded_model_falls_back(stage: Stage) -> None:
    """The third 529 in a row makes it ask the other model; with fewer than two retries it would not come to that."""
    stage.api.script({"try": [[*[{"status": 529}] * 3, {"text": "from the other"}]]})
    env = {"CLAUDE_CODE_MAX_RETRIES": "3"}
    ended = stage.claude("try", "--model=opus", "--fallback-model=sonnet", env=env)
    assert (0, "success", False, "from the other") == ended.outcome("result")
    first, second, third, last = (request.body["model"] for request in stage.api.requests)
    assert first == second == third
    assert ("opus" in first, "sonnet" in last) == (True, True)


def test_a_stream_that_breaks_off_is_asked_for_again(stage: Stage) -> None:
    broken = {"text": "half of it is", "hang": "cut"}
    stage.api.script({"tell": [[broken, {"text": "all of it"}]]})
    ended = stage.claude("tell")
    assert (0, "success", False, "all of it") == ended.outcome("result")


# ── exit 1 ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_api_error_is_a_success_that_is_an_error(stage: Stage) -> None:
    """``is_error`` and ``api_error_status`` tell; without retries of the CLI's own it is over at once."""
    statuses = (401, 403, 429, 500, 529)
    reply = {"message": "in vain", "headers": {"retry-after": "3600"}}
    stage.api.script({f"try {status}": [{"status": status, **reply}] for status in statuses})
    calls = {status: stage.start_claude(f"try {status}") for status in statuses}
    for status, call in calls.items():
        ended = stage.finish(call)
        assert (1, "success", True, status, "api_error") == ended.outcome("api_error_status", "terminal_reason")
        assert "529" in ended.result["result"] or "in vain" in ended.result["result"]
        assert [] == ended.of_type("system", "api_retry")


def test_the_cli_retries_as_often_as_it_is_told(stage: Stage) -> None:
    """Each retry is an event; 401 is among what it retries."""
    stage.api.script({"try": [[{"status": 401}, {"text": "at last"}]]})
    ended = stage.claude("try", env={"CLAUDE_CODE_MAX_RETRIES": "1"})
    assert (0, "success", False, "at last") == ended.outcome("result")
    (retry,) = ended.of_type("system", "api_retry")
    assert (1, 1, 401) == (retry["attempt"], retry["max_retries"], retry["error_status"])


def test_a_used_up_subscription_says_when_it_goes_on(stage: Stage) -> None:
    """As an event with an epoch, for subscriptions only."""
    stage.subscribe()
    stage.api.script({"try": [{"status": 429, "headers": five_hours("rejected", str(RESET))}]})
    ended = stage.claude("try")
    assert (1, "success", True, 429, "usage_limit_reached") == ended.outcome("api_error_status", "api_error")
    (event,) = ended.of_type("rate_limit_event")
    known = [event["rate_limit_info"][name] for name in ("status", "resetsAt", "rateLimitType")]
    assert ["rejected", RESET, "five_hour"] == known


def test_a_subscription_warns_before_it_is_used_up(stage: Stage) -> None:
    stage.subscribe()
    warning = five_hours("allowed_warning", str(RESET), 0.95)
    stage.api.script({"try": [{"text": "fine", "headers": warning}]})
    ended = stage.claude("try")
    assert (0, "success", False, "fine") == ended.outcome("result")
    known = ended.of_type("rate_limit_event")[-1]["rate_limit_info"]
    assert ("allowed_warning", 0.95) == (known["status"], known["utilization"])


@pytest.mark.parametrize(
    ("stop_reason", "known_by"),
    [("refusal", {"stop_reason": "refusal"}), ("max_tokens", {"api_error": "max_output_tokens"})],
)
def test_an_answer_that_is_none_is_an_error(stop_reason: str, known_by: dict[str, str], stage: Stage) -> None:
    """A refusal, and an answer that does not fit however often it goes on."""
    stage.api.script({"tell": [{"text": "part", "stop_reason": stop_reason}]})
    ended = stage.claude("tell")
    assert (1, "success", True) == ended.outcome()
    assert known_by == {name: ended.result.get(name) for name in known_by}


def test_too_many_turns_end_without_an_answer(stage: Stage) -> None:
    stage.api.script({"go on": [bash("echo hi")]})
    ended = stage.claude("go on", "--max-turns=2")
    assert (1, "error_max_turns", True, None) == ended.outcome("result")
    assert ended.result["errors"]


def test_a_budget_is_looked_at_after_a_turn_and_discards_the_answer(stage: Stage) -> None:
    """What was spent is far more than what was allowed."""
    dear = {"text": "a finished answer", "usage": {"input_tokens": 100_000}}
    stage.api.script({"spend": [dear]})
    ended = stage.claude("spend", "--max-budget-usd=0.01")
    assert (1, "error_max_budget_usd", True, None) == ended.outcome("result")
    assert ended.result["total_cost_usd"] > 0.1


def test_a_schema_that_is_never_met_is_given_up(stage: Stage) -> None:
    stage.api.script({"count": [{"tool": "StructuredOutput", "input": {"n": "three"}}]})
    ended = stage.claude("count", f"--json-schema={SCHEMA}")
    assert (1, "error_max_structured_output_retries", True) == ended.outcome()


def test_a_flag_it_does_not_know_is_said_on_stderr_alone(stage: Stage) -> None:
    ended = stage.claude("try", "--no-such-flag")
    assert (1, "") == (ended.status, ended.stdout)
    assert ended.stderr.startswith("error: unknown option '--no-such-flag'")


# ── sessions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_session_goes_on_and_its_cost_adds_up(stage: Stage) -> None:
    """The cost of a resumed session is that of all its calls; its id can be given only once."""
    session = str(uuid.uuid4())
    stage.api.script({"": [{"text": "first"}, {"text": "second"}]})
    first = stage.claude("begin", f"--session-id={session}")
    assert "first" == first.result["result"]
    second = stage.claude("go on", f"--resume={session}")
    assert (session, "second") == (second.result["session_id"], second.result["result"])
    assert pytest.approx(2 * first.result["total_cost_usd"]) == second.result["total_cost_usd"]
    assert [session, session] == [request.session for request in stage.api.requests]
    assert "begin" in stage.api.requests[-1].text

    again = stage.claude("begin", f"--session-id={session}")
    assert (1, "") == (again.status, again.stdout)
    assert f"Session ID {session} is already in use" in again.stderr


def test_a_session_that_is_not_there_cannot_go_on(stage: Stage) -> None:
    ended = stage.claude("go on", f"--resume={uuid.uuid4()}")
    assert 1 == ended.status
    assert "No conversation found" in ended.stdout + ended.stderr


# ── signals ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_terminated_cli_ends_its_command_and_can_go_on_later(stage: Stage) -> None:
    """SIGTERM during a Bash command: no result, nothing left, and the session is still there."""
    began, session = stage.where / "began", str(uuid.uuid4())
    command = bash(f"touch {began} && sleep 1000")
    stage.api.script({"wait": [command], "go on": [{"text": "went on"}]})
    process = stage.start_claude(
        "wait", f"--session-id={session}", "--permission-mode=acceptEdits", "--allowedTools=Bash"
    )
    wait_until(began.exists)
    ended = stage.finish(process, signal.SIGTERM)
    assert (143, []) == (ended.status, ended.of_type("result"))
    wait_until(lambda: not stage.api.processes())
    assert "went on" == stage.claude("go on", f"--resume={session}").result["result"]


def test_an_interrupted_cli_exits_with_0(stage: Stage) -> None:
    """SIGINT while the model is thinking: the exit status alone would call it a success."""
    stage.api.script({"think": [{"hang": "headers"}]})
    process = stage.start_claude("think")
    wait_until(lambda: stage.api.requests)
    ended = stage.finish(process, signal.SIGINT)
    assert 0 == ended.status
    assert [] == [each for each in ended.of_type("result") if not each["is_error"]]


# ── prompts ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("disabled", "is_attached"), [(None, True), ("1", False)])
def test_a_file_named_with_an_at_is_attached_unless_told_otherwise(
    disabled: str | None, *, is_attached: bool, stage: Stage, tmp_path: Path
) -> None:
    """A prompt is made of what others wrote; a path in it must not make its file leave the machine."""
    (tmp_path / "secret.txt").write_text("the secret is 4711")
    stage.api.script({"look": [{"text": "looked"}]})
    env = {"CLAUDE_CODE_DISABLE_FILE_MENTIONS": disabled}
    stage.claude(f"look at @{tmp_path}/secret.txt", env=env)
    assert is_attached == ("4711" in json.dumps(stage.api.requests[0].body))
