"""Two hundred callers add a task each while the plan runs: every row is there, once, and every task is done."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from orchestrator.store.plan_file import parse_plan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan

CALLERS = 200
AT_ONCE = 16
PERSON = "A person's words, which nobody else may touch.\n"


def test_two_hundred_adds_during_a_run(
    orchestrate: Orchestrate, root: Path, gate: Gate, tally: Counter[str]
) -> None:
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
