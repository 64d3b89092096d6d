"""What an attempt of ``claude`` leaves besides its verdict: denials, structured answers, the bill, its session."""

from __future__ import annotations

import json

import pytest

from orchestrator.core.result import FREE, Bill, ProcessExit, StopReason, Verdict
from tests.agents.claude_outcomes import error, init, judge, judged, stream

COMPLETED, FAILED, FATAL = Verdict.COMPLETED, Verdict.FAILED, Verdict.FATAL

#: The schema of the recordings.
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "n": {"type": "integer"}},
    "required": ["name", "n"],
}


# ── permissions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_denied_permissions_fail_the_task_and_name_the_rule() -> None:
    """A model that was not allowed to write and called that a success does not hide it (promise 19)."""
    outcome = judged("permission_denied_write_stream")
    assert (outcome.denials, outcome.answer) == (("Edit(//proj/a.txt)",), "done")
    assert judged("success_stream").denials == ()


def test_denied_permissions_may_be_accepted() -> None:
    """``on_denial: accept``: the answer counts, and what was denied is still listed."""
    outcome = judged("permission_denied_dontask_stream", on_denial="accept")
    assert outcome.verdict is COMPLETED
    assert outcome.denials == ("Bash(echo hi > bash.txt && cat bash.txt)",)


def test_a_denial_that_was_cut_short_is_not_gone_on_with() -> None:
    """A finished answer whose process was ended: the rule is missing, not time."""
    denial = {"tool_name": "Bash", "tool_input": {"command": "make"}}
    out = stream({"permission_denials": [denial], "session_id": "s", "total_cost_usd": 1.0})
    outcome = judge(out, ProcessExit(code=143, stopped=StopReason.TIMEOUT))
    assert (outcome.verdict, outcome.is_resumable) == (FATAL, False)


def test_a_denial_comes_before_a_schema() -> None:
    """The next attempt would not be allowed it either, whatever its answer looks like."""
    assert judged("permission_denied_write_stream", schema=SCHEMA).verdict is FATAL


# ── structured answers ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_structured_answer_is_a_json_block() -> None:
    """What was asked for by a schema is checked and stored as data."""
    outcome = judged("schema_ok_stream", schema=SCHEMA)
    assert (outcome.verdict, outcome.is_markdown) == (COMPLETED, True)
    block = outcome.answer.strip()
    assert block.startswith("```json\n")
    assert json.loads(block.removeprefix("```json").removesuffix("```")) == {"name": "a", "n": 1}


@pytest.mark.parametrize(
    ("name", "words"),
    {
        "schema_text_only_stream": "there is no structured output",
        "schema_exhausted_stream": "Failed to provide valid structured output",
        "success_stream": "there is no structured output",
    }.items(),
)
def test_an_answer_without_the_form_is_tried_again_in_a_new_session(name: str, words: str) -> None:
    """A model that answered in text, or never met the schema, may do better without its earlier tries."""
    outcome = judged(name, schema=SCHEMA)
    assert (outcome.verdict, outcome.is_resumable) == (FAILED, False)
    assert words in outcome.reason


def test_a_structured_answer_needs_no_words() -> None:
    """What stands in the form is the answer; without a form that was asked for, an empty answer is none."""
    out = stream({"structured_output": {"name": "a", "n": 1}, "result": ""})
    assert judge(out, ProcessExit(code=0), schema=SCHEMA).verdict is COMPLETED
    assert judge(out, ProcessExit(code=0)).verdict is FAILED
    nothing = stream({"structured_output": None, "result": ""})
    assert judge(nothing, ProcessExit(code=0), schema=SCHEMA).verdict is FAILED


def test_a_structured_answer_that_does_not_fit_says_where() -> None:
    """The CLI's own check is not relied on: 2.1.197 has none for some schemas."""
    outcome = judge(
        stream({"structured_output": {"name": 1, "n": 1}, "result": "{}"}), ProcessExit(code=0), schema=SCHEMA
    )
    assert outcome.verdict is FAILED
    assert outcome.reason == "its answer does not fit the schema: name: 1 is not of type 'string'"


# ── money ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def opus(cost: float) -> tuple[tuple[str, float], ...]:
    return (("claude-opus-5-5", cost),)


def usage(cost: float) -> dict[str, object]:
    return {"claude-opus-5-5": {"costUSD": cost}}


@pytest.mark.parametrize(
    ("name", "bill"),
    {
        "success_stream": Bill(0.006, opus(0.006), 0.006, opus(0.006)),
        # Cumulative, and it does not tell the two apart: what earlier attempts cost does.
        "resume_json": Bill(None, (), 0.012, opus(0.012)),
        # A finished answer was thrown away, and paid for.
        "max_turns_json": Bill(None, (), 0.012, opus(0.012)),
        "background_task_two_results_stream": Bill(0.018, opus(0.018), 0.018, opus(0.018)),
        "http529_stream": Bill(0.0, (), 0.0),
        "usage_limit_5h_stream": Bill(0.0, (), 0.0),
        # It began, and was ended before it could say what that cost.
        "sigterm_during_bash_stream": Bill(None, ()),
        # Nothing began.
        "bad_flag": FREE,
        "session_id_in_use": FREE,
    }.items(),
)
def test_the_bill_of_a_recording(name: str, bill: Bill) -> None:
    """USD of the call by model, and of its session; unknown is not the same as nothing (promise 21)."""
    found = judged(name).bill
    assert found.cost == pytest.approx(bill.cost)
    assert dict(found.models) == pytest.approx(dict(bill.models))
    assert found.session == pytest.approx(bill.session)


def test_of_several_results_the_last_one_counts() -> None:
    """Background work wakes the model again: its last words are the answer, its last cost is the sum."""
    outcome = judge(stream({"result": "not yet", "total_cost_usd": 0.1}, {"total_cost_usd": 0.3}), ProcessExit(code=0))
    assert (outcome.answer, outcome.bill.session) == ("ok", 0.3)


@pytest.mark.parametrize("cost", [None, "0.5", True, -1, 10**10, 1e300])
def test_a_cost_that_makes_no_sense_is_unknown(cost: object) -> None:
    """Never taken for 0, and never added up."""
    assert judge(stream({"total_cost_usd": cost}), ProcessExit(code=0)).bill == Bill(cost=None)


def test_models_that_cost_nothing_are_left_out() -> None:
    """What is shown by model is what was paid."""
    usage = {"b": {"costUSD": 2}, "a\nx": {"costUSD": 1.5}, "c": {"costUSD": 0}, "d": 3}
    outcome = judge(stream({"modelUsage": usage, "total_cost_usd": 3.5}), ProcessExit(code=0))
    assert outcome.bill == Bill(None, (), 3.5, (("a x", 1.5), ("b", 2.0)))


@pytest.mark.parametrize("version", ["2.1.197", "2.1.328", "1.9.400"])
def test_a_version_that_counts_each_call_anew_is_taken_at_its_word(version: str) -> None:
    """Measured with 2.1.197: after a resume the cost is that of the new call alone."""
    out = init(version=version) + stream({"total_cost_usd": 0.5, "modelUsage": usage(0.5)})
    assert Bill(0.5, opus(0.5)) == judge(out, ProcessExit(code=0)).bill


@pytest.mark.parametrize("version", ["2.1.329", "2.2.0", "10.0.1", "newest", "", None, 3])
def test_any_other_version_may_count_what_its_session_cost_before(version: object) -> None:
    """So what this call cost is not known from its stream alone; a first or second word about the version counts."""
    out = init(version=version) + init() + stream({"total_cost_usd": 0.5, "modelUsage": usage(0.5)})
    assert Bill(None, (), 0.5, opus(0.5)) == judge(out, ProcessExit(code=0)).bill


def test_a_session_that_cost_nothing_has_calls_that_cost_nothing() -> None:
    """Whoever counts how."""
    assert FREE == judge(init() + error("API Error: 529"), ProcessExit(code=1)).bill


# ── what the next attempt goes on with ────────────────────────────────────────────────────────────────────────────

PAID: dict[str, object] = {"session_id": "s", "total_cost_usd": 0.5}


@pytest.mark.parametrize(
    ("out", "exit", "is_resumable"),
    [
        # Cut short by us, and it may have been paid for.
        (init(), ProcessExit(code=143, stopped=StopReason.TIMEOUT), True),
        (init(), ProcessExit(signal=9, stopped=StopReason.IDLE), True),
        (init(), ProcessExit(code=143, stopped=StopReason.SHUTDOWN), True),
        (init(), ProcessExit(signal=9, stopped=StopReason.ORPHANED), True),
        # It never began.
        ("", ProcessExit(code=143, stopped=StopReason.TIMEOUT), False),
        # The service failed after some work, or before any.
        (init() + error("API Error: 529", **PAID), ProcessExit(code=1), True),
        (init() + error("API Error: 529", session_id="s"), ProcessExit(code=1), False),
        (init() + error("Request timed out.", terminal_reason="api_error", **PAID), ProcessExit(code=1), True),
        # The account was shut in the middle of the work.
        (init() + error("You've hit your 5-hour limit", **PAID), ProcessExit(code=1), True),
        (init() + error("Not logged in · Please run /login", session_id="s"), ProcessExit(code=1), False),
        (init() + error("Credit balance is too low", api_error_status=400, **PAID), ProcessExit(code=1), True),
        # It did something, and did not say what.
        (init() + stream(PAID | {"result": ""}), ProcessExit(code=0), True),
        # Limits that were asked for: the next attempt is made where they were raised.
        (init() + stream(PAID | {"is_error": True, "subtype": "error_max_turns"}), ProcessExit(code=1), True),
        (init() + stream(PAID | {"is_error": True, "subtype": "error_max_budget_usd"}), ProcessExit(code=1), True),
        # What would go wrong again in the same session.
        (init() + error("Prompt is too long", **PAID), ProcessExit(code=1), False),
        # Somebody else's signal: nobody knows what state it left behind.
        (init(), ProcessExit(signal=9), False),
        # There is nothing left to do.
        (init() + stream(PAID), ProcessExit(code=0), False),
        (init() + stream(PAID), ProcessExit(code=143, stopped=StopReason.TIMEOUT), False),
    ],
)  # fmt: skip
def test_an_attempt_is_gone_on_with_where_that_helps(out: str, exit: ProcessExit, is_resumable: bool) -> None:
    """Cut short, or let down by the service, after something was paid for; never a finished or a hopeless one."""
    outcome = judge(out, exit)
    assert outcome.is_resumable is is_resumable, outcome
    assert outcome.session == ("s" if out else "")
