"""Two hundred callers add a task each while the plan runs: every row is there, once, and every task is done."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.store.plan_file import parse_plan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan

pytestmark = pytest.mark.slow

CALLERS = 200
AT_ONCE = 16
PERSON = "A person's words, which nobody else may touch.\n"


def test_two_hundred_adds_during_a_run(tmp_path: Path, tally: Counter[str]) -> None:
    """Ids are unique, no row is lost to the runner's drawing or to another caller, and one run does them all."""
    orchestrate = Orchestrate(tmp_path)
    root = tmp_path / ".orchestrator"
    gate = Gate(tmp_path / "gate")
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
    orchestrate.close()
    tally["concurrent adds, all kept"] += CALLERS


def added(orchestrate: Orchestrate, number: int) -> str:
    """Add a task in a process of its own; return the id it prints."""
    answer = subprocess.run(
        [sys.executable, "-m", "orchestrator", "add", f"echo number {number}"],
        cwd=orchestrate.where,
        env=orchestrate.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert 0 == answer.returncode, answer.stderr
    return answer.stdout.strip()
