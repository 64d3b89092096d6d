"""What an error of the service concerns: by status and type first, then by words, in whatever language."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import pytest

from orchestrator.agents.claude_refusal import limited_model
from orchestrator.core.result import Outcome, ProcessExit, StopReason, Verdict
from tests.agents.claude_outcomes import error, judge, stream

CASES = Path(__file__).parents[1] / "data/cases/claude"
#: 2026-11-21 04:37 UTC.
NOW = 1795235854.0
TURN = {"type": "assistant", "message": {"id": "m1", "model": "claude-opus-5-5", "content": []}}


def words_of_the_account() -> list[tuple[int, str, str]]:
    """Status, words, and when the account opens by them."""
    rows = re.findall(
        r"^\| (\d{3}) \| (.*) \| (person|that hour) \|$", (CASES / "words-of-the-account.md").read_text(), re.MULTILINE
    )
    return [(int(status), words, opens) for status, words, opens in rows]


def said(words: str, status: int | None = None, before: str = "", **more: object) -> Outcome:
    out = before + error(words, api_error_status=status, **more)
    return judge(out, ProcessExit(code=1, ended=NOW))


def rejected(**fields: object) -> str:
    info = {"status": "rejected", **fields}
    return json.dumps({"type": "rate_limit_event", "rate_limit_info": info}) + "\n"


def test_the_table_of_words_is_read() -> None:
    """Else the next test would hold nothing."""
    assert 13 == len(words_of_the_account())


@pytest.mark.parametrize(("status", "words", "opens"), words_of_the_account())
def test_words_of_the_account_hold_it(status: int, words: str, opens: str) -> None:
    """Until the moment they name, or until a person acts: no moment is made up."""
    words = re.sub(r"\$CLOCK\+3h:([A-Za-z_/]+)", "11pm", words)
    outcome = said(words, status)
    assert Verdict.HELD is outcome.verdict
    assert not outcome.is_outage
    assert (opens == "person") == (outcome.until == math.inf)
    assert ("fable" if "Fable" in words else "") == outcome.model


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "API Error: 401 Ungültiger Schlüssel"),
        (402, "API Error: 402 お支払いが必要です"),
        (403, "API Error: 403 Votre organisation a été suspendue."),
        (403, "API Error: 403 Request not allowed"),
        (407, "API Error: 407 Proxy Authentication Required"),
        (429, "Has alcanzado tu límite mensual"),
        (429, "You have used up this month's allowance · ask your admin"),
        (429, "API Error: Request rejected (429) · You have exceeded your monthly spend limit"),
        (429, "API Error: 429 Your workspace has reached its spend limit."),
        (400, "API Error: 400 Your account has been suspended. Please contact support."),
        (400, "API Error: 400 This workspace has been archived; its API key was revoked."),
        (400, "API Error: 400 Your payment method was declined"),
        (400, "API Error: 400 Your free trial has expired."),
        (400, "Insufficient credits. Add funds to continue."),
        (400, "API Error: 400 Quota exceeded for this organization"),
        (None, "Your subscription is past due · update your payment method"),
        (None, 'API Error: {"type":"error","error":{"type":"billing_error","message":"no"}}'),
        (None, "API Error: 403 forbidden"),
    ],
)
def test_a_shut_account_is_known_by_its_status_or_by_what_is_said_of_it(status: int | None, words: str) -> None:
    """In other words, other languages, and where only the text has the status."""
    outcome = said(words, status)
    assert (Verdict.HELD, math.inf, "") == (outcome.verdict, outcome.until, outcome.model)
    assert outcome.reason == words


@pytest.mark.parametrize(
    ("status", "words"),
    [
        *((status, f"API Error: {status} no") for status in (408, 500, 502, 503, 504, 520, 529)),
        (429, "API Error: Request rejected (429) · This request would exceed your rate limit"),
        (429, "This request would exceed your organization's rate limit of 30,000 tokens per minute"),
        (429, "API Error: 429 Zu viele Anfragen"),
        (429, "Too many requests. Slow down."),
        (None, "API Error: Rate limit reached"),
        (None, "API Error: 500 You've hit your head at some limit"),
        (None, "Server is temporarily limiting requests (not your usage limit)"),
        (None, "API Error: Connection refused — a firewall or proxy may be blocking it (ECONNREFUSED)"),
        (None, "API Error: Connection error."),
        (None, "API Error: Request timed out."),
        (None, "getaddrinfo ENOTFOUND api.anthropic.com"),
        (None, 'API Error: {"type":"error","error":{"type":"overloaded_error","message":"no"}}'),
        (500, "API Error: 500 in src/login.py"),
        (529, "API Error: 529 Überlastet"),
    ],
)
def test_an_outage_passes_and_is_nobodys_fault(status: int | None, words: str) -> None:
    """Also too many requests in a minute: the account backs off as one, and no moment is made up."""
    outcome = said(words, status)
    assert (Verdict.HELD, True, 0.0) == (outcome.verdict, outcome.is_outage, outcome.until)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "API Error: 400 This request cannot be served at the moment."),
        (400, "API Error: 400 Diese Anfrage kann nicht bedient werden."),
        (404, "There's an issue with the selected model (nonesuch-model)."),
        (422, "API Error: 422 Unprocessable Entity"),
        (400, "API Error: 400 tools.3.custom.input_schema: 'account' is required"),
        (None, "Quelque chose a mal tourné"),
    ],
)
def test_what_nobody_foresaw_is_a_refusal_unless_the_model_worked(status: int | None, words: str) -> None:
    """Others will tell what it concerns; what was worked on has its own reason."""
    outcome = said(words, status)
    assert outcome.verdict in {Verdict.FAILED, Verdict.FATAL}
    assert outcome.is_refused
    assert not said(words, status, json.dumps(TURN) + "\n").is_refused


@pytest.mark.parametrize(
    "fields",
    [
        {"api_error_status": 413},
        {"terminal_reason": "prompt_too_long", "api_error_status": 400},
        {"stop_reason": "refusal"},
        {"api_error": "max_output_tokens"},
        {"subtype": "error_max_turns"},
    ],
)
def test_what_is_the_fault_of_a_task_concerns_nobody_else(fields: dict[str, object]) -> None:
    """It fails for good, and is no evidence."""
    outcome = judge(error("no", **fields), ProcessExit(code=1))
    assert (Verdict.FATAL, False) == (outcome.verdict, outcome.is_refused)


@pytest.mark.parametrize(
    ("code", "errors", "is_outage"),
    [
        (1, "Error: Your organization has been disabled.", False),
        (1, "Error: getaddrinfo EAI_AGAIN api.anthropic.com", True),
        (1, "Error: connect ECONNREFUSED 127.0.0.1:8080", True),
    ],
)
def test_an_account_may_be_shut_on_standard_error_alone(code: int, errors: str, is_outage: bool) -> None:
    """Nothing else was said."""
    outcome = judge("", ProcessExit(code=code), errors)
    assert (Verdict.HELD, is_outage) == (outcome.verdict, outcome.is_outage)


@pytest.mark.parametrize(
    ("exit", "errors"),
    [
        (ProcessExit(code=1), "node:internal/modules/cjs/loader: Cannot find module 'yoga.wasm'"),
        (ProcessExit(code=127), "/usr/bin/env: 'node': No such file or directory"),
        (ProcessExit(code=127), "claude: error while loading shared libraries: libfoo.so.1"),
        (ProcessExit(code=1), "error: unknown option '--no-such-flag'"),
        (ProcessExit(signal=4), "Illegal instruction"),
        (ProcessExit(error="cannot be started: exec format error"), ""),
    ],
)
def test_a_program_that_does_not_start_is_refused(exit: ProcessExit, errors: str) -> None:
    """Another task would not start either."""
    assert judge("", exit, errors).is_refused


def test_what_we_ended_ourselves_is_no_refusal() -> None:
    """A time that is over says nothing of the account."""
    assert not judge("", ProcessExit(code=143, stopped=StopReason.TIMEOUT)).is_refused


@pytest.mark.parametrize(
    ("kind", "words", "model"),
    [
        ("seven_day_opus", "You've hit your Opus limit · resets Nov 24, 4am (UTC)", "opus"),
        ("seven_day_sonnet", "whatever it is", "sonnet"),
        ("seven_day_zephyr", "Limit erreicht", "zephyr"),
        ("", "You've hit your Opus limit · now using Sonnet", "opus"),
        ("", "You've reached your Zephyr 7 limit · resets 5pm", "zephyr"),
        ("", "You've hit your Opus weekly limit", "opus"),
        ("", "Opus weekly limit reached ∙ resets 5pm", "opus"),
        ("", "Zephyr limit reached ∙ resets 5pm", "zephyr"),
        ("", "Zephyr 6 requires usage credits", "zephyr"),
        ("", "You've hit your usage limit for Claude Zephyr 6", "zephyr"),
        ("", "You've hit your limit for claude-zephyr-6-1", "zephyr"),
        ("five_hour", "You've hit your session limit · resets 5pm", ""),
        ("five_hour", "You've hit your 5-hour limit", ""),
        ("seven_day", "You've hit your weekly limit", ""),
        ("", "Weekly limit reached ∙ resets 5pm", ""),
        ("", "You've hit your org's monthly usage limit · ask your admin", ""),
        ("", "You've hit your Max limit", ""),
        ("", "You've hit your Team plan usage limit", ""),
        ("", "Your group's usage limit is set to $0", ""),
        ("", "Claude AI usage limit reached|1795239392", ""),
        ("", "You've hit your session limit · use Sonnet to go on", ""),
    ],
)
def test_a_limit_may_be_of_one_model(kind: str, words: str, model: str) -> None:
    """Of one that is known, or of one that will be: it is called by a name. Everything else is of the account."""
    assert model == limited_model({"rateLimitType": kind}, words)


def test_a_limit_of_a_model_opens_at_its_moment() -> None:
    """The event has it."""
    before = rejected(resetsAt=NOW + 900.0, rateLimitType="seven_day_opus")
    found = said("You've hit your Opus limit", 429, before, api_error="usage_limit_reached")
    assert ("opus", NOW + 900.0) == (found.model, found.until)


@pytest.mark.parametrize("name", ["monthly-spend-limit-429", "organizations-monthly-limit-429"])
def test_a_limit_without_a_moment_waits_for_a_person(name: str) -> None:
    """No moment is made up, and nobody tries every few minutes."""
    *lines, _ = (CASES / f"{name}.jsonl").read_text().splitlines()
    outcome = judge("\n".join(lines) + "\n", ProcessExit(code=1, ended=NOW))
    assert (Verdict.HELD, math.inf, "") == (outcome.verdict, outcome.until, outcome.model)


def test_an_answer_about_limits_is_an_answer() -> None:
    """Whatever words stand in it."""
    for status, words, _ in words_of_the_account():
        assert Verdict.COMPLETED is judge(stream({"result": f"{status}: {words}"}), ProcessExit(code=0)).verdict
