"""Seed 001, rows about what agents say to each other; and S0-28, watching it happen."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.mission.seed_script import start_script
from tests.patience import PATIENCE

TEAM = {"T-01": "true", "T-02": ("true", "T-01"), "T-05": ("true", "T-02")}


@pytest.fixture
def root(orchestrate: Orchestrate, tmp_path: Path) -> Path:
    root = tmp_path / ".orchestrator"
    write_plan(root, TEAM)
    return root


def tm(orchestrate: Orchestrate, who: str, *words: str) -> str:
    """A command of the seed, as its author types it; what it prints."""
    answer = orchestrate(*words, env={"TM_AGENT_ID": who})
    assert 0 == answer.returncode, answer.stderr
    return answer.stdout


def test_s1_01_the_environment_names_the_caller(orchestrate: Orchestrate, root: Path) -> None:
    """`export TM_AGENT_ID="orchestrator"`."""
    tm(orchestrate, "orchestrator", "share", "T-01", "Requirements: JWT auth, PostgreSQL, React")
    assert "orchestrator · share" in tm(orchestrate, "somebody", "context", "T-01")


def test_s1_07_to_s1_12_the_three_channels(orchestrate: Orchestrate, root: Path) -> None:
    """As in "How Sub-Agents Communicate": joined, noted, shared, discovered, in order; notes only for their author."""
    db, backend = "db_specialist", "backend_specialist"
    tm(orchestrate, db, "join", "T-01")
    tm(orchestrate, db, "note", "T-01", "Considering NoSQL vs SQL for this use case")
    tm(orchestrate, db, "note", "T-01", "Research: MongoDB might be better for nested data")
    tm(orchestrate, db, "share", "T-01", "Decided on PostgreSQL with JSONB columns")
    tm(orchestrate, db, "share", "T-01", "Schema draft complete, ready for review")
    tm(orchestrate, db, "discover", "T-01", "CRITICAL: Need Redis for session management")
    tm(orchestrate, "orchestrator", "sync", "T-01", "SYNC: All teams check in at 2 PM")
    tm(orchestrate, backend, "note", "T-01", "I would have taken MySQL")

    def seen_by(who: str) -> list[tuple[str, str]]:
        answer = orchestrate("context", "T-01", "--json", env={"TM_AGENT_ID": who}).json
        return [(each["kind"], each["text"].split(maxsplit=1)[0]) for each in answer["messages"]]

    shared = [("share", "Decided"), ("share", "Schema"), ("discover", "CRITICAL:"), ("sync", "SYNC:")]
    notes = [("note", "Considering"), ("note", "Research:")]
    assert [("join", "joined"), *notes, *shared] == seen_by(db)
    assert [("join", "joined"), *shared, ("note", "I")] == seen_by(backend)
    assert [("join", "joined"), *shared] == seen_by("orchestrator")
    everything_else = [
        path.read_text(encoding="utf-8") for path in root.rglob("*") if path.is_file() and path.parent.name != "notes"
    ]
    assert not any("NoSQL" in text or "MySQL" in text for text in everything_else)


def test_s1_07_requirements_that_begin_with_a_dash(orchestrate: Orchestrate, root: Path) -> None:
    """As `orchestrate_auth.sh` shares them."""
    lines = [
        "Requirements Document:",
        "- JWT-based authentication",
        "- Password reset via email",
        "- 2FA support (TOTP)",
        "- Session management with Redis",
        "- GDPR compliant audit logs",
    ]
    for line in lines:
        assert "" == tm(orchestrate, "orchestrator", "share", "T-01", line)
    shown = tm(orchestrate, "orchestrator", "context", "T-01").splitlines()
    assert lines == [line.strip() for line in shown if line.startswith("   ")]


def test_s1_09_a_discovery_alerts_whoever_waits(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Also the one who looks after a run."""
    write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    tm(orchestrate, "db", "discover", "T-01", "Need Redis")
    waited = orchestrate("wait", "--timeout", "10m")
    assert 3 == waited.returncode
    assert "💡 T-01 · db: Need Redis" in waited.stdout
    gate.open()
    ended = orchestrate.finish(run)
    assert "💡 T-01 · db: Need Redis" in ended.stderr.splitlines()


def test_s1_13_and_s0_28_watching_it_happen(orchestrate: Orchestrate, root: Path) -> None:
    """Updates, discoveries and what the tasks do, each as it happens."""
    watching = orchestrate.start("watch", env={"TM_AGENT_ID": "orchestrator"})
    assert watching.stdout is not None
    tm(orchestrate, "db", "share", "T-01", "Schema draft complete")
    assert "T-01 share db: Schema draft complete" in watching.stdout.readline()
    tm(orchestrate, "db", "discover", "T-01", "Need Redis")
    assert "T-01 discover db: Need Redis" in watching.stdout.readline()
    assert 0 == orchestrate("run").returncode
    happened = [watching.stdout.readline() for _ in range(8)]
    assert ["run", *["T-01"] * 2, *["T-02"] * 2, *["T-05"] * 2, "run"] == [line.split()[2] for line in happened]
    assert watching.poll() is None


def test_s1_14_watching_in_a_loop(orchestrate: Orchestrate, root: Path) -> None:
    """`while true; do tm list --status blocked; tm watch; sleep; done`: each round tells what is new, and returns."""
    os.mkfifo(orchestrate.where / "bell")  # in the place of `sleep`
    loop = start_script(
        orchestrate,
        "while read -r round; do ./tm list --status blocked; ./tm watch --once; echo $round; done < bell",
        "./tm",
        TM_AGENT_ID="orchestrator",
    )
    rounds = []
    with (orchestrate.where / "bell").open("w", encoding="utf-8", buffering=1) as bell, loop:
        assert loop.stdout is not None
        for number, (kind, text) in enumerate((("share", "one"), ("discover", "two"), ("", ""))):
            if kind:
                tm(orchestrate, "db", kind, "T-01", text)
            bell.write(f"end of round {number}\n")
            rounds.append(list(iter(loop.stdout.readline, f"end of round {number}\n")))
        bell.close()
        assert 0 == loop.wait(PATIENCE)
    assert [1, 1, 0] == [len(each) for each in rounds]
    assert rounds[0][0].endswith("T-01 share db: one\n")
    assert rounds[1][0].endswith("T-01 discover db: two\n")


def test_s1_14_watch_returns_when_its_time_is_over(orchestrate: Orchestrate, root: Path) -> None:
    """Without ``--once`` it tells what comes meanwhile, too."""
    assert "" == tm(orchestrate, "orchestrator", "watch", "--timeout", "0.2s")
    tm(orchestrate, "db", "share", "T-01", "one")
    assert "one" in tm(orchestrate, "orchestrator", "watch", "--timeout", "0.2s")


def test_s1_28_a_blocker_and_its_answer(orchestrate: Orchestrate, root: Path) -> None:
    """The agent reports it, the orchestrator reviews it and answers, the agent reads the answer."""
    backend = "backend_specialist"
    tm(orchestrate, backend, "discover", "T-05", "BLOCKED: Need database schema finalized")
    assert "T-05 discover backend_specialist: BLOCKED" in tm(orchestrate, "boss", "watch", "--once")
    assert "BLOCKED: Need database schema finalized" in tm(orchestrate, "boss", "context", "T-05")
    tm(orchestrate, "boss", "share", "T-05", "Escalating to db_specialist for immediate resolution")
    assert "boss · share" in tm(orchestrate, backend, "context", "T-05")


def test_s1_36_everything_is_a_file_one_can_read(orchestrate: Orchestrate, root: Path) -> None:
    """One shared file per task, one of notes per task and agent; `cat` and `grep` are enough."""
    tm(orchestrate, "db_specialist", "share", "T-01", "Schema draft complete")
    tm(orchestrate, "backend_specialist", "share", "T-01", "API begun")
    tm(orchestrate, "db_specialist", "note", "T-01", "Considering NoSQL")
    tm(orchestrate, "backend_specialist", "note", "T-01", "I would have taken MySQL")
    names = sorted(path.relative_to(root).as_posix() for path in root.glob("[cn]o*/*"))
    assert [
        "contexts/context-agent-01.md",
        "notes/notes-agent-01-backend_specialist.md",
        "notes/notes-agent-01-db_specialist.md",
    ] == names
    found = subprocess.run(
        ["/bin/grep", "-rh", "^> ", root / "contexts"],
        capture_output=True, text=True, timeout=PATIENCE, check=True,
    ).stdout  # fmt: skip
    assert "> Schema draft complete\n> API begun\n" == found
    assert "NoSQL" not in found
    assert "Considering NoSQL" in (root / names[2]).read_text(encoding="utf-8")
    assert "MySQL" not in (root / names[2]).read_text(encoding="utf-8")


def test_s1_36_what_was_completed_before_is_in_the_archive(orchestrate: Orchestrate, root: Path) -> None:
    """As files that one can read, under the names that they had."""
    assert 0 == orchestrate("run", "--only", "T-01").returncode
    before = (root / "results/agent-01-result.md").read_bytes()
    assert b"status: completed" in before
    assert 0 == orchestrate("run", "--fresh").returncode
    (kept,) = root.glob("archive/*/results/agent-01-result.md")
    assert before == kept.read_bytes()
