"""What is seen of ``claude`` while it works: the progress line, and signs of life, answer and strain."""

from __future__ import annotations

import json

import pytest

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.agents.claude_stream import LONGEST_EVENT, StreamReader
from orchestrator.core.result import ProcessExit, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import left_out_note
from tests.agents.claude_outcomes import init, stream
from tests.fakes.fake_claude import sample


def reader() -> StreamReader:
    return ClaudeAgent().reader(Settings())


def says(text: str, *, id: str = "m1", model: str = "claude-x", **usage: object) -> str:
    message = {"id": id, "model": model, "content": [{"type": "text", "text": text}], "usage": usage}
    return json.dumps({"type": "assistant", "message": message}) + "\n"


def limits(status: str) -> str:
    event = {"type": "rate_limit_event", "rate_limit_info": {"status": status}}
    return json.dumps(event) + "\n"


def background(*tasks: str) -> str:
    event = {"type": "system", "subtype": "background_tasks_changed"}
    return json.dumps(event | {"tasks": [{"task_id": task} for task in tasks]}) + "\n"


def signs_of(*lines: str) -> StreamSignals:
    one = reader()
    one.feed("".join(lines).encode())
    return one.signs


# ── news ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_news_is_what_the_agent_says_or_does() -> None:
    """A progress line shows turns, tokens so far, and the tool in use or the latest words (S0-28)."""
    one = reader()
    lines = sample("tool_use_ok_stream")[0].splitlines(keepends=True)
    news = [words for line in lines if (words := one.feed(line.encode()))]
    assert news == ["turn 1 · 1k tokens · uses Bash", "turn 2 · 2k tokens · done"]


def test_blocks_of_one_message_are_one_turn() -> None:
    """The CLI prints one event per block; each repeats the same usage."""
    one = reader()
    one.feed(says("a", input_tokens=300, output_tokens=1).encode())
    again = one.feed(says("b", input_tokens=300, output_tokens=1).encode())
    assert again == "turn 1 · 301 tokens · b"
    next_turn = says("c", id="m2", cache_read_input_tokens=50, speed="fast", cost_tokens=-5)
    assert one.feed(next_turn.encode()) == "turn 2 · 351 tokens · c"


def test_news_cannot_act_on_a_terminal() -> None:
    """Words of a model are data on their way to a person's terminal (promise 23)."""
    assert reader().feed(says("a\x1b[2Jb\r\nc").encode()) == "turn 1 · 0 tokens · ab c"


def test_a_retry_inside_the_cli_is_news() -> None:
    """A service that is asked again is a sign of life."""
    event = {"type": "system", "subtype": "api_retry", "error": "overloaded", "attempt": 1}
    assert "overloaded" in reader().feed(json.dumps(event).encode() + b"\n")


def test_what_is_only_half_read_is_no_news() -> None:
    """A line counts when it is whole."""
    one, line = reader(), says("hello").encode()
    assert one.feed(line[:20]) == ""
    assert one.feed(line[20:]) != ""


# ── signs ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "signs"),
    {
        "success_stream": StreamSignals(is_answered=True, is_delivered=True),
        "rate_limit_warning_stream": StreamSignals(True, True, is_strained=True),
        "usage_limit_5h_stream": StreamSignals(False, True, is_strained=False),
        "http529_stream": StreamSignals(is_answered=False, is_delivered=True),
        "http401_stream": StreamSignals(is_answered=False, is_delivered=True),
        # Its Bash command was moved to the background and holds it; the same with one started there.
        "bash_timeout_moved_to_background_stream": StreamSignals(is_answered=True),
        "sigterm_with_background_task_stream": StreamSignals(is_answered=True),
        "sigterm_during_bash_stream": StreamSignals(is_answered=True),
        "background_task_two_results_stream": StreamSignals(True, True),
        "subagent_background_stream": StreamSignals(True, True),
        "mid_stream_cut_recovered": StreamSignals(True, True),
        "sigint_while_waiting_api_stream": StreamSignals(),
    }.items(),
)
def test_the_signs_of_a_recording(name: str, signs: StreamSignals) -> None:
    """Only a word of a real model shows that the account lets something through; errors are written by the CLI."""
    found = signs_of(sample(name)[0])
    assert found._replace(turns=0) == signs
    assert signs.is_answered == bool(found.turns)


def test_before_anything_is_said_there_is_no_sign() -> None:
    """Neither nothing nor the first event proves anything."""
    assert signs_of() == signs_of(init()) == StreamSignals()


def test_an_answer_is_delivered_with_its_result() -> None:
    """Not with the last words: the result may be another one."""
    assert not signs_of(init(), says("done")).is_delivered
    assert signs_of(init(), says("done"), stream({})).is_delivered


def test_a_model_that_is_woken_has_not_delivered() -> None:
    """Background work goes on after the first result: it is no time to end the process (fact: several results)."""
    first = [init(), background("b"), says("a"), stream({})]
    assert not signs_of(*first).is_delivered
    ended = [*first, background()]
    assert signs_of(*ended).is_delivered
    assert not signs_of(*ended, init()).is_delivered
    assert not signs_of(*ended, says("again", id="m2")).is_delivered
    assert signs_of(*ended, init(), says("again", id="m2"), stream({})).is_delivered


def test_the_last_word_about_limits_counts() -> None:
    """An account may be strained and relax."""
    assert signs_of(limits("allowed_warning")).is_strained is True
    assert signs_of(limits("allowed_warning"), limits("allowed")).is_strained is False


# ── whatever comes ────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_event_that_is_too_long_is_skipped_and_the_stream_goes_on() -> None:
    """Its line is thrown away up to its end, and the next one is read."""
    one = reader()
    for _ in range(LONGEST_EVENT // (8 * 1024 * 1024) + 1):
        one.feed(b"x" * (8 * 1024 * 1024))
    one.feed(b'"}\n' + stream({}).encode())
    outcome = one.close(ProcessExit(code=0), b"")
    assert (outcome.verdict, outcome.answer) == (Verdict.COMPLETED, "ok")


def test_of_an_answer_that_is_too_long_head_and_tail_are_kept() -> None:
    """It was paid for; what is left out is said, and how much it is known to whoever hands it on."""
    one, text = reader(), f"head\n{'x' * LONGEST_EVENT}\ntail"
    one.feed(stream({"result": text, "session_id": "s", "total_cost_usd": 3.5}).encode())
    outcome = one.close(ProcessExit(code=0), b"")
    assert (Verdict.COMPLETED, 3.5) == (outcome.verdict, outcome.bill.session)
    assert outcome.answer.startswith("head\nxxx")
    assert outcome.answer.endswith("xxx\ntail")
    assert f"\n[… {outcome.hidden} bytes left out, all of it is in the log …]\n" in outcome.answer
    assert 3_900_000 < outcome.hidden < len(text)


def test_an_answer_that_only_looks_as_if_something_were_left_out_is_whole() -> None:
    """Its own words say nothing about what we did with it, nor does a long event before it."""
    one, text = reader(), left_out_note(7)
    one.feed(stream({"result": "x" * LONGEST_EVENT}, {"result": text}).encode())
    outcome = one.close(ProcessExit(code=0), b"")
    assert (text, 0) == (outcome.answer, outcome.hidden)


MANY = json.dumps({"z": [{}] * (LONGEST_EVENT // 4 + 1)}) + "\n"


@pytest.mark.parametrize(
    ("exit", "verdict"), [(ProcessExit(code=0), Verdict.FATAL), (ProcessExit(signal=9), Verdict.FAILED)]
)
def test_an_event_that_is_too_long_without_its_texts_is_told_and_not_paid_for_again(
    exit: ProcessExit, verdict: Verdict
) -> None:
    """If nothing else went wrong it was the answer, and the next one would be no shorter."""
    one = reader()
    one.feed(MANY.encode())
    outcome = one.close(exit, b"")
    assert verdict is outcome.verdict
    told = "; an event larger than 4,096 KiB without its texts was not read, its log has it"
    assert outcome.reason.endswith(told)
    one = reader()
    one.feed((MANY + stream({})).encode())
    assert Verdict.COMPLETED is one.close(ProcessExit(code=0), b"").verdict


def test_a_byte_that_is_no_character_does_not_cost_the_answer() -> None:
    """It is shown as what it is."""
    one = reader()
    one.feed(stream({"result": "a#b"}).encode().replace(b"a#b", b"a\xffb"))
    assert "a\ufffdb" == one.close(ProcessExit(code=0), b"").answer


@pytest.mark.parametrize(
    "line", ["warning: something", "[", "[1, [], null]", "null", '"text"', "[" * 100_000, '{"type": []}']
)
@pytest.mark.usefixtures("no_garbage")
def test_a_line_that_is_no_event_is_passed_over(line: str) -> None:
    """Plain text of hooks and wrappers between the events takes nothing away from the result."""
    one = reader()
    one.feed(f"{line}\n{stream({})}{line}\n".encode())
    assert one.close(ProcessExit(code=0), b"").verdict is Verdict.COMPLETED


# ── files ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def calls(tool: str, use: str, **given: object) -> str:
    block = {"type": "tool_use", "id": use, "name": tool, "input": given}
    return json.dumps({"type": "assistant", "message": {"id": use, "model": "claude-x", "content": [block]}}) + "\n"


def replies(use: str, **more: object) -> str:
    block = {"type": "tool_result", "tool_use_id": use, "content": "said", **more}
    return json.dumps({"type": "user", "message": {"role": "user", "content": [block]}}) + "\n"


def test_files_that_its_tools_changed() -> None:
    """Each once, and only where the tool says that it did it."""
    lines = [
        *(calls("Write", "1", file_path="/w/a"), replies("1")),
        *(calls("Edit", "2", file_path="b"), replies("2", is_error=True)),
        *(calls("NotebookEdit", "3", notebook_path="n.ipynb"), replies("3")),
        *(calls("Read", "4", file_path="c"), replies("4")),
        *(calls("MultiEdit", "5", file_path="/w/a"), replies("5")),
        *(calls("Write", "6", file_path="never"), replies("7"), replies("8")),
        *(calls("Write", "9", file_path=["x"]), replies("9"), calls("Write", "10"), replies("10")),
        json.dumps({"type": "user", "message": "no mapping"}),
    ]
    assert ("/w/a", "n.ipynb") == signs_of(*lines).edited


def test_input_of_a_tool_that_is_no_mapping() -> None:
    block = {"type": "tool_use", "id": "1", "name": "Write", "input": "x"}
    line = json.dumps({"type": "assistant", "message": {"id": "1", "model": "m", "content": [block, 3]}}) + "\n"
    assert () == signs_of(line, replies("1")).edited
