"""The verdict of ``agent: claude`` on everything the real CLI was seen to print, and on what else it may print."""

from __future__ import annotations

import json
import math

import pytest

from orchestrator.core.result import FREE, ProcessExit, StopReason, Verdict
from tests.agents.claude_outcomes import RECORDED, error, judge, judged, stream
from tests.fakes.fake_claude import SAMPLES, sample

COMPLETED, FAILED, FATAL = Verdict.COMPLETED, Verdict.FAILED, Verdict.FATAL
HELD = Verdict.HELD

#: Every recording, and what is to be concluded from it. FAILED is worth another attempt, FATAL is not;
#: HELD is not charged.
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
    # The model was told, and called it a success.
    "permission_denied_write_stream": FATAL,
    "permission_denied_dontask_stream": FATAL,
    # Exit status 0 and no answer.
    "empty_reply_stream": FAILED,
    "slash_clear_json": FAILED,
    "slash_help_json": FAILED,
    "success_text": FAILED,
    # The service: it may do better in a moment, for everybody.
    "http429_stream": HELD,
    "429_not_retryable": HELD,
    "429_default_10_retries_stream": HELD,
    "http529_stream": HELD,
    "connection_refused": HELD,
    "hang_api_timeout_stream": HELD,
    # The account: nobody gets through before it opens again, or before a person does something.
    "usage_limit_5h_stream": HELD,
    "usage_limit_weekly_stream": HELD,
    "usage_limit_json": HELD,
    "http401_stream": HELD,
    "http403": HELD,
    "credit_too_low": HELD,
    "not_logged_in": HELD,
    # The service: it will say the same the next time.
    "http400": FATAL,
    "unknown_model_404": FATAL,
    "prompt_too_long": FATAL,
    "refusal_stream": FATAL,
    "max_output_tokens_stream": FATAL,
    # Limits that were asked for.
    "max_turns_json": FATAL,
    "budget_json": FATAL,
    # The model may find the form the next time.
    "schema_exhausted_stream": FAILED,
    # Text and nothing that can be read.
    "max_turns_text": FAILED,
    "not_logged_in_text": FAILED,
    # A command line that is not accepted.
    "bad_flag": FATAL,
    "no_prompt_error": FATAL,
    "stream_without_verbose_error": FATAL,
    "bypass_as_root_error": FATAL,
    # Its session. Whoever knows that it was to go on with one of ours begins a new one.
    "session_id_in_use": FATAL,
    "resume_missing": FATAL,
    # Somebody else's signal. After SIGINT the exit status is 0.
    "sigint_while_waiting_api_stream": FAILED,
    "sigint_during_bash_stream": FAILED,
    "sigterm_during_bash_stream": FAILED,
    "sigterm_with_background_task_stream": FAILED,
    "bash_timeout_moved_to_background_stream": FAILED,
}

#: The resets they name, as numbers.
FIVE_HOURS, A_WEEK = 1795239392.0, 1795494992.0

# ── what was recorded ─────────────────────────────────────────────────────────────────────────────────────────────


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
        "permission_denied_write_stream": "not allowed: Edit(//proj/a.txt)",
        "schema_exhausted_stream": "Failed to provide valid structured output",
        "slash_help_json": "taken for a command",
    }.items(),
)
def test_a_reason_says_what_to_do_something_about(name: str, words: str) -> None:
    """The reason is in the CLI's own words (promise 20)."""
    assert words in judged(name).reason


def test_figures_are_recorded() -> None:
    """Turns and tokens of an attempt are in its statistics (promise 21)."""
    assert judged("success_stream").statistics == {"Turns": "1", "Input tokens": "1000", "Output tokens": "100"}


def test_an_unknown_figure_is_unknown() -> None:
    """A figure that nobody said is not zero (promise 21)."""
    statistics = judge(stream({}), ProcessExit(code=0)).statistics
    assert statistics["Turns"] == "1"
    assert statistics["Input tokens"] == statistics["Output tokens"] == "unknown"


def test_an_error_envelope_with_exit_status_0_is_a_failure() -> None:
    """Older versions exit with 0 on API errors (promise 19)."""
    out, err, _ = sample("http529_stream")
    assert judge(out, ProcessExit(code=0), err).verdict is not COMPLETED


def test_an_answer_with_another_exit_status_is_one_and_says_so() -> None:
    """A complete answer counts however its process ends."""
    outcome = judge(stream({}), ProcessExit(code=3), "out of memory\n")
    remark = "exit 3: out of memory, after its answer was complete"
    assert (outcome.verdict, outcome.warning) == (COMPLETED, remark)
    assert "exit 3: out of memory" == outcome.statistics["Ended with"]


@pytest.mark.parametrize("reason", StopReason)
def test_whoever_answers_and_does_not_leave_has_answered(reason: StopReason) -> None:
    """An agent that prints its result and never exits is ended and its result kept (promise 15)."""
    outcome = judge(sample("success_stream")[0], ProcessExit(code=143, stopped=reason))
    assert (outcome.verdict, outcome.warning) == (COMPLETED, "")


@pytest.mark.parametrize("reason", [StopReason.TIMEOUT, StopReason.IDLE, StopReason.LINGERING])
def test_whoever_leaves_something_at_work_until_its_time_is_over_has_answered(reason: StopReason) -> None:
    """A server that never ends looks the same as work that the answer waits for: people are told."""
    out, _, _ = sample("bash_timeout_moved_to_background_stream")
    outcome = judge(out, ProcessExit(code=143, stopped=reason))
    assert outcome.verdict is COMPLETED
    assert "1 background task still at work" in outcome.warning
    assert "1 background task" in outcome.statistics.values()


@pytest.mark.parametrize("reason", [StopReason.SHUTDOWN, StopReason.ORPHANED, StopReason.INTERVENTION])
@pytest.mark.parametrize("is_woken", [False, True])
def test_what_was_said_before_the_last_word_is_no_answer(reason: StopReason, is_woken: bool) -> None:
    """It was cut short while its first result waited for another: nothing unfinished counts as done (promise 2)."""
    if is_woken:  # everything up to its second result
        out = "".join(sample("background_task_two_results_stream")[0].splitlines(True)[:-1])
    else:
        out = sample("bash_timeout_moved_to_background_stream")[0]
    outcome = judge(out, ProcessExit(code=143, stopped=reason))
    assert (outcome.verdict, outcome.is_resumable) == (Verdict.INTERRUPTED, True)
    assert (outcome.bill.cost or 0) > 0


@pytest.mark.parametrize(("name", "verdict"), [("usage_limit_5h_stream", HELD), ("http400", FATAL)])
def test_whoever_says_no_and_does_not_leave_has_said_no(name: str, verdict: Verdict) -> None:
    """That the process had to be ended after its last word takes nothing away from the word."""
    outcome = judge(sample(name)[0], ProcessExit(code=143, stopped=StopReason.LINGERING, ended=RECORDED))
    assert (outcome.verdict, outcome.reason) == (verdict, judged(name).reason)


@pytest.mark.parametrize(("format", "is_markdown"), [("auto", True), ("markdown", True), ("text", False)])
def test_the_answer_is_markdown_unless_the_plan_says_text(format: str, is_markdown: bool) -> None:
    """The plan has the last word on what the answer is."""
    assert judge(stream({}), ProcessExit(code=0), format=format).is_markdown is is_markdown


# ── an account that lets nothing through ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "until"),
    {
        "usage_limit_5h_stream": FIVE_HOURS,
        "usage_limit_weekly_stream": A_WEEK,
        "http401_stream": math.inf,
        "http403": math.inf,
        "credit_too_low": math.inf,
        "not_logged_in": math.inf,
    }.items(),
)
def test_a_held_account_opens_at_a_moment(name: str, until: float) -> None:
    """The moment that the service named; or never by itself, when it takes a person."""
    assert judged(name).until == until


def test_a_held_account_may_name_its_moment_in_words_only() -> None:
    """One JSON object has no event about limits; its text leaves the seconds out."""
    assert judged("usage_limit_json").until == FIVE_HOURS - FIVE_HOURS % 60


@pytest.mark.parametrize(
    ("out", "verdict"),
    [
        (error("Claude AI usage limit reached|1762952400"), HELD),
        (error("You've hit your Opus limit · resets 5:36am (UTC)", api_error_status=429), HELD),
        (error("You've hit your limit"), HELD),
        (error("whatever", api_error="usage_limit_reached"), HELD),
        (error("Invalid API key · Please run /login"), HELD),
        (error("OAuth token has expired", api_error_status=401), HELD),
        (error("whatever", api_error_status=401), HELD),
        (error("API Error: 403 not for you", api_error_status=403), HELD),
        (error("API Error: 404 no such thing", api_error_status=404), FATAL),
        (error("API Error: 400 messages: at least one is required", api_error_status=400), FATAL),
        (error("API Error: 400 Output blocked by our Usage Policy", api_error_status=400), FATAL),
        (error("something else"), FAILED),
        (error("API Error: 413 too large", api_error_status=413), FATAL),
        (error("Prompt is too long"), FATAL),
        (error("whatever", terminal_reason="prompt_too_long"), FATAL),
        (error("whatever", stop_reason="refusal"), FATAL),
        (error("whatever", api_error="max_output_tokens"), FATAL),
        (stream({"result": "You've hit your limit · resets 1pm"}), COMPLETED),
        (stream({"result": "Not logged in · Please run /login"}), COMPLETED),
    ],
)
def test_texts_about_accounts(out: str, verdict: Verdict) -> None:
    """Every spelling of a shut account is one; a burst of requests is none, and neither is an answer about limits."""
    assert judge(out, ProcessExit(code=int('"is_error": true' in out))).verdict is verdict


def test_a_limit_that_was_passed_by_is_not_why_it_failed() -> None:
    """With extra usage the event says ``rejected`` and the work goes on; the turn limit is met later all the same."""
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected"}}
    over = stream({"is_error": True, "subtype": "error_max_turns", "errors": ["too many"]})
    assert judge(json.dumps(event) + "\n" + over, ProcessExit(code=1)).verdict is FATAL
    broken = error("API Error: 500", api_error_status=500)
    assert judge(json.dumps(event) + "\n" + broken, ProcessExit(code=1)).is_outage


@pytest.mark.parametrize("status", [429, None])
def test_a_rejection_in_other_words_is_a_limit(status: object) -> None:
    """The event says it, however the text puts it."""
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": "rejected", "resetsAt": 700}}
    over = error("API Error: Request rejected (429) · come back later", api_error_status=status)
    outcome = judge(json.dumps(event) + "\n" + over, ProcessExit(code=1, ended=100.0))
    assert (outcome.verdict, outcome.until) == (HELD, 700.0)


def test_not_logged_in_on_standard_error_holds_too() -> None:
    """Some refusals come before the first event."""
    outcome = judge("", ProcessExit(code=1), "Not logged in · Please run /login\n")
    assert (outcome.verdict, outcome.until) == (HELD, math.inf)
    killed = judge("", ProcessExit(signal=9), "Not logged in · Please run /login\n")
    assert killed.verdict is FAILED


# ── a command line that is not accepted, a session that is not there ──────────────────────────────────────────────


@pytest.mark.parametrize(
    "errors",
    [
        "error: unknown option '--x'",
        "--agent 'nobody' not found. Available agents: claude, Explore",
        "Error: Invalid MCP configuration:\nMCP config file not found: /nonexist",
        "Invalid MCP configuration:\nMCP config file not found: /nonexist",
        "Error: --json-schema is not a valid JSON Schema: data/type must be array",
        "Error: Append system prompt file not found: /nonexist",
        "Error: Invalid session ID. Must be a valid UUID.",
        "--dangerously-skip-permissions cannot be used with root/sudo privileges",
        "Error: claude native binary not installed",
    ],
)
def test_a_refused_command_line_is_not_tried_again(errors: str) -> None:
    """All of these were printed by the real CLI, on standard error and nothing else."""
    outcome = judge("", ProcessExit(code=1), f"a warning\n{errors}\n")
    assert outcome.verdict is FATAL
    assert outcome.bill == FREE


def test_a_crash_is_no_refusal() -> None:
    """Without a word of the command line the next attempt may do better."""
    assert judge("", ProcessExit(code=1), "Segmentation fault\n").verdict is FAILED
    assert judge("", ProcessExit(code=2), "error: unknown option\n").verdict is FAILED


def test_a_session_that_is_missing_is_said_in_an_event_too() -> None:
    """As ``--resume`` of an unknown session answers in a stream, in 2.1.197 and 2.1.329."""
    words = "No conversation found with session ID: 01ed4ea6"
    event = {
        "is_error": True, "subtype": "error_during_execution", "errors": [words], "num_turns": 0,
        "session_id": "01ed4ea6", "total_cost_usd": 0, "result": None,
    }  # fmt: skip
    outcome = judge(stream(event), ProcessExit(code=1), words + "\n")
    assert (outcome.is_session_gone, outcome.session, outcome.is_resumable) == (True, "", False)
    assert (words, 0) == (outcome.reason, outcome.bill.cost)
    asked = judge(stream(event), ProcessExit(code=1), extra_args=("--resume=01ed4ea6",))
    assert f"{words}; extra_args must name no session" == asked.reason


def test_words_about_sessions_at_work_are_no_missing_session() -> None:
    """An agent whose own commands say so had its session."""
    event = {"is_error": True, "errors": ["No conversation found"], "num_turns": 3, "result": None}
    assert judge(stream(event), ProcessExit(code=1)).verdict is FAILED
    assert judge(stream(event | {"num_turns": 0}), ProcessExit(code=0)).verdict is FAILED


def test_what_the_cli_advises_is_said_in_our_words() -> None:
    """``--model`` is a word of its command line, which nobody here writes."""
    reason = judged("unknown_model_404").reason
    assert "--model" not in reason
    assert "the setting `model` names another one" in reason
