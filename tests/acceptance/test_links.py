"""Links, pipes and directories in our places: nothing is written elsewhere, and nobody else's work is lost by one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan

LONG = "word " * 100


@pytest.mark.parametrize(
    "words",
    [
        ("add", "T", "--desc", LONG),
        ("add", "T", "--timeout", "5m"),
        ("update", "T-01", "--desc", LONG),
        ("spawn", LONG),
    ],
    ids=["add", "add with a setting", "update", "spawn"],
)
def test_no_task_file_is_written_through_a_link(
    orchestrate: Orchestrate, root: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    write_plan(root, {"T-01": "echo one"})
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (root / "agent_tasks").symlink_to(elsewhere)
    before = (root / "master_plan.md").read_bytes()
    answer = orchestrate(*words)
    assert 5 == answer.returncode, answer
    assert "agent_tasks: it is a link, and nothing is written through a link" in answer.stderr
    assert [] == list(elsewhere.iterdir())
    assert before == (root / "master_plan.md").read_bytes()


def planted(kind: str, place: str, outside: Path) -> str:
    """A command that puts something in the place of what we keep."""
    makes = {"link": f"ln -sT {outside} {{}}", "pipe": "mkfifo {}", "directory": "mkdir {}"}
    path = f'"$ORCHESTRATOR_DIR/{place}"'
    # Again where the run has just made the file anew.
    return f"until mv {path} {outside}.moved; {makes[kind].format(path)}; do :; done; echo planted"


@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_results_are_kept_where_an_agent_took_their_directory_away(
    orchestrate: Orchestrate, root: Path, tmp_path: Path, kind: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_plan(
        root,
        {
            "T-01": f"test -e planted || {{ {planted(kind, 'results', outside)}; touch planted; }}",
            "T-02": "while ! test -e planted; do :; done; echo two",
            "T-03": ("cat; echo three", "T-02"),
        },
    )
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    assert "results was replaced by what is no directory" in ran.stderr
    assert "two" == answer_of(root, "T-02")
    assert "two" in answer_of(root, "T-03")
    assert [] == list(outside.iterdir())


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
@pytest.mark.parametrize("place", ["journal.md", "index.json", "final_output.md"])
def test_what_lies_in_the_place_of_a_file_ends_no_run(
    orchestrate: Orchestrate, root: Path, tmp_path: Path, place: str, kind: str
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write_plan(root, {"T-01": planted(kind, place, outside), "T-02": ("echo two", "T-01")})
    assert 0 == orchestrate("validate").returncode
    ran = orchestrate("run")
    assert "🛑" not in ran.stderr
    assert {"T-01": "completed", "T-02": "completed"} == orchestrate.statuses()
    assert [] == list(outside.iterdir())
    assert 0 == ran.returncode, ran


@pytest.mark.parametrize("kind", ["link", "pipe", "directory", "nothing"])
def test_an_agent_that_takes_the_logs_away_loses_its_own(
    orchestrate: Orchestrate, root: Path, tmp_path: Path, kind: str
) -> None:
    """It fails, what runs after it has logs again, and nothing is written where a link leads."""
    outside = tmp_path / "outside"
    outside.mkdir()
    away = f'mv "$ORCHESTRATOR_DIR/logs" {tmp_path}/moved'
    command = away if kind == "nothing" else planted(kind, "logs", outside)
    plan = write_plan(root, {"T-02": "echo two", "T-03": ("cat; echo three", "T-02")})
    assert 0 == orchestrate("add", command, "--id", "T-01", "--priority", "P0").returncode, plan
    ran = orchestrate("run", "--max-parallel", "1")
    assert 1 == ran.returncode, ran.stderr
    assert {"T-01": "failed", "T-02": "completed", "T-03": "completed"} == orchestrate.statuses()
    assert "log is gone" in ran.stderr
    assert ("two", True) == (answer_of(root, "T-02"), (root / "logs").is_dir())
    assert [] == list(outside.iterdir())
    assert "three" in answer_of(root, "T-03")
