"""``history``: what became of one task."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan


def test_attempts_events_conversation_and_result(claude: ClaudePlan) -> None:
    """All of it on one page; an attempt and a session are keys as well as the task."""
    claude.write(2, retry_delay=0, retries=1)
    tool = {"cost": 0.01, "tool": "Bash", "input": {"command": "ls"}}
    steps = [{"do": "truncated"}, {"turns": [tool], "answer": "Forty-two"}]
    claude.play({"T-01": steps, "T-02": {"answer": "other"}})
    assert 0 == claude.orchestrate("run").returncode
    shown = claude.orchestrate("history", "T-01").stdout
    for words in ("1  failed", "2  completed", "retrying attempt 1", "uses Bash", "Forty-two"):
        assert words in shown
    assert "other" not in shown
    found = claude.orchestrate("history", "T-01", "--json").json
    assert [1, 2] == [each["number"] for each in found["attempts"]]
    assert {"who": "uses Bash", "text": '{"command": "ls"}'} in found["conversation"]
    assert found["answer"].startswith("Forty-two")
    session = found["attempts"][1]["session"]
    assert "T-01" == claude.orchestrate("history", session, "--json").json["task"]["id"]
    first = claude.orchestrate("history", "agent-01.attempt-1", "--json").json
    assert 1 == first["attempt"]
    assert not [said for said in first["conversation"] if said["who"] == "uses Bash"]


def test_a_page_stays_short_and_full_is_everything(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """A thousand lines of output are twenty lines of history; nothing reaches the terminal raw."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "printf '\\033]0;title\\007'; seq 1000"})
    assert 0 == orchestrate("run").returncode
    shown = orchestrate("history", "T-01").stdout
    assert "  output: 1000\n" in shown
    assert "  output: 980\n" not in shown
    assert "\x1b" not in shown
    full = orchestrate("history", "T-01", "--full").stdout
    assert "  output: 2\n" in full
    assert "\x1b" not in full


def test_an_attempt_is_read_as_its_own_agent_reads(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Whoever made the newest one; what a person said is shown as it is, whatever they are called."""
    write_plan(tmp_path / ".orchestrator", {"T-01": """echo '{"found": 3}'; false"""})
    assert 1 == orchestrate("run").returncode
    assert 0 == orchestrate("complete", "T-01", '{"found": 4}', "--as", "claude").returncode
    for number in (1, 2):
        shown = orchestrate("history", f"agent-01.attempt-{number}", "--json").json
        text = f'{{"found": {number + 2}}}'
        assert [{"who": "output", "text": text}] == shown["conversation"]


def test_a_key_that_nobody_knows(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """One line and a hint."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true"})
    for key in ("../T-09", "agent-01.attempt-1"):  # nothing was run yet
        answer = orchestrate("history", key, "--json")
        assert 2 == answer.returncode
        assert "not_found" == answer.json["code"]
        assert "orchestrator list" in answer.json["hint"]
    assert 0 == orchestrate("history", "T-01").returncode
