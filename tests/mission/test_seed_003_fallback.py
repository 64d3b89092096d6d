"""Seed 003, rows about going on when a task fails: another task that stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of


def write(root: Path, rows: list[str]) -> None:
    """Write a plan of shell tasks: command, dependencies, the task that it stands in for."""
    root.mkdir(exist_ok=True)
    head = ["| Task ID | Description | Dependencies | Fallback For |", "|---|---|---|---|"]
    text = "\n".join(["---", "agent: shell", "retries: 0", "---", "# Plan", "", *head, *rows, ""])
    (root / "master_plan.md").write_text(text, encoding="utf-8")


def test_s3_83_a_fallback_stands_in_for_the_result_of_a_task_that_failed(orchestrate: Orchestrate, root: Path) -> None:
    """What depends on that task gets the result of the fallback, and the run has done what it was to do."""
    rows = [
        "| T-01 | exit 3 | None | |",
        "| T-02 | echo from the fallback | None | T-01 |",
        "| T-03 | cat; echo and three | T-01 | |",
    ]
    write(root, rows)
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    assert {"T-01": "failed", "T-02": "completed", "T-03": "completed"} == orchestrate.statuses()
    assert "from the fallback\nand three" in answer_of(root, "T-03")
    assert "its fallback stands in for it" in ran.stderr
    output = (root / "final_output.md").read_text(encoding="utf-8")
    assert "- ⏭️ T-01: exit 3; its fallback stands in for it" in output
    assert "What is missing" not in output
    again = orchestrate("run")
    assert 0 == again.returncode
    assert "0 of 3 tasks to run" in again.stderr


def test_s3_83_a_fallback_that_is_not_needed(orchestrate: Orchestrate, root: Path) -> None:
    rows = ["| T-01 | echo one | None | |", "| T-02 | touch ran | None | T-01 |", "| T-03 | cat | T-01 | |"]
    write(root, rows)
    assert 0 == orchestrate("run").returncode
    assert {"T-01": "completed", "T-02": "skipped", "T-03": "completed"} == orchestrate.statuses()
    assert not list(root.parent.rglob("ran"))
    assert "T-01 completed" in orchestrate("status").stdout


def test_s3_83_the_fallback_of_a_fallback(orchestrate: Orchestrate, root: Path) -> None:
    rows = [
        "| T-01 | exit 3 | None | |",
        "| T-02 | exit 4 | None | T-01 |",
        "| T-03 | echo third | None | T-02 |",
        "| T-04 | cat | T-01 | |",
    ]
    write(root, rows)
    assert 0 == orchestrate("run").returncode
    assert "third" in answer_of(root, "T-04")


def test_s3_83_a_fallback_that_fails_too(orchestrate: Orchestrate, root: Path) -> None:
    rows = ["| T-01 | exit 3 | None | |", "| T-02 | exit 4 | None | T-01 |", "| T-03 | cat | T-01 | |"]
    write(root, rows)
    ran = orchestrate("run")
    assert 1 == ran.returncode
    assert {"T-01": "failed", "T-02": "failed", "T-03": "skipped"} == orchestrate.statuses()
    write(root, [rows[0].replace("exit 3", "echo mended"), *rows[1:]])
    assert 0 == orchestrate("run").returncode
    assert {"T-01": "completed", "T-02": "skipped", "T-03": "completed"} == orchestrate.statuses()


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["| T-01 | true | None | T-09 |"], "T-01 is a fallback for T-09, which is not another task of the plan"),
        (["| T-01 | true | None | T-01 |"], "which is not another task"),
        (
            ["| T-01 | true | None | |", "| T-02 | true | None | T-01 |", "| T-03 | true | None | T-01 |"],
            "T-01 has two fallbacks: T-02 and T-03",
        ),
        (
            ["| T-01 | true | None | |", "| T-02 | true | T-03 | T-01 |", "| T-03 | true | T-01 | |"],
            "T-02 → T-03 → T-02",
        ),
    ],
)
def test_s3_83_what_is_no_fallback(orchestrate: Orchestrate, root: Path, rows: list[str], words: str) -> None:
    write(root, rows)
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert words in refused.stderr
    assert "master_plan.md:" in refused.stderr
