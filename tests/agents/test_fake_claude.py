"""The fake ``claude`` is to the agent what the recordings of the real one are; else tests with it prove nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.core.result import Exit, Verdict
from orchestrator.core.settings import Settings
from tests.fakes.claude_calls import Call, calls, install, script
from tests.fakes.fake_claude import BEHAVIOURS, VERSION, sample

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
    "several_results": "background_task_two_results_stream",
    "array": "json_with_verbose_is_array",
    "nothing": "sigint_while_waiting_api_stream",
}
NEVER_RECORDED = {
    "http500": Verdict.FAILED,
    "huge_line": Verdict.COMPLETED,
    "truncated": Verdict.FAILED,
    "error_and_exit_0": Verdict.FAILED,
    "answer_and_exit_1": Verdict.FAILED,
}
#: They stay, or leave something behind.
ENDLESS = {"lingers", "hang", "ignores_sigterm", "grandchild"}


class Fake:
    """A fake in a directory of its own."""

    def __init__(self, where: Path) -> None:
        self.program = install(where / "bin")
        self.records = where / "records"
        self.records.mkdir()
        self.env = {"PATH": "/usr/bin:/bin", "FAKE_CLAUDE_DIR": str(self.records)}

    def run(
        self, *argv: str, prompt: str = "hello", **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, *argv], input=prompt, env=self.env | env, capture_output=True, text=True
        )

    def call(self) -> Call:
        (call,) = calls(self.records)
        return call


@pytest.fixture
def fake(tmp_path: Path) -> Fake:
    return Fake(tmp_path)


def verdict(out: str, err: str, status: int) -> Verdict:
    reader = ClaudeAgent().reader(Settings())
    reader.feed(out.encode())
    return reader.close(Exit(code=status), err.encode()).verdict


def test_every_behaviour_is_compared_with_something() -> None:
    """No behaviour of the fake is made up without being named here."""
    assert BEHAVIOURS.keys() == TRUE_TO.keys() | NEVER_RECORDED.keys() | ENDLESS


@pytest.mark.parametrize(("behaviour", "recording"), TRUE_TO.items())
def test_it_does_what_was_recorded(fake: Fake, behaviour: str, recording: str) -> None:
    """The same exit status, the same fields, the same verdict as the real one."""
    done = fake.run(*STREAM, FAKE_CLAUDE=behaviour)
    out, err, status = sample(recording)
    assert done.returncode == status
    assert verdict(done.stdout, done.stderr, status) is verdict(out, err, status)
    mine, real = (json.loads(text.splitlines()[-1]) if text else {} for text in (done.stdout, out))
    if behaviour not in ("array", "nothing"):
        assert mine.keys() <= real.keys() | {"result_index"}
        assert [mine[key] for key in ("type", "subtype", "is_error")] == [
            real[key] for key in ("type", "subtype", "is_error")
        ]


@pytest.mark.parametrize(("behaviour", "expected"), NEVER_RECORDED.items())
def test_what_was_never_recorded_is_judged_all_the_same(
    fake: Fake, behaviour: str, expected: Verdict
) -> None:
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
def test_it_refuses_what_the_real_one_refuses(
    fake: Fake, argv: list[str], prompt: str, recording: str
) -> None:
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
    """A retry needs another one."""
    first, second = (fake.run(*STREAM, "--session-id=abc") for _ in range(2))
    assert (first.returncode, second.returncode) == (0, 1)
    assert second.stderr == "Error: Session ID abc is already in use.\n"


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


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)]
)
def test_it_ends_on_signals_as_the_real_one(fake: Fake, number: int, status: int) -> None:
    """SIGINT looks like a success; none of them leaves a result."""
    with subprocess.Popen(
        [fake.program, *STREAM, "hello"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env=fake.env | {"FAKE_CLAUDE": "hang"}, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        if not process.stdout.readline():
            pytest.fail("it said nothing")
        process.send_signal(number)
        assert '"type":"result"' not in process.stdout.read()
        assert process.wait() == status


def test_it_leaves_a_grandchild_behind(fake: Fake) -> None:
    """In a session of its own, where no signal to its group reaches it."""
    fake.run(*STREAM, FAKE_CLAUDE="grandchild")
    pid = int((fake.records / "grandchild.pid").read_text())
    try:
        assert os.getsid(pid) == pid
    finally:
        os.kill(pid, signal.SIGKILL)
