"""Two hundred callers add a task each while the plan runs: every row is there, once, and every task is done."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.plan.parser import parse_plan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.reliability import synced

CALLERS = 200
AT_ONCE = 16
PERSON = "A person's words, which nobody else may touch.\n"


def test_two_hundred_adds_during_a_run(orchestrate: Orchestrate, root: Path, gate: Gate, tally: Counter[str]) -> None:
    """Ids are unique, no row is lost to the runner's drawing or to another caller, and one run does them all."""
    plan = write_plan(root, {"T-01": gate.wait}, more=PERSON)
    run = orchestrate.start("run", "--json", "--max-parallel", "4")
    gate.await_task(run)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        printed = list(pool.map(lambda number: added(orchestrate, number), range(CALLERS)))
    gate.open()
    outputs, errors = run.communicate(timeout=300)
    assert (0, "") == (run.returncode, "" if run.returncode == 0 else errors)
    parsed, problems = parse_plan(plan.read_bytes(), "p")
    assert [] == problems
    assert {f"T-{number:02}" for number in range(2, CALLERS + 2)} == set(printed)
    assert CALLERS + 1 == len(parsed.tasks)
    words = {task.name for task in parsed.tasks.values()}
    assert {f"echo number {number}" for number in range(CALLERS)} < words
    done = [line for line in outputs.splitlines() if '"event": "task_completed"' in line]
    assert CALLERS + 1 == len(done)
    assert PERSON in plan.read_text(encoding="utf-8")
    tally["concurrent adds, all kept"] += CALLERS


def added(orchestrate: Orchestrate, number: int) -> str:
    """Add a task in a process of its own; return the id it prints."""
    process = orchestrate.start("add", f"echo number {number}")
    printed, said = process.communicate(timeout=120)
    assert 0 == process.returncode, said
    return printed.strip()


LONG = "a word " * 100


@pytest.mark.parametrize("is_new", [True, False])
@pytest.mark.parametrize(
    "words",
    [("add", "echo two"), ("add", LONG, "--timeout", "5m"), ("update", "T-01", "--desc", LONG)],
    ids=["a row", "a row and a file", "another text"],
)
def test_what_was_reported_survives_a_power_cut(
    orchestrate: Orchestrate, root: Path, tmp_path: Path, words: tuple[str, ...], *, is_new: bool
) -> None:
    """Content and name of the plan, of the task file and of their directories are synced by then."""
    if not is_new or words[0] == "update":
        write_plan(root, {"T-01": "one"}, agent=None)
    told = tmp_path / "told"
    ended = subprocess.run(
        [sys.executable, synced.__file__, told, *words],
        cwd=tmp_path,
        env=orchestrate.environment,
        capture_output=True,
        encoding="utf-8",
    )
    assert 0 == ended.returncode, ended.stderr
    lost = told.read_text(encoding="utf-8").splitlines()
    kept = [f"names in {each}" for each in (tmp_path, root, root / "agent_tasks")]
    assert [] == [each for each in lost if each in kept or (each.endswith(".md") and "journal" not in each)]
