"""An agent puts a link, a pipe or a directory in a place of ours: it fails itself at most, and nobody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan, write_task

_PLANTS = {"link": "ln -s {secret}", "pipe": "mkfifo", "directory": "mkdir"}


def plant(orchestrate: Orchestrate, where: Path, place: str, how: str) -> dict[str, int]:
    """Let the first of three tasks plant something; return how many tasks ended how, after a run."""
    root, secret = where / ".orchestrator", where / "secret.txt"
    secret.write_text("SECRET\n")
    write_plan(root, {"T-01": "plant", "T-02": "echo two", "T-03": ("cat", "T-02, T-01")}, retries=0)
    plants = f"{_PLANTS[how].format(secret=secret)} {root}/{place}"
    write_task(root, "T-01", f"```sh\necho one\nrm -f {root}/{place}\n{plants}\n```\n")
    counts = orchestrate("run", "--json", "--on-failure", "continue").counts
    for command in (("status",), ("show", "T-01"), ("history", "T-01"), ("report",)):
        shown = orchestrate(*command)
        assert "SECRET" not in shown.stdout, command
    assert "SECRET\n" == secret.read_text()
    found = [each for each in root.rglob("*") if each.is_file() and not each.is_symlink()]
    assert not [each for each in found if b"SECRET" in each.read_bytes()]
    return counts


@pytest.mark.parametrize("how", _PLANTS)
def test_an_attempt_whose_log_became_something_else_fails(orchestrate: Orchestrate, tmp_path: Path, how: str) -> None:
    """Nothing is read through it, and nothing is handed on."""
    counts = plant(orchestrate, tmp_path, "logs/agent-01.attempt-1.out", how)
    assert {"completed": 1, "failed": 1, "skipped": 1} == counts


@pytest.mark.parametrize(
    ("place", "how"),
    [
        ("results/agent-03-result.md", "directory"),
        ("logs/agent-01.attempt-1.json", "directory"),
        ("logs/agent-03.attempt-1.out", "link"),
        ("logs/agent-03.attempt-1.err", "pipe"),
        ("logs/agent-03.attempt-1.in", "directory"),
        ("logs/agent-03.attempt-1.script", "directory"),
        ("logs/agent-03.attempt-1.json", "link"),
        ("final_output.md", "directory"),
    ],
)
def test_what_lies_in_a_place_of_ours_is_moved_away(
    orchestrate: Orchestrate, tmp_path: Path, place: str, how: str
) -> None:
    """Whose place it is makes no difference."""
    assert {"completed": 3} == plant(orchestrate, tmp_path, place, how)
