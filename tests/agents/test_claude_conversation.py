"""The conversation in a log of ``claude``: of every stream that the real one printed."""

from __future__ import annotations

import pytest

from orchestrator.agents.claude_stream import conversation
from tests.fakes.fake_claude import SAMPLES, sample


def test_texts_tools_and_their_answers_in_order() -> None:
    """What the model said, what it used and with what, what the tool answered."""
    output, _, _ = sample("bash_tool_environment_stream")
    turns = list(conversation(output.encode().splitlines()))
    assert ["uses Bash", "answer of the tool", "claude"] == [turn.who for turn in turns]
    assert '"command"' in turns[0].text
    assert "CLAUDECODE=1" in turns[1].text
    assert "done" == turns[2].text


@pytest.mark.parametrize("name", sorted(path.stem for path in SAMPLES.glob("*.txt")))
def test_whatever_the_cli_printed_can_be_read(name: str) -> None:
    """Also plain text, one array of all events, and a stream that was cut."""
    output, _, _ = sample(name)
    for turn in conversation(output.encode().splitlines()):
        assert turn.who
        assert isinstance(turn.text, str)


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"[[[]]]",
        b'{"type": "assistant"}',
        b'{"type": "assistant", "message": 7}',
        b'{"type": "user", "message": {"content": [7, {"type": "tool_result", "content": [7]}]}}',
        b'{"type": "assistant", "message": {"content": [{"type": "text", "text": null}]}}',
        b"[" * 100_000,
    ],
)
@pytest.mark.usefixtures("no_garbage")
def test_no_line_is_too_odd(line: bytes) -> None:
    """Agents may write anything into their log."""
    assert isinstance(list(conversation([line])), list)
