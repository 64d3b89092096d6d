"""``agent: claude``: the command line, and the verdict on everything that the real CLI was seen to print."""

from __future__ import annotations

import json

import pytest

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.core.result import Exit, Outcome, StopReason, Verdict
from orchestrator.core.settings import Settings
from tests.agents.assignments import assignment, given
from tests.fakes.fake_claude import SAMPLES, sample

COMPLETED, FAILED, FATAL = Verdict.COMPLETED, Verdict.FAILED, Verdict.FATAL

#: Every recording, and what is to be concluded from it. FAILED is worth another attempt, FATAL is not.
VERDICTS = {
    # Done, with whatever happened on the way.
    "success_stream": COMPLETED,
    "success_json": COMPLETED,
    "json_with_verbose_is_array": COMPLETED,
    "partial_messages_stream": COMPLETED,
    "tool_use_ok_stream": COMPLETED,
    "mcp_tool_stream": COMPLETED,
    "skill_tool_stream": COMPLETED,
    "bash_tool_environment_stream": COMPLETED,
    "background_task_two_results_stream": COMPLETED,
    "subagent_background_stream": COMPLETED,
    "subagent_foreground_stream": COMPLETED,
    "fallback_model_stream": COMPLETED,
    "mid_stream_cut_recovered": COMPLETED,
    "retried_500_then_ok": COMPLETED,
    "rate_limit_warning_stream": COMPLETED,
    "resume_json": COMPLETED,
    "schema_ok_stream": COMPLETED,
    "schema_text_only_stream": COMPLETED,
    # The model was told and ended by itself; the statistics say what was denied.
    "permission_denied_write_stream": COMPLETED,
    "permission_denied_dontask_stream": COMPLETED,
    # Exit status 0 and no answer.
    "empty_reply_stream": FAILED,
    "slash_clear_json": FAILED,
    "slash_help_json": FAILED,
    "success_text": FAILED,
    # The service: it may do better the next time.
    "http429_stream": FAILED,
    "429_not_retryable": FAILED,
    "429_default_10_retries_stream": FAILED,
    "http529_stream": FAILED,
    "connection_refused": FAILED,
    "hang_api_timeout_stream": FAILED,
    "usage_limit_5h_stream": FAILED,
    "usage_limit_weekly_stream": FAILED,
    "usage_limit_json": FAILED,
    "max_output_tokens_stream": FAILED,
    # The service: it will say the same the next time.
    "http400": FATAL,
    "http401_stream": FATAL,
    "http403": FATAL,
    "credit_too_low": FATAL,
    "not_logged_in": FATAL,
    "unknown_model_404": FATAL,
    "prompt_too_long": FATAL,
    "refusal_stream": FATAL,
    # Limits that were asked for.
    "max_turns_json": FATAL,
    "budget_json": FATAL,
    "schema_exhausted_stream": FATAL,
    # Text and nothing that can be read.
    "max_turns_text": FAILED,
    "not_logged_in_text": FAILED,
    # A command line that is not accepted.
    "bad_flag": FATAL,
    "no_prompt_error": FATAL,
    "stream_without_verbose_error": FATAL,
    "session_id_in_use": FATAL,
    "bypass_as_root_error": FATAL,
    "resume_missing": FAILED,
    # Somebody else's signal. After SIGINT the exit status is 0.
    "sigint_while_waiting_api_stream": FAILED,
    "sigint_during_bash_stream": FAILED,
    "sigterm_during_bash_stream": FAILED,
    "sigterm_with_background_task_stream": FAILED,
    "bash_timeout_moved_to_background_stream": FAILED,
}


def judge(out: str, exit: Exit, err: str = "", **settings: str) -> Outcome:
    reader = ClaudeAgent().reader(Settings(**settings))  # type: ignore[arg-type]
    reader.feed(out.encode())
    return reader.close(exit, err.encode())


def judged(name: str) -> Outcome:
    out, err, status = sample(name)
    return judge(out, Exit(code=status), err)


def stream(*results: dict[str, object]) -> str:
    good = {
        "type": "result",
        "subtype": "success",
        "is_error": False,
        "result": "ok",
        "num_turns": 1,
    }
    return "".join(json.dumps(good | each) + "\n" for each in results)


# ── what was recorded ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_recording_has_a_verdict() -> None:
    """No recording is left out of the table, and none of the table is missing."""
    assert {path.stem for path in SAMPLES.glob("*.txt")} == VERDICTS.keys()


@pytest.mark.parametrize(("name", "verdict"), VERDICTS.items())
def test_the_verdict_on_a_recording(name: str, verdict: Verdict) -> None:
    """Success needs evidence in every respect; what would fail the same way again is not repeated (promises 19, 20)."""
    outcome = judged(name)
    assert outcome.verdict is verdict, outcome
    assert bool(outcome.reason) == (verdict is not COMPLETED)


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "usage_limit_5h_stream": "5-hour limit · resets 5:36am (UTC)",
        "not_logged_in": "Please run /login",
        "credit_too_low": "Credit balance is too low",
        "max_turns_json": "Reached maximum number of turns (2)",
        "bad_flag": "unknown option '--no-such-flag'",
        "http401_stream": "Failed to authenticate",
        "empty_reply_stream": "an empty answer",
    }.items(),
)
def test_a_reason_says_what_to_do_something_about(name: str, words: str) -> None:
    """The reason is in the CLI's own words (promise 20)."""
    assert words in judged(name).reason


def test_figures_are_recorded() -> None:
    """Turns, tokens, cost and session id of an attempt are in its statistics (promise 21)."""
    assert judged("success_stream").statistics == {
        "Turns": "1",
        "Input tokens": "1000",
        "Output tokens": "100",
        "Cost": "$0.0060",
        "Session": "7816611b-ebe9-4b60-807d-db3ce398bf72",
    }


def test_an_unknown_figure_is_unknown() -> None:
    """A cost that nobody said is not zero (promise 21)."""
    statistics = judge(stream({}), Exit(code=0)).statistics
    assert statistics["Cost"] == statistics["Input tokens"] == statistics["Session"] == "unknown"


def test_denied_permissions_are_said() -> None:
    """A model that was not allowed to write and called that a success does not hide it (promise 19)."""
    assert judged("permission_denied_write_stream").statistics["Permission denied"] == "Write (1×)"
    assert "Permission denied" not in judged("success_stream").statistics


def test_of_several_results_the_last_one_counts() -> None:
    """Background work wakes the model again: its last words are the answer, its last cost is the sum."""
    outcome = judge(
        stream({"result": "not yet", "total_cost_usd": 0.1}, {"total_cost_usd": 0.3}), Exit(code=0)
    )
    assert (outcome.answer, outcome.statistics["Cost"]) == ("ok", "$0.3000")
    last_is_bad = stream({}, {"is_error": True, "result": "API Error: 500"})
    assert judge(last_is_bad, Exit(code=1)).verdict is FAILED


def test_an_error_envelope_with_exit_status_0_is_a_failure() -> None:
    """Older versions exit with 0 on API errors (promise 19)."""
    out, err, _ = sample("http529_stream")
    assert judge(out, Exit(code=0), err).verdict is FAILED


def test_an_answer_with_another_exit_status_is_a_failure_that_says_so() -> None:
    """The reason is how it ended, not what it said before."""
    outcome = judge(stream({}), Exit(code=3), "out of memory\n")
    assert (outcome.verdict, outcome.reason) == (FAILED, "exit 3: out of memory, after an answer")


@pytest.mark.parametrize("reason", StopReason)
def test_whoever_answers_and_does_not_leave_has_answered(reason: StopReason) -> None:
    """An agent that prints its result and never exits is ended and its result kept (promise 15)."""
    out, _, _ = sample("bash_timeout_moved_to_background_stream")
    assert judge(out, Exit(code=143, stopped=reason)).verdict is COMPLETED


@pytest.mark.parametrize(
    ("format", "is_markdown"), [("auto", True), ("markdown", True), ("text", False)]
)
def test_the_answer_is_markdown_unless_the_plan_says_text(format: str, is_markdown: bool) -> None:
    """The plan has the last word on what the answer is."""
    assert judge(stream({}), Exit(code=0), format=format).is_markdown is is_markdown


# ── what happens meanwhile ────────────────────────────────────────────────────────────────────────────────────────────


def test_news_is_what_the_agent_says_or_does() -> None:
    """A progress line shows the tool in use, or the latest words (S0-28)."""
    out, _, _ = sample("tool_use_ok_stream")
    reader = ClaudeAgent().reader(Settings())
    news = [
        words for line in out.splitlines(keepends=True) if (words := reader.feed(line.encode()))
    ]
    assert news[0] == "uses Bash"
    assert news[-1] == "done"


def test_news_cannot_act_on_a_terminal() -> None:
    """Words of a model are data on their way to a person's terminal (promise 23)."""
    content = [{"type": "text", "text": "a\x1b[2Jb\r\nc"}]
    event = {"type": "assistant", "message": {"content": content}}
    assert ClaudeAgent().reader(Settings()).feed(json.dumps(event).encode() + b"\n") == "ab c"


# ── what is run ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_line() -> None:
    """Prompt on standard input, events as JSON lines, no bypass of permissions (S2-39, S2-42, promise 26)."""
    wanted = ClaudeAgent("/bin/claude").invocation(assignment("Do it", given("T-01", "one")))
    assert wanted.argv == ("/bin/claude", "-p", "--output-format=stream-json", "--verbose")
    assert wanted.stdin.startswith("# Task ")
    assert "Do it" in wanted.stdin
    assert not wanted.script


def test_the_model_of_the_plan_is_asked_for() -> None:
    """It is one word with its flag, so that it can be no flag itself."""
    wanted = ClaudeAgent().invocation(assignment("Do it", settings=Settings(model="--sonnet")))
    assert wanted.argv[-1] == "--model=--sonnet"


def test_a_session_of_its_own() -> None:
    """What makes it a nested session is taken away, and its own retries do not multiply ours (promises 20, 26)."""
    wanted = ClaudeAgent().invocation(assignment("Do it"))
    assert {"CLAUDECODE", "CLAUDE_CODE_SESSION_ID", "CLAUDE_CODE_CHILD_SESSION"} <= {*wanted.unset}
    assert wanted.env["CLAUDE_CODE_MAX_RETRIES"] == "3"
    assert wanted.env["CLAUDE_CODE_DISABLE_FILE_MENTIONS"] == "1"
