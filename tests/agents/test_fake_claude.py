"""The fake ``claude`` is to the agent what the recordings of the real one are; else tests with it prove nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.core.result import Bill, Outcome, ProcessExit, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from tests.fakes.claude_calls import Call, calls, install, script
from tests.fakes.claude_session import VERSION
from tests.fakes.fake_claude import BEHAVIOURS, sample

STREAM = ("-p", "--output-format=stream-json", "--verbose")

#: A behaviour of the fake, and the recording that says the same (or the verdict, where nothing was recorded).
TRUE_TO = {
    "success": "success_stream",
    "empty": "empty_reply_stream",
    "http401": "http401_stream",
    "http429": "http429_stream",
    "http529": "http529_stream",
    "not_logged_in": "not_logged_in",
    "max_turns": "max_turns_json",
    "budget": "budget_json",
    "permission_denied": "permission_denied_write_stream",
    "usage_limit": "usage_limit_5h_stream",
    "allowed_warning": "rate_limit_warning_stream",
    "schema_text_only": "schema_text_only_stream",
    "schema_exhausted": "schema_exhausted_stream",
    "background": "background_task_two_results_stream",
    "array": "json_with_verbose_is_array",
    "nothing": "sigint_while_waiting_api_stream",
}
NEVER_RECORDED = {
    "http500": Verdict.HELD,
    "huge_line": Verdict.COMPLETED,
    "truncated": Verdict.FAILED,
    "error_and_exit_0": Verdict.HELD,
    "answer_and_exit_1": Verdict.COMPLETED,
}
#: They stay, or leave something behind.
ELSEWHERE = {"case"}
ENDLESS = {"lingers", "hang", "ignores_sigterm", "grandchild"}


class Fake:
    """A fake in a directory of its own."""

    def __init__(self, where: Path) -> None:
        self.program = install(where / "bin")
        self.records = where / "records"
        self.records.mkdir()
        self.env = {"PATH": "/usr/bin:/bin", "FAKE_CLAUDE_DIR": str(self.records)}

    def run(self, *argv: str, prompt: str = "hello", **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([self.program, *argv], input=prompt, env=self.env | env, capture_output=True, text=True)

    @contextmanager
    def started(self, step: object, *argv: str) -> Iterator[subprocess.Popen[str]]:
        """A call under way, whose standard output is read along."""
        script(self.records, {"*": step})
        with subprocess.Popen(
            [self.program, *STREAM, *argv, "hello"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, env=self.env, text=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    def call(self) -> Call:
        (call,) = calls(self.records)
        return call


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def outcome(out: str, err: str, status: int) -> Outcome:
    reader = ClaudeAgent().reader(Settings())
    reader.feed(out.encode())
    return reader.close(ProcessExit(code=status, ended=time.time()), err.encode())


def verdict(out: str, err: str, status: int) -> Verdict:
    return outcome(out, err, status).verdict


def read_to(word: str, process: subprocess.Popen[str]) -> str:
    """Read up to the line that has this word, and return all of it."""
    seen = ""
    for line in process.stdout or ():
        seen += line
        if word in line:
            return seen
    pytest.fail(f"it never said {word}: {seen}")


def signs(out: str) -> StreamSignals:
    reader = ClaudeAgent().reader(Settings())
    reader.feed(out.encode())
    return reader.signs


def result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The last event of a stream."""
    last: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return last


def kinds(out: str) -> list[str]:
    """What the stream consists of, without what may be there any number of times."""
    events = [json.loads(line) for line in out.splitlines()]
    told = [f"{each['type']} {each.get('subtype', '')}".strip() for each in events]
    return [kind for kind in dict.fromkeys(told) if kind not in ("user", "system api_retry")]


def test_every_behaviour_is_compared_with_something() -> None:
    """No behaviour of the fake is made up without being named here."""
    assert BEHAVIOURS.keys() == TRUE_TO.keys() | NEVER_RECORDED.keys() | ENDLESS | ELSEWHERE


@pytest.mark.parametrize(("behaviour", "recording"), TRUE_TO.items())
def test_it_does_what_was_recorded(fake: Fake, behaviour: str, recording: str) -> None:
    """The same exit status, the same fields, the same verdict as the real one."""
    done = fake.run(*STREAM, FAKE_CLAUDE=behaviour)
    out, err, status = sample(recording)
    assert done.returncode == status
    assert verdict(done.stdout, done.stderr, status) is verdict(out, err, status)
    mine, real = (json.loads(text.splitlines()[-1]) if text else {} for text in (done.stdout, out))
    if behaviour not in ("array", "nothing"):
        assert mine.keys() <= real.keys() | {"result_index", "model_usage_since_last_result"}
        same = ("type", "subtype", "is_error", "terminal_reason", "stop_reason", "api_error")
        assert [mine.get(key) for key in same] == [real.get(key) for key in same]
    if recording.endswith("_stream"):
        assert signs(done.stdout)._replace(turns=0) == signs(out)._replace(turns=0)
        assert set(kinds(done.stdout)) <= set(kinds(out)) | {"system init"}


@pytest.mark.parametrize(("behaviour", "expected"), NEVER_RECORDED.items())
def test_what_was_never_recorded_is_judged_all_the_same(fake: Fake, behaviour: str, expected: Verdict) -> None:
    """Endings that are known from elsewhere have the verdict that they must have (promise 19)."""
    done = fake.run(*STREAM, FAKE_CLAUDE=behaviour)
    assert verdict(done.stdout, done.stderr, done.returncode) is expected


@pytest.mark.parametrize(
    ("argv", "prompt", "recording"),
    [
        (["-p", "hi", "--no-such-flag"], "", "bad_flag"),
        (["-p"], "", "no_prompt_error"),
        (["-p", "hi", "--output-format", "stream-json"], "", "stream_without_verbose_error"),
    ],
)
def test_it_refuses_what_the_real_one_refuses(fake: Fake, argv: list[str], prompt: str, recording: str) -> None:
    """A mistake in our command line is found with the fake already, in the same words."""
    done = fake.run(*argv, prompt=prompt)
    assert (done.stdout, done.stderr, done.returncode) == sample(recording)


def test_it_answers_in_three_formats(fake: Fake) -> None:
    """Text, one object, and one event per line."""
    script(fake.records, {"*": {"answer": "stub-ok"}})
    assert fake.run("-p").stdout == sample("success_text")[0]
    assert json.loads(fake.run("-p", "--output-format", "json").stdout)["result"] == "stub-ok"
    events = [json.loads(line) for line in fake.run(*STREAM).stdout.splitlines()]
    assert [event["type"] for event in events] == ["system", "assistant", "result"]
    assert fake.run("--version").stdout == f"{VERSION}\n"


def test_a_prompt_can_be_swallowed(fake: Fake) -> None:
    """A prompt that is a slash command, or stands after a flag with many values, is none."""
    assert fake.run("-p", prompt="/clear").stdout.strip() == ""
    assert fake.run("-p", "--allowedTools", "Read", "hello", prompt="").returncode == 1


def test_a_session_id_is_used_once(fake: Fake) -> None:
    """A retry needs another one, also after a crash."""
    first, second = (fake.run(*STREAM, "--session-id=abc", FAKE_CLAUDE=how) for how in ("http529", "success"))
    assert (first.returncode, second.returncode) == (1, 1)
    assert second.stderr == "Error: Session ID abc is already in use.\n"
    assert verdict(second.stdout, second.stderr, 1) is verdict(*sample("session_id_in_use"))


def test_a_session_can_be_gone_on_with(fake: Fake) -> None:
    """It keeps its id, and what it cost is counted on; one that does not exist cannot (``resume_json``)."""
    fake.run(*STREAM, "--session-id=abc")
    second = fake.run(*STREAM, "--resume=abc")
    assert result(second)["session_id"] == "abc"
    real = json.loads(sample("resume_json")[0])
    own, whole = ((("claude-opus-5-5", cost),) for cost in (0.006, 0.012))
    assert outcome(second.stdout, "", 0).bill == Bill(0.006, own, 0.012, whole)
    assert result(second)["total_cost_usd"] == real["total_cost_usd"]


def test_a_session_that_is_missing_cannot_be_gone_on_with(fake: Fake) -> None:
    """On standard error, and in a stream as a result of the session that was asked for (measured).

    Where it was not ours, it will be missing the next time, too.
    """
    words = sample("resume_missing")[1].rpartition(": ")[0] + ": xyz"
    plain = fake.run("-p", "--output-format=json", "--resume=xyz")
    assert (plain.returncode, plain.stdout, plain.stderr) == (1, "", f"{words}\n")
    done = fake.run(*STREAM, "--resume=xyz")
    assert (done.returncode, done.stderr) == (1, f"{words}\n")
    told = result(done)
    assert (told["subtype"], told["errors"]) == ("error_during_execution", [words])
    assert (told["session_id"], told["num_turns"], told["total_cost_usd"]) == ("xyz", 0, 0)
    assert verdict(done.stdout, done.stderr, 1) is Verdict.FATAL


@pytest.mark.parametrize(("number", "cost"), [(signal.SIGTERM, 0.506), (signal.SIGINT, 0.506), (signal.SIGKILL, 0.006)])
def test_a_session_knows_what_it_cost_unless_it_was_killed(fake: Fake, number: int, cost: float) -> None:
    """Measured with 2.1.329: what a call cost is saved at its end, and after SIGKILL nobody knows."""
    with fake.started([{"do": "hang", "turns": [0.5]}, {}], "--session-id=abc") as process:
        read_to("assistant", process)
        process.send_signal(number)
        process.wait()
    assert outcome(fake.run(*STREAM, "--resume=abc").stdout, "", 0).bill.session == cost


def test_a_budget_is_checked_after_each_turn(fake: Fake) -> None:
    """More is spent than was allowed, and a finished answer is thrown away (``budget_json``)."""
    script(fake.records, {"*": {"turns": [0.05, 0.55]}})
    over = fake.run(*STREAM, "--max-budget-usd=0.1")
    assert (over.returncode, result(over)["subtype"]) == (1, "error_max_budget_usd")
    assert result(over)["errors"] == ["Reached maximum budget ($0.1)"]
    assert outcome(over.stdout, "", 1).bill.cost == pytest.approx(0.6)
    assert "result" not in result(over)
    assert fake.run(*STREAM, "--max-budget-usd=0.7", "--session-id=abc").returncode == 0
    # Measured with 2.1.329: what the session cost before does not count.
    assert fake.run(*STREAM, "--max-budget-usd=0.7", "--resume=abc").returncode == 0


def test_turns_are_limited(fake: Fake) -> None:
    """After so many turns it ends; 0 is no limit (``max_turns_json``)."""
    script(fake.records, {"*": {"turns": [0.01] * 3}})
    over = fake.run(*STREAM, "--max-turns=2")
    told = result(over)
    assert (told["subtype"], told["num_turns"], told["errors"]) == (
        "error_max_turns", 3, ["Reached maximum number of turns (2)"],
    )  # fmt: skip
    assert [fake.run(*STREAM, f"--max-turns={most}").returncode for most in (0, 3)] == [0, 0]


def test_a_usage_limit_holds_everybody_and_is_over(fake: Fake) -> None:
    """The first calls are turned away, whoever makes them, with the moment from which on things go well."""
    script(fake.records, {"*": {"do": "usage_limit", "times": 2, "resets_in": 60.0}})
    before = time.time()
    first, second, third = (fake.run(*STREAM, ORCHESTRATOR_TASK_ID=task) for task in "abc")
    assert [each.returncode for each in (first, second, third)] == [1, 1, 0]
    held = outcome(second.stdout, "", 1)
    assert held.verdict is Verdict.HELD
    assert before + 60 <= held.until <= time.time() + 62


def test_a_schema_is_answered(fake: Fake) -> None:
    """With an example that fits, with what the script says, or in text only."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "n": {"minimum": 3}}}
    schema["properties"]["n"]["type"] = "integer"  # type: ignore[index]
    flag = f"--json-schema={json.dumps(schema)}"
    first = fake.run(*STREAM, flag)
    assert result(first)["structured_output"] == {"name": "text", "n": 3}
    assert set(kinds(first.stdout)) <= set(kinds(sample("schema_ok_stream")[0]))
    script(fake.records, {"*": [{"structured": {"name": "a"}}, {"structured": None}]})
    second, third = (fake.run(*STREAM, flag, ORCHESTRATOR_TASK_ID="T-01") for _ in range(2))
    assert result(second)["structured_output"] == {"name": "a"}
    assert json.loads(result(second)["result"]) == {"name": "a"}
    assert "structured_output" not in result(third)
    assert fake.run(*STREAM, "--json-schema={").returncode == 1


def test_what_is_denied_is_told(fake: Fake) -> None:
    """By an event, by what the tool answers, and in the result."""
    denied = {"tool_name": "Bash", "tool_input": {"command": "make"}}
    script(fake.records, {"*": {"denied": [denied]}})
    done = fake.run(*STREAM)
    assert outcome(done.stdout, "", 0).denials == ("Bash(make)",)
    assert kinds(done.stdout) == kinds(sample("permission_denied_write_stream")[0])


def test_it_is_silent_until_a_file_is_there(fake: Fake) -> None:
    """For idle timers: the test says when the silence ends."""
    turns = [{"text": "first"}, {"until": "go", "text": "second"}]
    with fake.started({"turns": turns}) as process:
        read_to("first", process)
        (fake.records / "go").touch()
        assert "second" in "".join(process.stdout or ())
        assert process.wait() == 0


def test_it_stays_after_its_result(fake: Fake) -> None:
    """A process that has answered and does not leave, until it is told to."""
    with fake.started({"do": "lingers"}) as process:
        read_to('"type":"result"', process)
        assert process.poll() is None
        process.terminate()
        assert process.wait() == 143


def test_background_work_wakes_it(fake: Fake) -> None:
    """The first result is not the last word, and the signs say so."""
    with fake.started({"do": "background", "until": "go"}) as process:
        seen = read_to('"type":"result"', process)
        assert not signs(seen).is_delivered
        (fake.records / "go").touch()
        seen += "".join(process.stdout or ())
    assert signs(seen).is_delivered
    assert kinds(seen) == [
        kind for kind in kinds(sample("background_task_two_results_stream")[0]) if "task_" not in kind
    ]


def test_it_records_its_calls(fake: Fake) -> None:
    """What was asked, with which words and variables, and when; so that tests can prove order and overlap."""
    fake.run(*STREAM, prompt="Ä prompt", ORCHESTRATOR_TASK_ID="T-01", ORCHESTRATOR_ATTEMPT="2")
    call = fake.call()
    assert (call.task, call.attempt, call.prompt, call.argv) == ("T-01", 2, "Ä prompt", [*STREAM])
    assert "ORCHESTRATOR_TASK_ID" in call.env
    assert call.end is not None
    assert call.start < call.end


def test_a_script_goes_by_task_and_call(fake: Fake) -> None:
    """The first call of a task may fail and the second one not."""
    script(fake.records, {"T-01": [{"do": "http529"}, {"do": "success"}]})
    statuses = [fake.run(*STREAM, ORCHESTRATOR_TASK_ID="T-01").returncode for _ in range(3)]
    assert statuses == [1, 0, 0]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)])
def test_it_ends_on_signals_as_the_real_one(fake: Fake, number: int, status: int) -> None:
    """SIGINT looks like a success; none of them leaves a result."""
    with subprocess.Popen(
        [fake.program, *STREAM, "hello"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env=fake.env | {"FAKE_CLAUDE": "hang"}, text=True,
    ) as process:  # fmt: skip
        read_to("init", process)
        process.send_signal(number)
        assert '"type":"result"' not in "".join(process.stdout or ())
        assert process.wait() == status


def test_it_leaves_a_grandchild_behind(fake: Fake) -> None:
    """In a session of its own, where no signal to its group reaches it."""
    fake.run(*STREAM, FAKE_CLAUDE="grandchild")
    pid = int((fake.records / "grandchild.pid").read_text())
    try:
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGKILL)
