"""Which words of a stream are the answer: by the place where they stand, then by what they are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.core.result import ProcessExit, StopReason, Verdict
from tests.agents.claude_outcomes import init, judge, stream
from tests.fakes.claude_case import CASES, case

COMPLETED, FAILED = Verdict.COMPLETED, Verdict.FAILED
#: What a turn costs.
PAID: dict[str, object] = {"session_id": "s", "total_cost_usd": 0.5}


def says(*texts: str, id: str = "m1", model: str = "claude-opus-5-5", **more: Any) -> str:
    """One line of a turn; a text that begins with ``!`` is the call of that tool."""
    blocks = [
        {"type": "tool_use", "id": "t", "name": text[1:], "input": {}}
        if text.startswith("!")
        else {"type": "text", "text": text}
        for text in texts
    ]
    message = {"id": id, "role": "assistant", "model": model, "content": blocks}
    message |= {"stop_reason": more.pop("stop_reason")} if "stop_reason" in more else {}
    return json.dumps({"type": "assistant", "message": message, **more}) + "\n"


def own(text: str, **more: Any) -> str:
    """What the CLI writes itself."""
    return says(text, id="m9", model="<synthetic>", **more)


def asks(text: str = "done", **more: Any) -> str:
    """What comes back to the model."""
    block = {"type": "tool_result", "tool_use_id": "t", "content": text}
    message = {"role": "user", "content": [block]}
    return json.dumps({"type": "user", "message": message, **more}) + "\n"


def ends(text: object = "", **fields: object) -> str:
    return stream(PAID | {"result": text} | fields)


ERROR = {"error": "server_error", "is_api_error_message": True}
SILENT = {"output_tokens": 0}


@pytest.mark.parametrize(
    ("out", "answer"),
    {
        "several lines of one turn": (says("a") + says("b") + ends(), "a\n\nb"),
        "several blocks in one line": (says("a", "b") + ends(), "a\n\nb"),
        "a result with only the last block": (says("a") + says("b") + ends("b"), "a\n\nb"),
        "text after a tool in one turn": (says("I look", "!Read", "a") + ends(), "a"),
        "the turn after a tool": (says("I look", "!Read") + asks() + says("a", id="m2") + ends(), "a"),
        "turns without an id": (says("!Read", id="") + asks() + says("a", id="") + ends(), "a"),
        "another turn without a question": (says("a") + says("b", id="m2") + ends(), "b"),
        "blank blocks around it": (says("\n\n", "a", " ") + ends(), "a"),
        "a sub-agent that speaks last": (says("a") + says("sub", id="m2", parent_tool_use_id="t") + ends(), "a"),
        "a sub-agent that works last": (says("a") + asks(parent_tool_use_id="t") + ends(), "a"),
        "own words before it": (own("No response requested.") + says("a") + ends("a"), "a"),
        "own words after it": (says("a") + own("No response requested.") + ends("No response requested."), "a"),
        "unknown own words after it": (says("a") + own("Nothing to do.") + ends("Nothing to do."), "a"),
        "own words after it, and the answer": (says("a") + own("Nothing to do.") + ends("a"), "a"),
        "an error that was passed by": (own("API Error: 500", **ERROR) + says("a") + ends("a"), "a"),
        "no turn at all": (ends("a"), "a"),
        "a result that no turn shows, after a tool": (says("!Read") + asks() + ends("a"), "a"),
        "no turn at all, but tokens": (ends("a", usage={"output_tokens": 7}), "a"),
        "a turn that nobody counted": (says("a") + ends("a", usage=SILENT), "a"),
        "words that quote": (says("API Error: 500 is what it says.") + ends("API Error: 500 is what it says."),
                             "API Error: 500 is what it says."),
        "words that end alike": (says("It says “Execution error”") + ends("It says “Execution error”"),
                                 "It says “Execution error”"),
        "own words as another result": (says("a") + ends("a") + init() + own("Bye.") + ends("Bye."), "a"),
        "an error as another result": (
            says("a") + ends("a") + init() + own("API Error: 500", **ERROR)
            + ends("API Error: 500", api_error_status=500), "a"),
        "a failure as another result": (
            says("a") + ends("a") + init() + ends("API Error: 500", is_error=True), "a"),
        "a better one as another result": (says("a") + ends("a") + init() + says("b", id="m2") + ends("b"), "b"),
        "two of nothing after it": (says("a") + ends("a") + ends() + ends(None), "a"),
        "an array": (json.dumps([json.loads(each) for each in (says("a"), ends())]) + "\n", "a"),
    }.values(),
)  # fmt: skip
def test_the_answer_is_what_the_model_said_last(out: str, answer: str) -> None:
    """Completed with that, and with nothing else."""
    outcome = judge(init() + out, ProcessExit(code=0))
    assert (COMPLETED, answer) == (outcome.verdict, outcome.answer)


@pytest.mark.parametrize(
    "out",
    {
        "a tool call after the text": says("I look") + says("!Read", id="m2") + asks() + ends(),
        "a tool call in the same turn": says("I look", "!Read") + ends(),
        "a tool that answered last": says("!Read") + asks() + ends(),
        "it was asked for more": says("a") + asks() + ends(),
        "unknown own words while a tool is at work": says("!Read") + ends("Session was ended by the user."),
        "unknown own words": own("Nothing to do.") + ends("Nothing to do."),
        "own words, silence": ends("Nothing to do.", usage=SILENT, modelUsage={}),
        "own words of which no turn is shown": ends("No response requested."),
        "a sign for nothing in a turn of the model": says("(no content)") + ends("(no content)"),
        "an error without a sign": ends("API Error: Connection error."),
        "an error after a part": says("The first") + own("API Error: 500", **ERROR) + ends("API Error: 500"),
        "an error with another sign": own("Oops", isApiErrorMessage=True) + ends("Oops"),
        "an interrupt": says("a") + asks("[Request interrupted by user]") + ends("[Request interrupted by user]"),
        "an aborted turn": says("a") + ends("a", terminal_reason="aborted_streaming"),
        "it ran out of tokens": says("The first") + ends("The first", stop_reason="max_tokens"),
        "its turn ran out of tokens": says("The first", stop_reason="max_tokens") + ends(),
        "it paused": says("I search") + ends("I search", stop_reason="pause_turn"),
        "its context is full": says("a") + ends("a", stop_reason="model_context_window_exceeded"),
        "blank": says(" \n") + ends("\u200b"),
        "a result that is no text": says("!Read") + ends(["a"]),
    }.values(),
)  # fmt: skip
@pytest.mark.parametrize("code", [0, 1, 143])
def test_anything_else_is_no_answer(out: str, code: int) -> None:
    """However the process ends."""
    outcome = judge(init() + out, ProcessExit(code=code))
    assert outcome.verdict is FAILED, outcome
    assert outcome.is_resumable
    assert outcome.reason


@pytest.mark.parametrize("code", [0, 1, 143, None])
def test_without_a_result_nothing_is_complete(code: int | None) -> None:
    """What the model said may have been anything but its last word; it goes on where it was."""
    out = init() + says("All of it is done.")
    outcome = judge(out, ProcessExit(code=code, signal=None if code else 9))
    assert (FAILED, True) == (outcome.verdict, outcome.is_resumable)
    assert not judge(init(), ProcessExit(code=1)).is_resumable


def test_an_account_that_is_shut_is_one_also_where_that_calls_itself_an_answer() -> None:
    """The task is not charged for it."""
    words = "API Error: 400 You have reached your specified API usage limits."
    out = own(words, error="invalid_request", api_error_status=400)
    outcome = judge(init() + out + ends(words, api_error_status=400, total_cost_usd=0), ProcessExit(code=0))
    assert outcome.verdict is Verdict.HELD


def test_what_waits_for_background_work_is_not_complete() -> None:
    """Nor when what it waited for comes to nothing, or the process ends before it."""
    tasks = {"type": "system", "subtype": "background_tasks_changed", "tasks": [{"task_id": "b"}]}
    first = init() + says("not yet") + json.dumps(tasks) + "\n" + ends("not yet")
    done = json.dumps(tasks | {"tasks": []}) + "\n" + init()
    assert FAILED is judge(first, ProcessExit(code=1)).verdict
    assert FAILED is judge(first + done + ends(), ProcessExit(code=0)).verdict
    assert judge(first + done, ProcessExit(signal=9)).is_resumable


def test_a_model_at_work_again_is_not_complete_when_its_process_fails() -> None:
    """It may have had more to say: the session goes on."""
    out = init() + says("a") + ends("a") + init() + says("!Read", id="m2")
    outcome = judge(out, ProcessExit(code=1), "killed\n")
    assert (FAILED, True) == (outcome.verdict, outcome.is_resumable)
    assert "exit 1: killed, with the model still at work" == outcome.reason


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.glob("*.jsonl")))
def test_a_stream_that_is_cut_is_never_complete_too_early(name: str) -> None:
    """At any byte, and however its process ended: without a whole result line there is no answer."""
    text, err, _ = case({"case": name}, "s")
    before, mark, _ = text.partition('{"type": "result"')
    first = f"{before}{mark}{text.removeprefix(before + mark).partition(chr(10))[0]}".encode()
    exits = (ProcessExit(code=0), ProcessExit(code=1), ProcessExit(code=143), ProcessExit(signal=9),
             ProcessExit(signal=9, stopped=StopReason.ORPHANED))  # fmt: skip
    for at in range(len(first)):
        outcome = judge(first[:at].decode(errors="ignore"), exits[at % len(exits)], err)
        assert outcome.verdict is not COMPLETED, (at, first[:at][-80:])
