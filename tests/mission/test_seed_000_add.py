"""Seed 000, rows about the queue: what is added, kept, listed and run in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, front_of
from tests.fakes.claude_calls import calls, install, script
from tests.mission.seed_script import run_script


def _with_claude(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Put a stand-in for claude on PATH, which keeps a record of each call."""
    install(tmp_path / "bin")
    script(tmp_path / "records", {"*": {"answer": "Found."}})
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    orchestrate.environment["FAKE_CLAUDE_DIR"] = str(tmp_path / "records")


def test_s0_02_a_plain_command_is_queued(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """S0-02, S0-04, S0-05: as the seed calls it, in a queue of commands; no agent that thinks is asked."""
    _with_claude(orchestrate, tmp_path)
    assert 0 == orchestrate("init", "--agent", "shell").returncode
    added = run_script(orchestrate, 'to add "echo hello" --priority 10 --desc "Task name"\nto run', "to")
    assert (0, "T-01") == (added.returncode, added.stdout.split()[0]), added.stderr
    assert "hello" == answer_of(root, "T-01").strip()
    assert b"hello\n" == (root / "logs/agent-01.attempt-1.out").read_bytes()
    (listed,) = orchestrate("list", "--json").json["tasks"]
    assert ("Task name", "completed", "shell") == (
        listed["name"],
        listed["status"],
        front_of(root, "T-01")["attempts"][0]["agent"],
    )
    assert [] == calls(tmp_path / "records")


def test_s0_03_words_are_a_task_for_an_agent_in_the_same_queue(
    orchestrate: Orchestrate, root: Path, tmp_path: Path
) -> None:
    """The agent gets the words, and nobody takes them for a command; one beside them says that it is one."""
    _with_claude(orchestrate, tmp_path)
    words = "Research AI memory architectures"
    orchestrate("add", words, "--priority", "10", "--desc", "Memory research")
    orchestrate("add", "echo shell", "--agent", "shell")
    assert ["T-01", "T-02"] == list(orchestrate.statuses())
    assert 0 == orchestrate("run").returncode
    (call,) = calls(tmp_path / "records")
    assert ("T-01", True) == (call.task, words in call.prompt)
    assert ("Found.", "shell") == (answer_of(root, "T-01"), answer_of(root, "T-02").strip())
    agents = [front_of(root, each)["attempts"][0]["agent"] for each in ("T-01", "T-02")]
    assert ["claude", "shell"] == agents


def test_s0_07_list_shows_what_is_pending(orchestrate: Orchestrate) -> None:
    """Each task that waits for its turn has a line that says so; one that is done says that."""
    orchestrate("init", "--agent", "shell")
    for name in ("first", "second", "third"):
        orchestrate("add", "true", "--desc", f"the {name}")

    def listed(*flags: str) -> dict[str, tuple[bool, str]]:
        lines = orchestrate("list", *flags).stdout.splitlines()
        return {line.split()[0]: ("🟡 Pending" in line, line.split()[-1]) for line in lines}

    names = {"T-01": "first", "T-02": "second", "T-03": "third"}
    assert {task: (True, name) for task, name in names.items()} == listed()
    assert 0 == orchestrate("run", "--only", "T-02").returncode
    left = {"T-01": (True, "first"), "T-03": (True, "third")}
    assert {**left, "T-02": (False, "second")} == listed()
    assert left == listed("--status", "pending")


@pytest.mark.parametrize(("flag", "attempts"), [("--retry", 3), ("--retries", 4)])
def test_s0_06_attempts_of_one_task_are_limited(orchestrate: Orchestrate, root: Path, flag: str, attempts: int) -> None:
    """S0-06, S0-21: `--retry N` is N attempts in all, `--retries N` repeats; the delay is the task's own, too."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "exit 1", flag, "3", "--retry-delay", "0")
    assert 1 == orchestrate("run").returncode
    assert attempts == len(front_of(root, "T-01")["attempts"])


def test_s0_16_the_queue_is_on_disk(orchestrate: Orchestrate, root: Path) -> None:
    """S0-16, S0-17: whoever comes next, from below too, finds what is left and goes on."""
    orchestrate("init", "--agent", "shell")
    for word in ("one", "two"):
        orchestrate("add", f"echo {word}")
    orchestrate("run", "--only", "T-01")
    below = orchestrate.where / "a" / "b"
    below.mkdir(parents=True)
    left = orchestrate("list", "--status", "pending", cwd=below)
    assert ["T-02"] == [line.split()[0] for line in left.stdout.splitlines()]
    assert "T-03\n" == orchestrate("add", "echo three", cwd=below).stdout
    run = orchestrate("run", "--json", cwd=below)
    assert ["T-02", "T-03"] == run.started()


def test_s0_22_higher_numbers_run_first(orchestrate: Orchestrate) -> None:
    """In the words of the seed, and for any numbers: none is cut to a few classes."""
    orchestrate("init", "--agent", "shell")
    added = run_script(
        orchestrate,
        """\
to add "true" --priority 1   # Runs last
to add "true" --priority 10  # Runs first
to add "true" --priority 5   # Runs second
""",
        "to",
    )
    assert "T-01\nT-02\nT-03\n" == added.stdout
    run = orchestrate("run", "--max-parallel", "1", "--json")
    assert ["T-02", "T-03", "T-01"] == run.started()
    numbers = (7, 100, 6, 11, 42, 12, 8, 9)
    tasks = {orchestrate("add", "true", "--priority", str(each)).stdout.strip(): each for each in numbers}
    started = orchestrate("run", "--max-parallel", "1", "--json").started()
    assert sorted(numbers, reverse=True) == [tasks[task] for task in started]
