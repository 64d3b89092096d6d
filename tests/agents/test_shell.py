"""``agent: shell``: which interpreter, which script, and how much of its output is kept."""

from __future__ import annotations

import sys

import pytest

from orchestrator.agents.shell import ShellAgent
from orchestrator.agents.stdout_reader import KEPT
from orchestrator.core.result import SCRIPT, ProcessExit, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.errors import AgentError
from tests.agents.assignments import assignment, given


@pytest.mark.parametrize(
    ("language", "interpreter"),
    [
        ("", ("/bin/sh", "-e")),
        ("sh", ("/bin/sh", "-e")),
        ("console", ("/bin/sh", "-e")),
        ("bash", ("bash", "-e")),
        ("python", (sys.executable,)),
        ("python3", (sys.executable,)),
    ],
)
def test_the_first_code_block_is_the_script(language: str, interpreter: tuple[str, ...]) -> None:
    """Its language says what runs it, and a script whose middle fails has failed (S0-02)."""
    command = ShellAgent().invocation(assignment("text", code="echo one", language=language))
    assert command.argv == (*interpreter, SCRIPT)
    assert command.script == "echo one\n"


def test_without_a_fence_the_whole_text_is_the_script() -> None:
    """A row of the table can be a command (S0-02)."""
    assert ShellAgent().invocation(assignment("\necho one\n")).script == "echo one\n"


def test_backticks_around_the_whole_text_are_not_the_shells() -> None:
    """They say that it is a command; its output is not run as one."""
    for body in ("`echo one`", " ``echo one``\n"):
        assert ShellAgent().invocation(assignment(body)).script == "echo one\n"
    for body in ("`date` `date`", "``", "echo `date`"):
        assert ShellAgent().invocation(assignment(body)).script == f"{body}\n"
    assert ShellAgent().invocation(assignment("", code="`date`")).script == "`date`\n"


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_of_another_system_are_no_part_of_the_command(ending: str) -> None:
    """With or without a fence, also in the last line."""
    text = f"{ending}cd /tmp{ending}ls{ending}"
    assert ShellAgent().invocation(assignment(text)).script == "cd /tmp\nls\n"
    assert ShellAgent().invocation(assignment("", code=f"cd /tmp{ending}ls")).script == "cd /tmp\nls\n"


@pytest.mark.parametrize(("body", "code", "language"), [("", "", ""), (" \n", "", ""), ("text", "x = 1", "julia")])
def test_what_cannot_be_run_is_an_error_with_advice(body: str, code: str, language: str) -> None:
    """No command, or a language nobody speaks, is said before anything starts."""
    with pytest.raises(AgentError) as caught:
        ShellAgent().invocation(assignment(body, code=code, language=language))
    assert "```sh" in caught.value.hint


def test_standard_input_is_what_the_dependencies_answered() -> None:
    """One after the other with an empty line between; an empty answer leaves no trace (S2-72)."""
    inputs = [given("T-01", "one\nmore"), given("T-02", ""), given("T-03", "three")]
    assert ShellAgent().invocation(assignment("cat", *inputs)).stdin == "one\nmore\n\nthree\n"


@pytest.mark.parametrize("size", [0, 1, KEPT, KEPT + 1, 2 * KEPT, 2 * KEPT + 1, 5 * KEPT])
def test_of_long_output_head_and_tail_are_kept(size: int) -> None:
    """The answer has both ends, and says how much is left out between them."""
    data = (b"a" * KEPT + b"b" * (4 * KEPT))[: size // 2] + b"z" * (size - size // 2)
    reader = ShellAgent().reader(Settings())
    for at in range(0, size, 1000):
        reader.feed(data[at : at + 1000])
    answer = reader.close(ProcessExit(code=0), b"").answer
    text = data.decode()
    if size <= 2 * KEPT:
        assert answer == text
    else:
        assert answer.startswith(text[:KEPT])
        assert answer.endswith(text[-KEPT:])
        assert f"{size - 2 * KEPT} bytes left out" in answer


@pytest.mark.parametrize("line", ["日本語の行です", "ghp_0123456789abcdefghij0123456789abcdef"])
@pytest.mark.parametrize("shift", range(3))
def test_long_output_is_cut_between_lines(line: str, shift: int) -> None:
    """Half a character is none, half a line misleads, and half a token is not known as one any more."""
    reader = ShellAgent().reader(Settings())
    printed = ("x" * shift + f"\n{line}" * 20_000 + "\n").encode()
    reader.feed(printed)
    answer = reader.close(ProcessExit(code=0), b"").answer
    first, *lines = answer.splitlines()
    [note] = [each for each in lines if each != line]
    assert "x" * shift == first
    left = len(printed) - len(answer.replace(f"{note}\n", "").encode())
    assert f"[… {left} bytes left out, all of it is in the log …]" == note


def test_one_long_line_is_cut_between_characters() -> None:
    """There is no better place."""
    reader = ShellAgent().reader(Settings())
    reader.feed(("x" + "日" * KEPT).encode())
    head, _, tail = reader.close(ProcessExit(code=0), b"").answer.split("\n")
    assert ({"日"}, {"日"}) == (set(head[1:]), set(tail))


@pytest.mark.parametrize("code", [126, 127])
def test_a_missing_command_is_not_tried_again(code: int) -> None:
    """It will be missing the next time, too."""
    outcome = ShellAgent().reader(Settings()).close(ProcessExit(code=code), b"sh: 1: nope: not found\n")
    assert outcome.verdict is Verdict.FATAL
    assert "nope: not found" in outcome.reason


@pytest.mark.parametrize(("format", "is_markdown"), [("auto", False), ("text", False), ("markdown", True)])
def test_output_is_text_unless_the_plan_says_markdown(format: str, is_markdown: bool) -> None:
    """What a command prints is shown as it is."""
    outcome = ShellAgent().reader(Settings(format=format)).close(ProcessExit(code=0), b"")
    assert outcome.is_markdown is is_markdown


def test_output_of_a_failed_command_is_kept() -> None:
    """Partial results are kept (S2-71)."""
    reader = ShellAgent().reader(Settings())
    reader.feed(b"half of it\n")
    outcome = reader.close(ProcessExit(code=1), b"")
    assert (outcome.verdict, outcome.answer) == (Verdict.FAILED, "half of it\n")


@pytest.mark.parametrize("why", [StopReason.TIMEOUT, StopReason.IDLE, StopReason.LINGERING])
def test_output_of_a_command_that_took_too_long_is_kept(why: StopReason) -> None:
    """As of one that failed by itself, and it counts as little (S2-71)."""
    reader = ShellAgent().reader(Settings())
    reader.feed(b"half of it\n")
    outcome = reader.close(ProcessExit(signal=15, stopped=why), b"")
    assert (outcome.verdict, outcome.answer) == (Verdict.FAILED, "half of it\n")
