"""Seed 001, rows about tasks: how they are added, listed and changed, and the patterns of delegation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.executors.harness import wait_until
from tests.mission.seed_script import run_script, seed

#: Up to where it begins to watch.
QUICK_START = seed("quick_start").partition("# 3.")[0] + "echo $MAIN $DB $API $UI\n"
PHASES = seed("phased_delivery")
DYNAMIC = """\
for endpoint in users posts comments likes shares; do
    ./tm add "Create $endpoint endpoint" --assignee backend_specialist
done
"""


def needs(orchestrate: Orchestrate) -> dict[str, list[str]]:
    """What every task of the plan waits for."""
    return {task["id"]: task["needs"] for task in orchestrate("list", "--json").json["tasks"]}


def ids(orchestrate: Orchestrate, *words: str) -> list[str]:
    """The tasks that `list` prints, from its plain lines."""
    return [line.split()[0] for line in orchestrate("list", *words).stdout.splitlines()]


def test_s1_01_to_05_the_quick_start(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """S1-01 to S1-05: bare ids for `$(…)`, words for priorities, dependencies, specialists; who it was is kept."""
    made = run_script(orchestrate, QUICK_START, "./tm")
    assert (0, "T-01 T-02 T-03 T-04\n") == (made.returncode, made.stdout), made.stderr
    assert {"T-01": [], "T-02": ["T-01"], "T-03": ["T-02"], "T-04": ["T-03"]} == needs(orchestrate)
    tasks = orchestrate("list", "--json").json["tasks"]
    assert ["P1", "P2", "P2", "P2"] == [task["priority"] for task in tasks]
    assert "db_specialist" == tasks[1]["assignee"]
    journal = (tmp_path / ".orchestrator" / "journal.md").read_text(encoding="utf-8")
    assert "· T-04 · added · by orchestrator · Build UI" in journal


def test_s1_06_s1_18_tags(orchestrate: Orchestrate) -> None:
    """S1-06, S1-17, S1-18: found by tag and status together; filters combine."""
    assert 0 == run_script(orchestrate, PHASES, "./tm").returncode
    assert ["T-02", "T-03"] == ids(orchestrate, "--tag", "phase1")
    assert [] == ids(orchestrate, "--tag", "phase1", "--status", "completed")
    mine = ("--assignee", "backend_specialist")
    assert ["T-03", "T-05"] == ids(orchestrate, *mine, "--status", "waiting")
    assert ["T-05"] == ids(orchestrate, *mine, "--tag", "phase2", "--status", "pending,waiting")


def test_s1_15_s1_20_every_status_can_be_asked_for(orchestrate: Orchestrate, tmp_path: Path, gate: Gate) -> None:
    """S1-15, S1-19, S1-20: `pending`, `in_progress`, `blocked`, `completed`; one line per task, so `wc -l` counts."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true", "T-02": (gate.wait, "T-01"), "T-03": ("true", "T-02"), "T-04": "true"})
    orchestrate("update", "T-04", "--status", "blocked")
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until((root / "results" / "agent-02-result.md").exists)
    asked = {
        word: ids(orchestrate, "--status", word, "--format", "simple")
        for word in ("completed", "in_progress", "waiting", "blocked", "pending", "ready")
    }
    gate.open()
    orchestrate.finish(run)
    assert asked == {
        "completed": ["T-01"],
        "in_progress": ["T-02"],
        "waiting": ["T-03"],
        "blocked": ["T-04"],
        "pending": ["T-03"],
        "ready": [],
    }
    count = run_script(orchestrate, "./tm list | wc -l; ./tm list --status completed | wc -l", "./tm")
    assert ["4", "3"] == count.stdout.split()


def test_s1_16_s1_33_resource_balancing(orchestrate: Orchestrate) -> None:
    """The loop of the seed takes each word that `list --group-by assignee` prints for a specialist."""
    assert 0 == run_script(orchestrate, QUICK_START, "./tm").returncode
    added = run_script(orchestrate, seed("resource_balancing"), "./tm")
    assert (0, "T-05\n") == (added.returncode, added.stdout)
    assert "db_specialist" == orchestrate("show", "T-05", "--json").json["task"]["assignee"]


def test_s1_21_to_23_update(orchestrate: Orchestrate) -> None:
    """S1-21, S1-22, S1-23, S1-32: another specialist, another priority; a fallback is blocked by hand."""
    assert 0 == run_script(orchestrate, QUICK_START, "./tm").returncode
    script = """\
./tm update T-02 --assignee senior_backend_specialist
./tm update T-01 --priority critical
PRIMARY=$(./tm add "Try approach A" --assignee specialist_1)
FALLBACK=$(./tm add "Fallback to approach B" --assignee specialist_2)
./tm update $FALLBACK --status blocked  # Manually manage based on PRIMARY outcome
"""
    done = run_script(orchestrate, script, "./tm")
    assert 0 == done.returncode, done.stderr
    tasks = {task["id"]: task for task in orchestrate("list", "--json").json["tasks"]}
    assert "senior_backend_specialist" == tasks["T-02"]["assignee"]
    assert ("P0", "blocked") == (tasks["T-01"]["priority"], tasks["T-06"]["status"])
    assert ["T-06"] == ids(orchestrate, "--status", "blocked")


def test_s1_24_sequential_pipeline(orchestrate: Orchestrate) -> None:
    """One specialist after the other."""
    assert 0 == run_script(orchestrate, seed("sequential_pipeline"), "./tm").returncode
    assert {"T-01": [], "T-02": ["T-01"], "T-03": ["T-02"], "T-04": ["T-03"]} == needs(orchestrate)
    run = orchestrate("run", "--simulate", "--json")
    assert ["T-01", "T-02", "T-03", "T-04"] == run.started()


def test_s1_25_fan_out(orchestrate: Orchestrate) -> None:
    """All three are ready at the same moment, once the feature is there."""
    assert 0 == run_script(orchestrate, seed("parallel_execution"), "./tm").returncode
    plan = orchestrate("run", "--dry-run", "--json").json["tasks"]
    assert [1, 2, 2, 2] == [task["batch"] for task in plan]


def test_s1_26_phases_as_the_seed_writes_them(orchestrate: Orchestrate) -> None:
    """Children that are hung on a phase by --depends-on: the phase is a task of its own, and comes before them."""
    assert 0 == run_script(orchestrate, PHASES, "./tm").returncode
    run = orchestrate("run", "--simulate", "--max-parallel", "1", "--json").started()
    assert {"T-01", "T-02", "T-03", "T-04", "T-05", "T-06"} == set(run)
    assert run.index("T-01") < run.index("T-04") < min(run.index("T-05"), run.index("T-06"))


def test_s1_26_s1_27_phases_that_wait_for_everything_in_them(orchestrate: Orchestrate) -> None:
    """With --parent a phase is done when its tasks are, and the whole next phase is held back until then."""
    script = PHASES.replace("--depends-on $PHASE1 --assignee", "--parent $PHASE1 --assignee")
    script = script.replace("--depends-on $PHASE2 --assignee", "--parent $PHASE2 --assignee")
    assert 0 == run_script(orchestrate, script, "./tm").returncode
    run = orchestrate("run", "--simulate", "--max-parallel", "1", "--json")
    assert (0, 4) == (run.returncode, len(run.started()))
    assert {"T-02", "T-03"} == set(run.started()[:2])
    assert {"T-05", "T-06"} == set(run.started()[2:])
    tasks = orchestrate("list", "--parent", "T-04").stdout.splitlines()
    assert ["T-05", "T-06"] == [line.split()[0] for line in tasks]


def test_s1_30_a_specialist_finds_its_own_queue(orchestrate: Orchestrate) -> None:
    """Under its name, or as `me`."""
    assert 0 == run_script(orchestrate, DYNAMIC, "./tm").returncode
    orchestrate("add", "Design the users table", "--assignee", "db_specialist")
    mine = orchestrate("list", "--assignee", "me", "--status", "pending", env={"TM_AGENT_ID": "db_specialist"})
    assert ["T-06"] == [line.split()[0] for line in mine.stdout.splitlines()]
    assert 5 == len(ids(orchestrate, "--assignee", "backend_specialist", "--status", "pending"))


def test_s1_31_tasks_that_are_found_while_the_project_runs(
    orchestrate: Orchestrate, tmp_path: Path, gate: Gate
) -> None:
    """The loop of the seed, while a run is at work: it does them, too."""
    write_plan(tmp_path / ".orchestrator", {"T-01": gate.wait})
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    added = run_script(orchestrate, DYNAMIC.replace("Create $endpoint endpoint", "echo $endpoint"), "./tm")
    assert [f"T-0{n}" for n in range(2, 7)] == added.stdout.split()
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert 6 == len(ids(orchestrate, "--status", "done"))


@pytest.mark.parametrize(
    ("specific", "vague", "why"),
    [
        # The seed's own two examples.
        ("Create REST endpoints for user CRUD operations", "Do backend stuff", "“stuff”"),
        ("Design the sessions table with its indexes", "Do some database stuff", "“stuff”"),
        ("Write unit tests for the cart service", "Test the shop, the cart, etc", "“etc”"),
        ("Encrypt the passwords with bcrypt", "Make the login better somehow", "“somehow”"),
    ],
)
def test_s1_37_vague_texts_are_told(orchestrate: Orchestrate, specific: str, vague: str, why: str) -> None:
    """With what leaves open what is meant; the vague one is added all the same."""
    good = orchestrate("add", specific, "--assignee", "backend_specialist")
    bad = orchestrate("add", vague, "--assignee", "backend_specialist")
    assert (0, "T-01\n") == (good.returncode, good.stdout)
    assert "vague" not in good.stderr
    assert (0, "T-02\n") == (bad.returncode, bad.stdout)
    assert f"T-02 is vague: {why} leaves open what is meant" in bad.stderr
