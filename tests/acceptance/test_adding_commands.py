"""Nobody pays for a command, and no sentence is executed: `add` says which agent does what."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of
from tests.fakes.claude_calls import calls, install, script


def test_a_command_and_a_sentence_in_one_fresh_queue(
    orchestrate: Orchestrate, root: Path, tmp_path: Path
) -> None:
    """S0-02, S0-03: the two lines of the seed as they stand; only the sentence is paid for."""
    install(tmp_path / "bin")
    script(tmp_path / "records", {"T-02": {"answer": "Found."}})
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    orchestrate.environment["FAKE_CLAUDE_DIR"] = str(tmp_path / "records")
    first = orchestrate("add", "echo hello", "--priority", "10", "--desc", "Task name")
    assert "a queue in which `shell` runs commands and claude, which costs money" in first.stderr
    assert f"T-01: a command; `shell` runs it in {tmp_path}, " in first.stderr
    second = orchestrate(
        "add", "Research AI memory architectures", "--priority", "10", "--desc", "Memory research"
    )
    assert "command" not in second.stderr
    assert 0 == orchestrate("run").returncode
    assert ["T-02"] == [call.task for call in calls(tmp_path / "records")]
    assert ("hello", "Found.") == (answer_of(root, "T-01").strip(), answer_of(root, "T-02"))


def test_a_failed_command_is_never_given_to_an_agent_that_reads(
    orchestrate: Orchestrate, root: Path
) -> None:
    """Not by a second run either: there is no claude here, so that would be refused."""
    orchestrate.environment["PATH"] = "/usr/bin:/bin"
    assert 0 == orchestrate("add", "ls /nonexistent").returncode
    for words in (["run", "--agent", "shell"], ["run"]):
        assert 1 == orchestrate(*words).returncode
    assert "nonexistent" in orchestrate("show", "T-01").stdout


def test_what_may_be_a_command_is_read_and_that_is_said(
    orchestrate: Orchestrate, root: Path
) -> None:
    """With what has it run; who named an agent is told nothing."""
    told = orchestrate("add", "find bugs", "--json")
    assert "T-01: begins like a command, but claude reads it as a request" in told.stderr
    assert "update T-01 --agent shell" in told.json["warnings"][0]
    assert "begins like" not in orchestrate("add", "find bugs", "--agent", "claude").stderr
    assert "command" not in orchestrate("add", "Find the bugs of the parser").stderr


def test_a_command_says_where_it_will_run(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Where it was added is another place, with another environment."""
    (tmp_path / "sub").mkdir()
    orchestrate("init", "--agent", "shell")
    told = orchestrate("add", 'pwd; echo "FOO=$FOO"', cwd=tmp_path / "sub")
    assert f"runs it in {tmp_path}, with the environment of the run" in told.stderr
