"""Seed 001: its shell scripts, run as they stand; ``./tm`` is a program of ours that calls the orchestrator.

``seed_001/*.sh`` are copied from the seed byte for byte. Each runs in bash with ``-e``: a command that fails, fails.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.mission.seed_script import run_script, seed, start_script
from tests.patience import PATIENCE

#: The specialists of the seed.
SPECIALISTS = ("backend_specialist", "db_specialist", "frontend_specialist", "qa_specialist")


class Team:
    """A folder with ``./tm`` in it, in which scripts of the seed run."""

    def __init__(self, orchestrate: Orchestrate) -> None:
        self.orchestrate = orchestrate
        self.where = orchestrate.where

    def __call__(self, *words: str, agent: str = "orchestrator") -> Answer:
        return self.orchestrate(*words, env={"TM_AGENT_ID": agent})

    def start(self, name: str, **environment: str) -> subprocess.Popen[str]:
        """Start a script of the seed."""
        return start_script(self.orchestrate, seed(name), "./tm", **environment)

    def script(self, name: str, **environment: str) -> str:
        """Run a script of the seed to its end; return what it printed."""
        return self.answer(name, **environment).stdout

    def answer(self, name: str, **environment: str) -> Answer:
        """Run a script of the seed, which must succeed, to its end."""
        done = run_script(self.orchestrate, seed(name), "./tm", **environment)
        assert 0 == done.returncode, done.stderr
        return done

    def tasks(self, *filters: str) -> dict[str, dict[str, Any]]:
        """The tasks of the plan, by name."""
        answer = self("list", "--json", *filters)
        assert 0 == answer.returncode, answer.stderr
        return {task["name"]: task for task in json.loads(answer.stdout)["tasks"]}

    def add(self, *ids: str) -> None:
        """Make tasks with the ids that a script takes for granted."""
        for task_id in ids:
            assert 0 == self("add", f"Write chapter {task_id}", "--id", task_id).returncode


@pytest.fixture
def team(orchestrate: Orchestrate) -> Team:
    """An empty folder with ``./tm``."""
    return Team(orchestrate)


def test_s1_01_to_s1_13_quick_start(team: Team) -> None:
    """Four tasks in a chain, shared context, and ``watch``, which shows what is shared while it runs."""
    process = team.start("quick_start")
    assert process.stdout is not None
    listed = process.stdout.readline()  # nothing is in progress: the first line is already of `watch`
    while "Timeline" not in listed:
        listed = process.stdout.readline()
    tasks = team.tasks()
    design, build = tasks["Design database"], tasks["Build authentication system"]
    assert [build["id"]] == list(design["needs"])
    assert "db_specialist" == design["assignee"]
    assert 0 == team("discover", build["id"], "Redis is down", agent="db_specialist").returncode
    seen = process.stdout.readline()
    assert "Redis is down" in seen
    assert "db_specialist" in seen
    os.killpg(process.pid, signal.SIGTERM)  # a runner of tests may have its children ignore SIGINT
    process.communicate(timeout=PATIENCE)


def test_s1_24_sequential_pipeline(team: Team) -> None:
    """Each waits for the one before it."""
    team.script("sequential_pipeline")
    tasks = team.tasks()
    ids = [task["id"] for task in tasks.values()]
    assert [[], [ids[0]], [ids[1]], [ids[2]]] == [list(each["needs"]) for each in tasks.values()]
    assert ["pending", "waiting", "waiting", "waiting"] == [t["status"] for t in tasks.values()]


def test_s1_25_parallel_execution(team: Team) -> None:
    """Three specialists wait for one and the same."""
    team.script("parallel_execution")
    feature, *rest = team.tasks().values()
    assert 3 == len(rest)
    assert all([feature["id"]] == list(each["needs"]) for each in rest)


def test_s1_26_phased_delivery(team: Team) -> None:
    """``--depends-on`` keeps its literal meaning; tags tell the phases apart."""
    team.script("phased_delivery")
    assert {"Database setup", "API framework"} == set(team.tasks("--tag", "phase1"))
    first, second = (team.tasks()[f"Phase {each}"] for each in ("1: Core Infrastructure", "2: Features"))
    assert [first["id"]] == list(second["needs"])
    assert "high" == first["priority"] or "P1" == first["priority"]


def test_s1_07_to_s1_12_communication(team: Team) -> None:
    """What is shared is seen by all, a note by its author alone."""
    team.add("task_001")
    team.script("communication")
    own = team("context", "task_001", agent="db_specialist").stdout
    others = team("context", "task_001", agent="backend_specialist").stdout
    for text in ("Decided on PostgreSQL with JSONB columns", "CRITICAL: Need Redis"):
        assert text in own
        assert text in others
    assert "Considering NoSQL vs SQL" in own
    assert "NoSQL" not in others
    assert "MongoDB" not in others


def test_s1_27_project_initialization(team: Team) -> None:
    """Four components under a project, its context and its sync points."""
    team.script("project_initialization")
    project, *components = team.tasks().values()
    assert all([project["id"]] == list(each["needs"]) for each in components)
    context = team("context", project["id"], agent="payment_specialist").stdout
    assert "Stack: Node.js, PostgreSQL, React, Stripe" in context
    assert "Week 5: User acceptance testing" in context


def test_s1_16_and_s1_21_task_assignment(team: Team) -> None:
    """Grouped by assignee; reassigned."""
    team.add("task_123")
    team.script("task_assignment")
    assert "security_specialist" in team("list", "--group-by", "assignee").stdout.split()
    assert "senior_backend_specialist" == next(
        task["assignee"] for task in team.tasks().values() if task["id"] == "task_123"
    )


def test_s1_28_handling_blockers(team: Team) -> None:
    """The blocker stands in the context; the orchestrator answers, and raises a priority."""
    team.add("task_001", "task_005")
    text = "BLOCKED: Need database schema finalized"
    assert 0 == team("discover", "task_005", text, agent="backend_specialist").returncode
    printed = team.script("handling_blockers")
    assert text in printed
    urgent = next(task for task in team.tasks().values() if task["id"] == "task_001")
    assert urgent["priority"] in {"P0", "critical", "urgent"}
    assert "Escalating to db_specialist" in team("context", "task_005").stdout


def test_s1_37_clear_definitions(team: Team) -> None:
    """Both are added; the vague one is told about."""
    said = team.answer("clear_definitions").stderr
    assert 2 == len(team.tasks())
    assert 1 == said.count("is vague: ")
    assert "“stuff”" in said


def test_s1_04_proper_dependencies(team: Team) -> None:
    """The id of the first is the dependency of the second."""
    team.script("proper_dependencies")
    api, tests = team.tasks().values()
    assert [api["id"]] == list(tests["needs"])


def test_s1_07_and_s1_10_texts_that_look_like_options(team: Team) -> None:
    """``"- Use JWT"`` is a text."""
    team.add("P-1")
    team.script("context_sharing", PROJECT="P-1")
    team.script("sync_points", PROJECT="P-1")
    context = team("context", "P-1").stdout
    for line in ("- Use JWT for auth (not sessions)", "MILESTONE: Phase 1 complete"):
        assert line in context


def test_s1_31_dynamic_creation(team: Team) -> None:
    """A loop of the shell adds five tasks."""
    team.add("P-1")
    team.script("dynamic_creation", PROJECT="P-1")
    assert 6 == len(team.tasks())
    assert 5 == len(team.tasks("--assignee", "backend_specialist"))


def test_s1_32_conditional_dependencies(team: Team) -> None:
    """The fallback is blocked by hand."""
    team.script("conditional_dependencies")
    assert ["Fallback to approach B"] == list(team.tasks("--status", "blocked"))


def test_s1_33_resource_balancing(team: Team) -> None:
    """The loop takes each specialist's name from ``--group-by`` and counts the lines of ``list``."""
    for number in range(3):
        added = team("add", f"Write chapter {number}", "--assignee", "busy_specialist").stdout
        assert 0 == team("start", added.strip(), agent="busy_specialist").returncode
    team("add", "Write chapter 4", "--assignee", "idle_specialist")
    team.script("resource_balancing")
    assert 2 == len(team.tasks("--assignee", "idle_specialist"))
    assert 3 == len(team.tasks("--assignee", "busy_specialist"))


def test_the_whole_of_orchestrate_auth(team: Team) -> None:
    """Nineteen tasks in four phases, their milestones, and nothing but ids in its variables (S1-02)."""
    printed = team.script("orchestrate_auth")
    tasks = team.tasks()
    assert "Orchestration complete!" in printed
    assert f"Total tasks created: {len(tasks)}" in printed
    assert 19 == len(tasks)
    jwt, middleware = (
        tasks[name] for name in ("Implement JWT generation/validation", "Build authentication middleware")
    )
    assert [jwt["id"]] == list(middleware["needs"])
    assert {"phase1": 3, "phase2": 4, "phase3": 4, "phase4": 3} == {
        f"phase{n}": len(team.tasks("--tag", f"phase{n}")) for n in range(1, 5)
    }
    root = tasks["Implement secure authentication system"]
    context = team("context", root["id"], agent="qa_specialist").stdout
    assert "- GDPR compliant audit logs" in context
    assert "Milestone 4: Testing complete (Day 14)" in context
    assert 0 == team("validate").returncode


def test_s1_35_the_dashboard(team: Team) -> None:
    """One turn of the seed's loop: counts by status, work by specialist, what is blocked."""
    team.script("orchestrate_auth")
    root = team.tasks()["Implement secure authentication system"]["id"]
    assert 0 == team("start", root).returncode
    assert 0 == team("complete", root).returncode
    first = team.tasks()["Phase 1: Database Schema"]["id"]
    assert 0 == team("start", first, agent="db_specialist").returncode
    assert 0 == team("update", first, "--assignee", "db_specialist").returncode
    later = team.tasks()["Write unit tests"]["id"]
    assert 0 == team("block", later, "no runner").returncode
    tools = team.where / "tools"
    tools.mkdir()
    (tools / "clear").write_text("#!/bin/sh\n")
    (tools / "sleep").write_text("#!/bin/sh\nkill -TERM $PPID\n")  # the person looked once
    for tool in tools.iterdir():
        tool.chmod(0o755)
    process = team.start("monitor", PATH=f"{tools}:{team.orchestrate.environment['PATH']}")
    stdout, stderr = process.communicate(timeout=PATIENCE)
    lines = [line.strip() for line in stdout.splitlines()]
    assert "Total tasks: 19" in lines, stderr
    assert "In Progress: 1" in lines
    assert "Blocked: 1" in lines
    assert "Completed: 1" in lines
    assert "db_specialist: 1 active tasks" in lines
    blocked = lines[lines.index("🚨 Blocked Tasks:") + 1]
    assert later in blocked
    assert "Write unit tests" in blocked
