"""Nobody pays for a command, and no sentence is executed: `add` says which agent does what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of
from tests.fakes.claude_calls import calls, install, script


def test_a_command_and_a_sentence_in_one_fresh_queue(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """S0-02, S0-03: the two lines of the seed as they stand; only the sentence is paid for."""
    install(tmp_path / "bin")
    script(tmp_path / "records", {"T-02": {"answer": "Found."}})
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    orchestrate.environment["FAKE_CLAUDE_DIR"] = str(tmp_path / "records")
    first = orchestrate("add", "echo hello", "--priority", "10", "--desc", "Task name")
    assert "a queue in which `shell` runs commands and claude, which costs money" in first.stderr
    assert f"T-01: a command; `shell` runs it in {tmp_path}, " in first.stderr
    second = orchestrate("add", "Research AI memory architectures", "--priority", "10", "--desc", "Memory research")
    assert "command" not in second.stderr
    assert 0 == orchestrate("run").returncode
    assert ["T-02"] == [call.task for call in calls(tmp_path / "records")]
    assert ("hello", "Found.") == (answer_of(root, "T-01").strip(), answer_of(root, "T-02"))


def test_a_failed_command_is_never_given_to_an_agent_that_reads(orchestrate: Orchestrate, root: Path) -> None:
    """Not by a second run either: there is no claude here, so that would be refused."""
    orchestrate.environment["PATH"] = "/usr/bin:/bin"
    assert 0 == orchestrate("add", "ls /nonexistent").returncode
    for words in (["run", "--agent", "shell"], ["run"]):
        assert 1 == orchestrate(*words).returncode
    assert "nonexistent" in orchestrate("show", "T-01").stdout


def test_what_may_be_a_command_is_read_and_that_is_said(orchestrate: Orchestrate, root: Path) -> None:
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


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["~~Write a poem~~"], "the row of T-02 is struck out"),
        (["all", "--id", "total"], "the row of total would be read as one that adds up others"),
    ],
)
def test_a_row_that_the_next_command_would_not_read_is_not_written(
    orchestrate: Orchestrate, tmp_path: Path, words: list[str], said: str
) -> None:
    assert 0 == orchestrate("add", "Look around").returncode
    plan = tmp_path / ".orchestrator/master_plan.md"
    before = plan.read_bytes()
    for command in ("add", "spawn"):
        if command == "spawn":
            words = [words[0], *(["--label", words[2]] if words[2:] else [])]
        refused = orchestrate(command, *words, "--json")
        assert (2, f"the task cannot be added: {said}") == (refused.returncode, refused.json["message"])
        assert before == plan.read_bytes()


def test_a_dependency_may_be_said_as_in_a_cell(orchestrate: Orchestrate) -> None:
    """By the name of a task, as a range, or as all there are."""
    assert 0 == orchestrate("add", "Scan the whole tree", "--id", "x").returncode
    assert 0 == orchestrate("add", "Scan", "--id", "y").returncode
    added = orchestrate("add", "Tell them", "--depends-on", "scan, x", "--id", "z").stdout.strip()
    assert ["y", "x"] == orchestrate("show", added, "--json").json["task"]["needs"]
    for name in ("Design the API", "Write the API", "Test the API"):
        assert 0 == orchestrate("add", name).returncode
    for said, needs in {
        "design the api": ["T-01"],
        "T-01 to T-03": ["T-01", "T-02", "T-03"],
        "Test the API (order)": ["T-03"],
        "all above": ["x", "y", "z", "T-01", "T-02", "T-03", "T-04", "T-05", "T-06"],
    }.items():
        added = orchestrate("add", "Tell everybody", "--depends-on", said).stdout.strip()
        assert needs == orchestrate("show", added, "--json").json["task"]["needs"]
    assert 0 == orchestrate("update", "T-03", "--add-dep", "Write the API").returncode
    assert 0 == orchestrate("update", "T-05", "--remove-dep", "T-01 to T-02").returncode
    assert ["T-02"] == orchestrate("show", "T-03", "--json").json["task"]["needs"]
    assert ["T-03"] == orchestrate("show", "T-05", "--json").json["task"]["needs"]
    refused = orchestrate("add", "Tell nobody", "--depends-on", "whatever it takes")
    assert (2, "error: --depends-on: task whatever not found") == (refused.returncode, refused.stderr.splitlines()[0])
