"""Plan directories that an older version left (``tests/data/v1``): read, finished, and nothing of them is lost."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of

OLD = Path(__file__).parents[1] / "data/v1"


def old(root: Path, name: str) -> dict[str, bytes]:
    """Put an old plan directory in the place of one; return its files, and what stood in them."""
    shutil.copytree(OLD / name, root)
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def lost(root: Path, before: dict[str, bytes]) -> list[str]:
    """The results and logs of before that are not there any more, or say something else."""
    kept = {path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return [
        name
        for name, data in before.items()
        if name.endswith((".out", "-result.md"))
        and data not in kept
        and data.partition(b"## Answer")[2] not in b"".join(kept)
    ]


@pytest.mark.parametrize(
    ("name", "statuses"),
    [
        ("completed", ["completed", "completed", "completed"]),
        ("failed", ["completed", "failed", "skipped", "completed", "cancelled"]),
        ("held", ["completed", "pending", "waiting"]),
        ("running", ["completed", "pending", "waiting"]),
        ("simulated", ["completed", "completed"]),
    ],
)
def test_an_old_plan_stands_where_it_stood(
    orchestrate: Orchestrate, root: Path, name: str, statuses: list[str]
) -> None:
    """To look at it changes nothing, with its cache or without."""
    before = old(root, name)
    for _ in range(2):
        assert statuses == list(orchestrate.statuses().values())
        (root / "index.json").unlink()
    assert 0 == orchestrate("validate").returncode
    assert 0 == orchestrate("status").returncode
    assert not [name for name, data in before.items() if name != "index.json" and (root / name).read_bytes() != data]


def test_what_is_completed_stays(orchestrate: Orchestrate, root: Path) -> None:
    before = old(root, "completed")
    assert "one" == answer_of(root, "T-01")
    assert "Prices are in cents" in orchestrate("context", "T-01").stdout
    assert 0 == orchestrate("run").returncode
    results = [name for name in before if name.startswith(("results/", "archive/", "logs/"))]
    assert len(results) > 12
    assert all(before[name] == (root / name).read_bytes() for name in results)


def test_what_failed_is_mended(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """What was completed is not done again, and what a person cancelled stays cancelled."""
    before = old(root, "failed")
    (tmp_path / "mended").touch()
    ran = orchestrate("run")
    assert ["completed"] * 4 + ["cancelled"] == list(orchestrate.statuses().values()), ran
    assert ("two", "from the file b") == (answer_of(root, "T-02"), answer_of(root, "T-04"))
    assert "two" in answer_of(root, "T-03")
    assert before["results/agent-04-result.md"] == (root / "results/agent-04-result.md").read_bytes()
    assert [] == [name for name in lost(root, before) if "agent-02" not in name]


def test_what_was_interrupted_goes_on(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """Its run died with its agent, on a machine that was started anew since."""
    before = old(root, "running")
    (tmp_path / "go").touch()
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    assert "two" in answer_of(root, "T-03")
    attempts = orchestrate("show", "T-02", "--json").json["task"]["attempts"]
    assert ["interrupted", "completed"] == [each["status"] for each in attempts]
    assert before["logs/agent-02.attempt-1.out"] == (root / "logs/agent-02.attempt-1.out").read_bytes()


def test_what_was_held_is_done(claude: ClaudePlan) -> None:
    """The account opened long ago; the answer that was paid for is handed on."""
    old(claude.root, "held")
    assert 0 == claude.run().returncode
    assert ["T-02", "T-03"] == [call.task for call in claude.calls()]
    assert "The first answer" in claude.calls()[0].prompt


def test_what_was_simulated_is_done(orchestrate: Orchestrate, root: Path) -> None:
    old(root, "simulated")
    assert 0 == orchestrate("run").returncode
    assert "one" in answer_of(root, "T-02")


def test_old_plans_among_plans(orchestrate: Orchestrate, root: Path) -> None:
    """One at work, one that waits for a person, one put away."""
    old(root, "several")
    listed = orchestrate("status", "--all").stdout
    assert ("IN_PROGRESS", "PLANNING") == tuple(
        line.split()[2] for line in listed.splitlines() if line.startswith("TASK-")
    ), listed
    assert 0 == orchestrate("run", "TASK-001").returncode
    assert "walls" in answer_of(root / "TASK-001", "subtask_02")
    assert 0 == orchestrate("transition", "TASK-003", "approve").returncode
    assert "TASK-004" == orchestrate("create", "Close the shop").stdout.strip()
