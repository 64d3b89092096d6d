"""Seed 000, rows about the queue: what is added, kept, listed and run in which order."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, front_of
from tests.fakes.claude_calls import calls, install, script
from tests.mission.seed_script import run_script


def test_s0_02_a_plain_command_is_queued(orchestrate: Orchestrate, root: Path) -> None:
    """S0-02, S0-04, S0-05, S0-07: as the seed calls it, in a queue of commands; no agent that thinks is asked."""
    made = orchestrate("init", "--agent", "shell")
    assert 0 == made.returncode
    run = run_script(
        orchestrate, 'to add "echo hello" --priority 10 --desc "Task name"\nto list', "to"
    )
    assert 0 == run.returncode, run.stderr
    first, line = run.stdout.splitlines()
    assert "T-01" == first
    assert line.split()[0] == "T-01"
    assert "Task name" in line
    assert 0 == orchestrate("run").returncode
    assert "hello" == answer_of(root, "T-01").strip().splitlines()[0]


def test_s0_03_words_are_a_task_for_an_agent_in_the_same_queue(
    orchestrate: Orchestrate, root: Path, tmp_path: Path
) -> None:
    """A command beside it says that it is one."""
    install(tmp_path / "bin")
    script(tmp_path / "records", {"T-01": {"answer": "Found."}})
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    orchestrate.environment["FAKE_CLAUDE_DIR"] = str(tmp_path / "records")
    orchestrate(
        "add", "Research AI memory architectures", "--priority", "10", "--desc", "Memory research"
    )
    orchestrate("add", "echo shell", "--agent", "shell")
    assert 0 == orchestrate("run").returncode
    (call,) = calls(tmp_path / "records")
    assert call.task == "T-01"
    assert ("Found.", "shell") == (answer_of(root, "T-01"), answer_of(root, "T-02").strip())


@pytest.mark.parametrize(("flag", "attempts"), [("--retry", 3), ("--retries", 4)])
def test_s0_06_attempts_of_one_task_are_limited(
    orchestrate: Orchestrate, root: Path, flag: str, attempts: int
) -> None:
    """S0-06, S0-21: `--retry N` is N attempts in all, `--retries N` repeats; the delay is the task's own, too."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "exit 1", flag, "3", "--retry-delay", "0")
    assert 1 == orchestrate("run").returncode
    assert attempts == len(front_of(root, "T-01")["attempts"])


def test_s0_16_the_queue_is_on_disk(orchestrate: Orchestrate, root: Path) -> None:
    """S0-16, S0-17, S0-27: whoever comes next, from below too, finds what is left and goes on."""
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
    """In the words of the seed."""
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
