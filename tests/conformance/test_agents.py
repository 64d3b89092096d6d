"""What every agent does, whatever it drives; for ``claude`` also with everything the fake and the recordings print."""

from __future__ import annotations

import json
import math
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import given as for_all
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.agents.command import CommandAgent
from orchestrator.agents.protocol import Agent
from orchestrator.agents.shell import ShellAgent
from orchestrator.agents.simulated import SimulatedAgent
from orchestrator.core.agent import AgentCommand
from orchestrator.core.result import FREE, Outcome, ProcessExit, StopReason, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from tests.agents.assignments import assignment, given
from tests.fakes.fake_claude import SAMPLES, sample

RESULT = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "result": "# Answer\n\nÄ 🤖 done",
    "num_turns": 1,
    "total_cost_usd": 0.006,
    "usage": {"input_tokens": 1000, "output_tokens": 100},
    "session_id": "s",
}


@dataclass(frozen=True)
class Plug:
    agent: Agent
    good: bytes
    """What it reads when all went well."""


PLUGS = {
    "claude": Plug(ClaudeAgent(), json.dumps(RESULT, ensure_ascii=False).encode() + b"\n"),
    "shell": Plug(ShellAgent(), "one\ntwo Ä 🤖\r\n".encode()),
    "command": Plug(CommandAgent("codex", AgentCommand(("codex", "exec", "-")), "/bin/codex"), "two Ä 🤖\n".encode()),
    "command, JSON": Plug(
        CommandAgent("gemini", AgentCommand(("gemini",), ("response",), is_free=True), "/bin/gemini"),
        json.dumps({"response": "two Ä 🤖", "stats": {}}, ensure_ascii=False).encode() + b"\n",
    ),
    "simulated": Plug(SimulatedAgent(), "🤖 Agent-07 [T-07: Report]\n".encode()),
}
every_agent = pytest.mark.parametrize("plug", PLUGS.values(), ids=PLUGS.keys())
PROCESSES = [name for name in PLUGS if name != "simulated"]
processes = pytest.mark.parametrize("plug", [PLUGS[name] for name in PROCESSES], ids=PROCESSES)

#: Every way in which an attempt can end (``ProcessExit``), the good one first.
EXITS = {
    "good": ProcessExit(code=0),
    "error": ProcessExit(code=1),
    "no such command": ProcessExit(code=127),
    "terminated": ProcessExit(code=143),
    "signal": ProcessExit(signal=9),
    "no status": ProcessExit(),
    "not started": ProcessExit(error="cannot start it: No such file or directory"),
    "short of processes": ProcessExit(error="cannot start it: Resource temporarily unavailable", is_passing=True),
    "timeout": ProcessExit(signal=15, stopped=StopReason.TIMEOUT),
    "timeout, exit 0": ProcessExit(code=0, stopped=StopReason.TIMEOUT),
    "shutdown": ProcessExit(code=143, stopped=StopReason.SHUTDOWN),
    "shutdown, exit 0": ProcessExit(code=0, stopped=StopReason.SHUTDOWN),
    "orphaned": ProcessExit(signal=9, stopped=StopReason.ORPHANED),
    "stopped before it started": ProcessExit(error="not started", stopped=StopReason.SHUTDOWN),
}
#: What ends in front of its end: no answer that counts.
CUT = {
    "nothing": b"",
    "half": b'{"type":"result","subtype":"success","is_error":false,"result":"do',
    "no result": b'{"type":"system","subtype":"init"}\n',
}


def holds_together(outcome: Outcome, agent: Agent) -> None:
    """What every outcome promises to whoever acts on it."""
    assert (outcome.verdict is Verdict.COMPLETED) == (not outcome.reason)
    assert outcome.verdict is not Verdict.HELD or agent.account, "nobody's account is held"
    assert outcome.until == 0 or (outcome.verdict is Verdict.HELD and outcome.until > 0)
    assert not outcome.is_resumable or outcome.session
    assert not outcome.is_resumable or outcome.verdict not in (Verdict.COMPLETED, Verdict.FATAL)
    costs = [outcome.bill.cost, *(cost for _, cost in outcome.bill.models)]
    assert all(cost is None or 0 <= cost < math.inf for cost in costs)
    assert agent.account or outcome.bill == FREE
    for text in (*outcome.denials, *outcome.statistics.values(), outcome.session):
        assert "\n" not in text


def judged(plug: Plug, pieces: Iterable[bytes], exit: ProcessExit = EXITS["good"], errors: bytes = b"") -> Outcome:
    """What a fresh reader concludes from an output that comes in *pieces*."""
    reader = plug.agent.reader(Settings())
    for piece in pieces:
        news = reader.feed(piece)
        assert isinstance(reader.signs, StreamSignals)
        assert "\n" not in news
        assert len(news) <= 200
    return reader.close(exit, errors)


def split(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Return *data* in pieces that end at *cuts*."""
    places = sorted({cut % (len(data) + 1) for cut in cuts})
    return [data[begin:end] for begin, end in zip([0, *places], [*places, len(data)], strict=True)]


@every_agent
@for_all(data=st.binary(max_size=200))
def test_a_conversation_can_be_read_from_any_log(plug: Plug, data: bytes) -> None:
    """From what it prints when all goes well, and from anything else: people ask how a result came about."""
    assert list(plug.agent.conversation(plug.good.splitlines())) or plug is PLUGS["claude"]
    for turn in plug.agent.conversation(data.splitlines()):
        assert turn.who
        assert isinstance(turn.text, str)


# ── what is run ───────────────────────────────────────────────────────────────────────────────────────────────────────


@every_agent
def test_an_invocation_runs_a_program_or_has_its_output(plug: Plug) -> None:
    """An agent says what to run or, with nothing to run, what came out; never both, and the same each time."""
    task = assignment("echo hello", given("T-01", "one"))
    command = plug.agent.invocation(task)
    assert bool(command.argv) != bool(command.output)
    assert command == plug.agent.invocation(task)


@every_agent
def test_no_text_of_a_task_is_on_the_command_line(plug: Plug) -> None:
    """Whoever lists processes reads no prompt, and no text becomes an option (promises 23 and 26)."""
    body = "--dangerously-skip-permissions SECRET"
    task = assignment(body, given("T-01", "--version SECRET", name="SECRET"), code="echo SECRET")
    words = plug.agent.invocation(task).argv
    assert not [word for word in words if "SECRET" in word]
    assert not [word for word in words if word in {"--version", "--dangerously-skip-permissions"}]


@processes
def test_what_the_dependencies_answered_is_read_from_standard_input(plug: Plug) -> None:
    """A task gets the results of the tasks it depends on, in the order of its dependencies (S2-72, promise 6)."""
    answers = ["first answer", "second answer"]
    inputs = [given(f"T-0{number}", answer) for number, answer in enumerate(answers, 1)]
    stdin = plug.agent.invocation(assignment("cat", *inputs)).stdin
    assert 0 <= stdin.index(answers[0]) < stdin.index(answers[1])


@every_agent
def test_attempts_do_not_share_a_reader(plug: Plug) -> None:
    """What one attempt printed is no answer of another one."""
    judged(plug, [plug.good])
    assert "two" not in judged(plug, [b""]).answer
    assert plug.agent.reader(Settings()) is not plug.agent.reader(Settings())


# ── how it is read ────────────────────────────────────────────────────────────────────────────────────────────────────


@every_agent
def test_a_good_attempt_is_completed(plug: Plug) -> None:
    """Its answer is what the agent said, whatever bytes its characters are made of (S2-47)."""
    outcome = judged(plug, [plug.good])
    assert outcome.verdict is Verdict.COMPLETED
    assert "🤖" in outcome.answer


@every_agent
def test_byte_by_byte_is_at_once(plug: Plug) -> None:
    """A log that is read while it is written is cut anywhere, also inside a character."""
    data = plug.good * 3
    assert judged(plug, [data[at : at + 1] for at in range(len(data))]) == judged(plug, [data])


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.txt")))
@hypothesis_settings(max_examples=5)
@for_all(cuts=st.lists(st.integers(0, 100_000), max_size=20))
def test_recordings_may_be_cut_anywhere(name: str, cuts: list[int]) -> None:
    """Where the pieces of a real event stream end makes no difference."""
    out, err, status = sample(name)
    data, exit = out.encode(), ProcessExit(code=status)
    at_once = judged(PLUGS["claude"], [data], exit, err.encode())
    assert at_once == judged(PLUGS["claude"], split(data, cuts), exit, err.encode())


@every_agent
@hypothesis_settings(max_examples=60)
@for_all(
    pieces=st.lists(st.binary(max_size=60), max_size=6),
    exit=st.sampled_from(sorted(EXITS)),
    errors=st.binary(max_size=60),
)
def test_garbage_is_judged_and_never_raises(plug: Plug, pieces: list[bytes], exit: str, errors: bytes) -> None:
    """Whatever an agent prints, there is a verdict, and a reason for every one but completed (promise 19)."""
    outcome = judged(plug, pieces, EXITS[exit], errors)
    assert "\n" not in outcome.reason
    holds_together(outcome, plug.agent)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    *RESULT, "api_error_status", "api_error", "errors", "permission_denials", "stop_reason", "terminal_reason",
    "modelUsage", "structured_output", "message", "tasks", "rate_limit_info",
)  # fmt: skip


@hypothesis_settings(max_examples=200)
@for_all(changes=st.dictionaries(st.sampled_from(FIELDS), JSON), exit=st.sampled_from(sorted(EXITS)))
def test_events_may_hold_anything(changes: dict[str, object], exit: str) -> None:
    """Any field of an event may have any type; what is no success in every respect is not completed (promise 19)."""
    event = RESULT | changes
    lines = [event, {"type": "assistant", "message": changes}, [changes], changes]
    lines.append({"type": "rate_limit_event", "rate_limit_info": changes})
    lines.append({"type": "system", "subtype": "background_tasks_changed"} | changes)
    data = "\n".join(json.dumps(line) for line in lines).encode()
    outcome = judged(PLUGS["claude"], [data], EXITS[exit])
    holds_together(outcome, PLUGS["claude"].agent)
    if outcome.verdict is Verdict.COMPLETED:
        assert (event["subtype"], event["is_error"]) == ("success", False)
        assert outcome.answer.strip()


@processes
def test_output_without_a_line_end_does_not_fill_the_memory(plug: Plug) -> None:
    """Of two hundred megabytes on one line a bounded part is held (promise 16)."""
    piece = b"x" * (4 * 1024 * 1024)
    reader = plug.agent.reader(Settings())
    tracemalloc.start()
    try:
        for _ in range(50):
            reader.feed(piece)
        outcome = reader.close(EXITS["good"], b"")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 150e6
    assert len(outcome.answer) < 1e6


@processes
def test_many_short_lines_are_read_in_time(plug: Plug) -> None:
    """Reading takes time linear in what is read: a hundred thousand lines at once are no hundred thousand copies."""
    tool = {"type": "user", "message": {"content": [{"type": "tool_result", "content": "ok"}]}}
    data = (json.dumps(tool).encode() + b"\n") * 100_000 + plug.good
    assert judged(plug, [data]).verdict is Verdict.COMPLETED


# ── how it ends ───────────────────────────────────────────────────────────────────────────────────────────────────────


@every_agent
@pytest.mark.parametrize("exit", EXITS.values(), ids=EXITS.keys())
@pytest.mark.parametrize("output", CUT.values(), ids=CUT.keys())
def test_what_did_not_end_well_is_not_completed(plug: Plug, exit: ProcessExit, output: bytes) -> None:
    """Without the whole answer nothing counts as done, however it ended; what we ended is not charged (promise 2)."""
    outcome = judged(plug, [output], exit, b"first\nlast words\n")
    # What half an answer is, only a command that prints no more than its answer cannot tell.
    counts = plug is PLUGS["shell"] or (plug is PLUGS["command"] and bool(output))
    is_good = exit == EXITS["good"] and counts
    without_process = plug is PLUGS["simulated"] and not (exit.stopped or exit.error)
    if is_good or without_process:
        assert outcome.verdict is Verdict.COMPLETED
    elif exit.stopped in (StopReason.SHUTDOWN, StopReason.ORPHANED):
        assert outcome.verdict is Verdict.INTERRUPTED
    else:
        assert outcome.verdict in (Verdict.FAILED, Verdict.FATAL)
    assert outcome.reason or outcome.verdict is Verdict.COMPLETED


@every_agent
def test_what_could_not_be_started_is_not_tried_again(plug: Plug) -> None:
    """A missing program will be missing the next time too, and the reason says what is missing."""
    outcome = judged(plug, [], EXITS["not started"])
    assert outcome.verdict is Verdict.FATAL
    assert "No such file" in outcome.reason


@every_agent
def test_what_the_machine_was_too_short_for_is_tried_again(plug: Plug) -> None:
    """No memory or no process left for a moment: a failed attempt, with the usual pause before the next."""
    outcome = judged(plug, [], EXITS["short of processes"])
    assert outcome.verdict is Verdict.FAILED
    assert "temporarily" in outcome.reason


@processes
def test_a_timeout_is_a_failure_that_says_how_long(plug: Plug) -> None:
    """A task that outran its time is tried again (S2-50)."""
    outcome = judged(plug, [b"working\n"], EXITS["timeout"])
    assert (outcome.verdict, outcome.reason) == (Verdict.FAILED, "timed out after 5m00s")


@processes
def test_a_failure_says_the_last_words(plug: Plug) -> None:
    """The reason has the exit status and the last line of standard error, on one line."""
    outcome = judged(plug, [], EXITS["error"], b"warning\n\x1b[31mcannot go on\x1b[0m\n\n")
    assert outcome.reason.endswith("exit 1: cannot go on")


@processes
def test_a_failure_says_what_is_wrong_and_not_what_to_do(plug: Plug) -> None:
    """A hint comes last in what many commands print, ours too."""
    outcome = judged(plug, [], EXITS["error"], b"error: no such task\n  hint: look at the list\n")
    assert outcome.reason.endswith("exit 1: error: no such task")


@pytest.mark.parametrize("exit", EXITS.values(), ids=EXITS.keys())
def test_claude_keeps_a_whole_answer_however_its_process_ends(exit: ProcessExit) -> None:
    """It was paid for; how a process failed after it is told."""
    outcome = judged(PLUGS["claude"], [PLUGS["claude"].good], exit)
    is_failed = exit.code != 0 and exit.stopped is None
    assert (Verdict.COMPLETED, is_failed) == (outcome.verdict, bool(outcome.warning))
    assert RESULT["result"] == outcome.answer


@pytest.mark.parametrize("exit", EXITS.values(), ids=EXITS.keys())
def test_a_command_is_completed_by_exit_status_0_alone(exit: ProcessExit) -> None:
    """A command that was ended, or ended with anything else, has failed, whatever it printed."""
    outcome = judged(PLUGS["shell"], [b"all done\n"], exit)
    assert (outcome.verdict is Verdict.COMPLETED) == (exit == EXITS["good"])
