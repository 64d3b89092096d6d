"""Seed 004, rows about agents: who there is, who takes which task, and how many at once."""

from __future__ import annotations

from collections.abc import Collection
from itertools import accumulate
from pathlib import Path

import pytest

from tests.acceptance.agents_plan import Crowd, write_agent, write_rows
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import front_of
from tests.fakes.claude_calls import Call

pytestmark = pytest.mark.slow

CLAUDE_CODE = """\
extends: claude-code
best_for: Dev, refactor, debug, docs
types: dev
capabilities: [refactor, debug, docs]
max_parallel: 3
"""
EVA = """\
best_for: Test, validate, system-ops
types: test
capabilities: [validate, system-ops]
max_parallel: 1
---
You are Eva. You believe nothing that you have not seen.
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A plan directory with the seed's two agents."""
    root = tmp_path / ".orchestrator"
    write_agent(root, "claude-code", CLAUDE_CODE)
    write_agent(root, "eva", EVA)
    return root


@pytest.fixture
def crowd(orchestrate: Orchestrate, tmp_path: Path) -> Crowd:
    return Crowd(orchestrate, tmp_path)


def most_at_once(calls: Collection[Call]) -> int:
    """How many of these calls were under way at the same time, at most."""
    moments = [(call.start, 1) for call in calls] + [(call.end or call.start, -1) for call in calls]
    return max(accumulate(change for _, change in sorted(moments)))


def test_s4_54_the_roster(orchestrate: Orchestrate, crowd: Crowd, root: Path) -> None:
    """Key, best for, max parallel: the seed's table, as two files."""
    agents = {each["key"]: each for each in orchestrate("agents", "--json").json["agents"]}
    claude, eva = agents["claude"], agents["eva"]
    assert ("Dev, refactor, debug, docs", 3) == (claude["best_for"], claude["max_parallel"])
    assert ("Test, validate, system-ops", 1) == (eva["best_for"], eva["max_parallel"])
    assert all(each["usable"] and not each["running"] for each in agents.values())
    text = orchestrate("agents").stdout
    assert "claude     0/3      dev    Dev, refactor, debug, docs" in text
    assert "eva        0/1      test   Test, validate, system-ops" in text


def test_s4_55_who_takes_what(orchestrate: Orchestrate, crowd: Crowd, root: Path) -> None:
    """Whoever is named; else by type; else by what it can do; else the agent of the plan. And each in its role."""
    rows = {
        "T-01": ("Write it", "", "dev"),
        "T-02": ("Test it", "", "Test"),
        "T-03": ("Describe it", "", "docs"),
        "T-04": ("Look at the disk", "", "system-ops"),
        "T-05": ("Write it", "eva", "dev"),
        "T-06": ("Find out", "", "research"),
        "T-07": ("true", "shell", "test"),
        "T-08": ("Write it", "claude-code", "test"),
    }
    write_rows(root, rows, "agent: eva")
    assert 0 == orchestrate("run").returncode
    agents = {task: front_of(root, task)["agent"] for task in rows}
    chosen = ["claude", "eva", "claude", "eva", "eva", "eva", "shell", "claude"]
    assert chosen == list(agents.values())
    for task, call in crowd.claude().items():
        assert ("You are Eva." in call.prompt) == (agents[task] == "eva")


def test_s4_54_max_parallel_is_never_passed(
    orchestrate: Orchestrate, crowd: Crowd, root: Path
) -> None:
    """Six slots, and never two tests at once; nor, with those, more than three of claude, for Eva is one of it."""
    rows = {f"T-0{n}": ("Test it", "", "test") for n in range(1, 4)}
    rows |= {f"T-0{n}": ("Write it", "", "dev") for n in range(4, 10)}
    write_rows(root, rows, "max_parallel: 6")
    assert 0 == orchestrate("run").returncode
    calls = crowd.claude()
    assert 9 == len(calls)
    tests = [call for task, call in calls.items() if rows[task][2] == "test"]
    assert 1 == most_at_once(tests)
    assert most_at_once(calls.values()) <= 3


def test_s0_02_and_03_commands_and_words_in_one_queue(
    orchestrate: Orchestrate, crowd: Crowd, root: Path
) -> None:
    """One row is run by a shell, without any model; the next one is done by an agent that reads prose."""
    rows = {"T-01": ("echo hello", "shell", ""), "T-02": ("Say hello to the world", "", "")}
    write_rows(root, rows)
    assert 0 == orchestrate("run").returncode
    assert ["T-02"] == list(crowd.claude())
    assert ["shell", "claude"] == [front_of(root, task)["agent"] for task in rows]
