"""Seed 003, rows about resources: pools, locks, and files that two tasks would write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate

#: Fails where another task of the same word is at it.
ALONE = "mkdir {0}.busy && head -c 3000000 /dev/urandom > {0}.busy/x && rm -r {0}.busy"


def write(root: Path, columns: str, rows: list[str], front: str = "") -> None:
    """Write a plan of shell tasks with more columns than the usual ones."""
    head = f"| Task ID | Description | Dependencies | {columns} |"
    dashes = "|---" * head.count(" | ") + "|---|"
    root.mkdir(exist_ok=True)
    text = "\n".join(["---", "agent: shell", "max_parallel: 8", front, "---", "# Plan", "", head, dashes, *rows, ""])
    (root / "master_plan.md").write_text(text, encoding="utf-8")


def test_s3_99_a_pool_lets_so_many_through(orchestrate: Orchestrate, root: Path) -> None:
    """By name, by type, and all of its pools or none."""
    rows = [f"| T-0{n} | {ALONE.format('gpu')} | None | gpu | |" for n in range(1, 4)]
    rows += [f"| T-1{n} | {ALONE.format('db')} | None | | analysis |" for n in range(1, 4)]
    rows += [f"| T-21 | {ALONE.format('gpu')} && {ALONE.format('db')} | None | gpu, db | |"]
    write(root, "Pools | Type", rows, "pools: {gpu: 1, db: {size: 1, types: [Analysis]}}")
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr


def test_s3_99_what_a_task_must_not_do_at_the_same_time(orchestrate: Orchestrate, root: Path) -> None:
    """A lock of one word; globs that overlap; and a task file says it as a row does."""
    rows = [f"| T-0{n} | {ALONE.format('deploy')} | None | deploy | |" for n in range(1, 4)]
    rows += [f"| T-1{n} | {ALONE.format('src')} | None | | {glob} |" for n, glob in enumerate(["src/**", "src/a.py"])]
    rows += [f"| T-2{n} | {ALONE.format('deploy')} | None | | |" for n in range(2)]
    write(root, "Concurrency | Writes", rows)
    (root / "agent_tasks").mkdir()
    for n in range(2):
        body = f"---\nconcurrency: deploy\n---\n```sh\n{ALONE.format('deploy')}\n```\n"
        (root / f"agent_tasks/agent-2{n}.md").write_text(body, encoding="utf-8")
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("front", "cell", "words"),
    [
        ("", "gpu", "asks for the pool gpu, which the plan does not have"),
        ("pools: {gpus: 1}", "gpu", "did you mean gpus?"),
        ("pools: {gpu: 0}", "gpu", "gpu: 0 is not a size between 1 and 1000"),
        ("pools: {gpu: 1}", "g p u", "'g p u' is not a name"),
        ("concurrency: 3", "", "how many agents run at the same time is max_parallel"),
    ],
)
def test_s3_99_a_pool_that_is_not_there(
    orchestrate: Orchestrate, root: Path, front: str, cell: str, words: str
) -> None:
    write(root, "Pools", [f"| T-01 | true | None | {cell} |"], front)
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert words in refused.stderr
    assert "master_plan.md:" in refused.stderr
